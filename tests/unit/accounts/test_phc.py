"""PHC strings of Argon2id: what is written reads back, and nothing has a second spelling."""

from __future__ import annotations

import base64

import pytest

from lingpai_server.accounts.phc import (
    Argon2Parameters,
    PasswordHash,
    format_phc,
    is_weaker,
    parse_phc,
)

OWASP = Argon2Parameters(memory_kib=19456, iterations=2, lanes=1)
HASH = PasswordHash(OWASP, salt=bytes(range(16)), digest=bytes(range(32)))
TEXT = (
    "$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw"
    "$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
)


def test_a_hash_is_written_in_the_phc_format() -> None:
    assert format_phc(HASH) == TEXT


def test_a_written_hash_reads_back() -> None:
    assert parse_phc(TEXT) == HASH


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("argon2id", "argon2i"),
        ("argon2id", "bcrypt"),
        ("v=19", "v=16"),
        ("$v=19", ""),
        ("m=19456,t=2,p=1", "t=2,m=19456,p=1"),
        ("m=19456,t=2,p=1", "m=19456,t=2"),
        ("m=19456", "m=019456"),
        ("m=19456", "m=+19456"),
        ("m=19456", "m= 19456"),
        ("m=19456", "m=１9456"),
        ("m=19456", "m="),
        ("m=19456", "19456"),
        ("m=19456", "m=99999999999"),
        ("m=19456", "m=7"),
        ("t=2", "t=0"),
        ("p=1", "p=65"),
        ("ODw$", "ODw==$"),
        ("ODw$", "ODx$"),
        ("ODw$", "OD-$"),
        ("$AAECAwQFBgcICQoLDA0ODw$", "$AAEC$"),
        ("$AAECAwQFBgcICQoLDA0ODw$", "$$"),
        ("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "AAECAwQFBgcICQoL"),
        ("$argon2id", "argon2id"),
        ("$argon2id", "$$argon2id"),
        ("Hh8", "Hh8$"),
        ("Hh8", "Hh8\n"),
        ("Hh8", "令牌"),
    ],
)
def test_any_other_spelling_is_refused(before: str, after: str) -> None:
    changed = TEXT.replace(before, after)
    assert changed != TEXT
    with pytest.raises(ValueError):
        parse_phc(changed)


@pytest.mark.parametrize("text", ["", "$", "$$$$$", "password", "$argon2id$v=19$m=19456,t=2,p=1"])
def test_what_is_no_phc_string_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_phc(text)


def test_an_error_never_quotes_the_hash() -> None:
    secret = base64.b64encode(b"x" * 3).decode()
    with pytest.raises(ValueError) as caught:
        parse_phc(TEXT.replace("AAECAwQFBgcICQoLDA0ODw", secret))
    assert secret not in str(caught.value)


def test_a_hash_never_shows_its_salt_or_digest() -> None:
    assert "x00" not in repr(HASH)


@pytest.mark.parametrize("weaker", [(19455, 2, 1), (19456, 1, 1), (65536, 1, 4)])
def test_a_hash_with_any_lower_cost_is_weaker(weaker: tuple[int, int, int]) -> None:
    made = PasswordHash(Argon2Parameters(*weaker), HASH.salt, HASH.digest)
    assert is_weaker(made, OWASP)


@pytest.mark.parametrize("as_strong", [(19456, 2, 1), (65536, 3, 4)])
def test_a_hash_of_todays_cost_or_more_is_not_weaker(as_strong: tuple[int, int, int]) -> None:
    made = PasswordHash(Argon2Parameters(*as_strong), HASH.salt, HASH.digest)
    assert not is_weaker(made, OWASP)
