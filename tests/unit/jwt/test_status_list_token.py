"""The token that a status list comes in (Token Status List sections 5.1 and 8.3)."""

from __future__ import annotations

import math
from typing import Any

import pytest
from tests.support.tokens import ISSUER, NOW, header, private_key, seal, secret_key

from lingpai import ANY_ISSUER, errors
from lingpai.jwt.status_list import (
    StatusList,
    StatusListToken,
    open_status_list,
    sign_status_list,
)

URI = "https://id.example/status-lists/1"
STATUSES = StatusList.of([1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1], bits=1)


def raw(head: dict[str, Any] | None = None, /, **changes: Any) -> str:
    members = {
        "iss": ISSUER,
        "sub": URI,
        "iat": NOW,
        "exp": NOW + 3600,
        "ttl": 60,
        "status_list": STATUSES.to_claim(),
    } | changes
    kind = header(**({"typ": "statuslist+jwt"} | (head or {})))
    return seal(kind, {n: v for n, v in members.items() if v is not ...})


def open_(text: str, **options: Any) -> StatusListToken:
    given: dict[str, Any] = {"uri": URI, "issuer": ISSUER, "now": NOW} | options
    return open_status_list(text, secret_key(), **given)


def test_what_is_signed_is_what_is_opened() -> None:
    key = private_key("ES256")
    text = sign_status_list(
        STATUSES,
        key,
        uri=URI,
        issuer=ISSUER,
        now=NOW,
        expires_at=NOW + 3600,
        ttl_seconds=60,
        claims={"seq": 7},
    )
    found = open_status_list(text, key.public, uri=URI, issuer=ISSUER, now=NOW)
    assert found.statuses == STATUSES
    assert (found.uri, found.issued_at, found.expires_at) == (URI, NOW, NOW + 3600)
    assert (found.ttl_seconds, found.claims["seq"]) == (60, 7)


def test_further_claims_do_not_replace_those_of_the_list() -> None:
    text = sign_status_list(
        STATUSES,
        secret_key(),
        uri=URI,
        issuer=ISSUER,
        now=NOW,
        expires_at=NOW + 3600,
        ttl_seconds=60,
        claims={"sub": "https://evil.example", "exp": 1},
    )
    assert open_(text).expires_at == NOW + 3600


def test_a_list_of_a_million_is_signed_and_opened() -> None:
    many = StatusList.zeros(1_000_000, bits=2).changed(dict.fromkeys(range(0, 10**6, 9), 1))
    text = sign_status_list(
        many, secret_key(), uri=URI, issuer=ISSUER, now=NOW, expires_at=NOW + 9, ttl_seconds=9
    )
    assert open_(text).statuses == many


@pytest.mark.parametrize("sub", ["https://id.example/status-lists/2", URI + "/", URI.upper(), ""])
def test_the_list_of_another_uri_is_refused(sub: str) -> None:  # section 8.3, step 4a
    with pytest.raises(errors.InvalidClaim, match="sub is"):
        open_(raw(sub=sub))


@pytest.mark.parametrize("name", ["sub", "iat", "status_list"])
def test_a_required_claim_is_missed(name: str) -> None:  # section 5.1
    with pytest.raises(errors.MissingClaim, match=name):
        open_(raw(**{name: ...}))


@pytest.mark.parametrize("typ", [..., "JWT", "at+jwt", "statuslist+cwt", "statuslist"])
def test_another_kind_of_token_is_refused(typ: object) -> None:  # section 5.1
    with pytest.raises(errors.TypMismatch):
        open_(raw({"typ": typ}))


def test_a_list_of_another_issuer_is_refused() -> None:
    with pytest.raises(errors.IssuerMismatch):
        open_(raw(iss="https://evil.example"))
    with pytest.raises(errors.MissingClaim, match="iss"):
        open_(raw(iss=...))


def test_a_list_without_issuer_passes_where_the_keys_alone_speak() -> None:
    open_(raw(iss=...), issuer=ANY_ISSUER)


def test_an_expired_list_is_refused() -> None:  # section 8.3, step 4c
    open_(raw(exp=NOW + 1))
    with pytest.raises(errors.TokenExpired):
        open_(raw(exp=NOW))
    open_(raw(exp=NOW), leeway_seconds=1)


def test_a_list_of_the_future_is_refused() -> None:  # section 8.3, step 4b
    with pytest.raises(errors.TokenIssuedInFuture):
        open_(raw(iat=NOW + 61))


def test_a_forged_list_is_refused() -> None:  # section 5.1, rule 2
    with pytest.raises(errors.SignatureInvalid):
        open_(raw()[:-6] + "AAAAAA")


@pytest.mark.parametrize("ttl", [0, -1, "60", True, None, [60], 1e300], ids=str)
def test_a_ttl_is_a_positive_number(ttl: object) -> None:  # section 5.1
    with pytest.raises(errors.InvalidClaim, match="ttl"):
        open_(raw(ttl=ttl))


@pytest.mark.parametrize("value", [None, [], {"bits": 3, "lst": "eNo"}, {"bits": 1}], ids=str)
def test_a_list_that_cannot_be_read_is_refused(value: object) -> None:
    with pytest.raises(errors.ClaimError):
        open_(raw(status_list=value))


def test_the_bound_on_the_list_is_the_callers() -> None:
    open_(raw(), max_list_bytes=2)
    with pytest.raises(errors.InvalidClaim, match="more than 1 bytes"):
        open_(raw(), max_list_bytes=1)


def test_a_fresh_copy_is_due_after_the_ttl_and_never_past_exp() -> None:  # 8.2 and 8.3, step 4d
    assert open_(raw(ttl=60)).fresh_until(NOW + 5) == NOW + 65
    assert open_(raw(ttl=7200)).fresh_until(NOW + 5) == NOW + 3600
    assert open_(raw(ttl=...)).fresh_until(NOW + 5) == NOW + 3600


def test_a_list_without_exp_and_ttl_has_no_end_of_its_own() -> None:
    found = open_(raw(exp=..., ttl=...))
    assert found.fresh_until(NOW) == found.expires_at == math.inf
