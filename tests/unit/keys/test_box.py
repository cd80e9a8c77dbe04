"""What the issuer seals it alone can read, nobody can alter, and no other kind of text passes."""

from __future__ import annotations

import pytest

from lingpai.jose import jwe
from lingpai.jose.key_set import KeySet
from lingpai.jose.keys import Key, SecretKey
from lingpai_server.keys.box import EMPTY_BOX, SecretBox

MEMBERS = {"client_id": "app", "at": 1}


def new_key(kid: str = "k1") -> SecretKey:
    key = Key.generate("A256GCM", kid=kid)
    assert isinstance(key, SecretKey)
    return key


def box_of(*keys: SecretKey) -> SecretBox:
    return SecretBox(keys[-1], KeySet(keys))


def test_what_was_sealed_opens() -> None:
    box = box_of(new_key())
    assert box.open(box.seal(MEMBERS, typ="t"), typ="t") == MEMBERS


def test_what_was_sealed_as_one_kind_does_not_open_as_another() -> None:
    box = box_of(new_key())
    assert box.open(box.seal(MEMBERS, typ="t"), typ="u") is None


def test_sealed_text_shows_nothing_of_its_content() -> None:
    sealed = box_of(new_key()).seal({"secret": "peony"}, typ="t")
    assert "peony" not in sealed


def test_another_key_opens_nothing() -> None:
    sealed = box_of(new_key()).seal(MEMBERS, typ="t")
    assert box_of(new_key()).open(sealed, typ="t") is None


def test_older_key_still_opens() -> None:
    old, new = new_key("k1"), new_key("k2")
    sealed = box_of(old).seal(MEMBERS, typ="t")
    assert box_of(old, new).open(sealed, typ="t") == MEMBERS


def test_every_part_is_bound_to_every_other() -> None:
    box = box_of(new_key())
    sealed = box.seal(MEMBERS, typ="t")
    for position, character in enumerate(sealed):
        changed = "A" if character != "A" else "B"
        assert box.open(sealed[:position] + changed + sealed[position + 1 :], typ="t") is None


@pytest.mark.parametrize("text", ["", ".", "a.b.c", "a.b.c.d.e", "ü", "x" * 100_000])
def test_text_that_was_never_sealed_opens_to_nothing(text: str) -> None:
    assert box_of(new_key()).open(text, typ="t") is None


def test_sealed_content_that_is_no_object_opens_to_nothing() -> None:
    key = new_key()
    assert box_of(key).open(jwe.encrypt(b"[1]", key, typ="t"), typ="t") is None


def test_box_without_keys_seals_nothing() -> None:
    with pytest.raises(LookupError):
        EMPTY_BOX.seal(MEMBERS, typ="t")
