"""Refresh token texts: whatever is not exactly a derived token is refused, and nothing raises."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from lingpai_server.core.secret import Secret
from lingpai_server.sessions.refresh_token import (
    PresentedRefreshToken,
    RefreshKeys,
    RefreshTokenProblem,
    derive_refresh_token,
    verify_refresh_token,
)

BIGINTS = st.integers(0, 2**63 - 1)
FAMILY_IDS = st.binary(min_size=16, max_size=16)
SECRETS = st.binary(min_size=32, max_size=64)


@st.composite
def derived(draw: st.DrawFn) -> tuple[str, PresentedRefreshToken, RefreshKeys]:
    """A token, what it says, and the keys that say so."""
    version, family_id, generation = draw(BIGINTS), draw(FAMILY_IDS), draw(BIGINTS)
    keys = RefreshKeys(current=version, secrets={version: Secret(draw(SECRETS))})
    token = derive_refresh_token(keys, version=version, family_id=family_id, generation=generation)
    return token.reveal(), PresentedRefreshToken(version, family_id, generation), keys


@given(derived())
def test_every_token_reads_back_as_what_it_was_made_of(
    case: tuple[str, PresentedRefreshToken, RefreshKeys],
) -> None:
    text, says, keys = case
    assert verify_refresh_token(text, keys) == says


@given(derived(), st.data())
def test_no_token_with_one_character_changed_is_authentic(
    case: tuple[str, PresentedRefreshToken, RefreshKeys], data: st.DataObject
) -> None:
    text, _, keys = case
    index = data.draw(st.integers(0, len(text) - 1))
    char = data.draw(st.characters())
    assume(char != text[index])
    changed = text[:index] + char + text[index + 1 :]
    assert isinstance(verify_refresh_token(changed, keys), RefreshTokenProblem)


@given(derived(), st.data())
def test_no_token_with_a_piece_cut_out_or_put_in_is_authentic(
    case: tuple[str, PresentedRefreshToken, RefreshKeys], data: st.DataObject
) -> None:
    text, _, keys = case
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    changed = text[:start] + data.draw(st.text(max_size=8)) + text[end:]
    assume(changed != text)
    assert isinstance(verify_refresh_token(changed, keys), RefreshTokenProblem)


@given(derived(), st.text())
def test_no_text_raises_or_is_authentic(
    case: tuple[str, PresentedRefreshToken, RefreshKeys], text: str
) -> None:
    _, _, keys = case
    for candidate in (text, "lp_rt_" + text):
        assert isinstance(verify_refresh_token(candidate, keys), RefreshTokenProblem)


@given(derived(), SECRETS)
def test_no_token_is_authentic_under_another_key(
    case: tuple[str, PresentedRefreshToken, RefreshKeys], other: bytes
) -> None:
    text, says, keys = case
    secret = keys.secrets[says.key_version].reveal()
    assume(other.ljust(64, b"\0") != secret.ljust(64, b"\0"))  # HMAC pads a key with zeros
    others = RefreshKeys(current=says.key_version, secrets={says.key_version: Secret(other)})
    assert verify_refresh_token(text, others) is RefreshTokenProblem.BAD_MAC


@given(derived(), derived())
def test_two_tokens_of_one_key_are_alike_only_if_they_say_the_same(
    first: tuple[str, PresentedRefreshToken, RefreshKeys],
    second: tuple[str, PresentedRefreshToken, RefreshKeys],
) -> None:
    says, keys = first[1], first[2]
    other = derive_refresh_token(
        keys,
        version=says.key_version,
        family_id=second[1].family_id,
        generation=second[1].generation,
    ).reveal()
    same = (says.family_id, says.generation) == (second[1].family_id, second[1].generation)
    assert (other == first[0]) == same
    assert (other[-43:] == first[0][-43:]) == same
