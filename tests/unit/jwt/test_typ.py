"""typ says what kind of token it is, as a media type (RFC 7515 section 4.1.9, RFC 8725 3.11)."""

from __future__ import annotations

import pytest
from tests.support.tokens import AUDIENCE, ISSUER, accept, token

from lingpai import NO_TYP, Policy, errors

ANY_KIND = Policy(issuer=ISSUER, audience=AUDIENCE, typ=NO_TYP)


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"])
def test_typ_is_compared_as_a_media_type(typ: str) -> None:
    accept(token({"typ": typ}))


@pytest.mark.parametrize(
    "typ",
    ["JWT", "dpop+jwt", "at", "at+jwt ", " at+jwt", "text/at+jwt", "application/x/at+jwt", "", ...],
)
def test_another_kind_of_token_is_refused(typ: object) -> None:
    with pytest.raises(errors.TypMismatch, match="this policy accepts 'at"):
        accept(token({"typ": typ}))


@pytest.mark.parametrize("policy_typ", ["at+jwt", "AT+jwt", "application/at+jwt"])
def test_the_policy_may_spell_it_either_way(policy_typ: str) -> None:
    accept(token(), Policy(issuer=ISSUER, audience=AUDIENCE, typ=policy_typ))


@pytest.mark.parametrize("typ", [..., "JWT", "jwt", "application/jwt"])
def test_no_typ_accepts_tokens_that_name_no_kind(typ: object) -> None:
    accept(token({"typ": typ}), ANY_KIND)


@pytest.mark.parametrize("typ", ["at+jwt", "logout+jwt", ""])
def test_no_typ_refuses_tokens_that_name_one(typ: str) -> None:
    with pytest.raises(errors.TypMismatch):
        accept(token({"typ": typ}), ANY_KIND)
