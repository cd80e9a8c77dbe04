"""Signed authorization requests (RFC 9101): taken as they were signed, or not at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.support.samples import NOW, POLICY
from tests.unit.protocol.test_authorize import GOOD, WEB, with_settings

from lingpai import Key
from lingpai.jose import base64url, strict_json
from lingpai.jose.jws import sign_compact
from lingpai.jose.key_set import KeySet
from lingpai.jose.keys import PrivateKey
from lingpai_server.core.client_settings import SecurityProfile
from lingpai_server.protocol.errors import Refusal
from lingpai_server.protocol.request_object import (
    check_names,
    merge_parameters,
    open_request_object,
)

KEY = Key.generate("ES256", kid="k1")
assert isinstance(KEY, PrivateKey)
KEYS = KeySet([KEY.public])
CLAIMS: dict[str, Any] = {
    "iss": "web",
    "aud": POLICY.issuer,
    "exp": int(NOW) + 60,
    "nbf": int(NOW),
    **GOOD,
}


UNSIGNED = ".".join(
    (base64url.encode(b'{"alg":"none"}'), base64url.encode(strict_json.encode(CLAIMS)), "")
)


def seal(key: Key = KEY, *, typ: str = "oauth-authz-req+jwt", **changes: Any) -> str:
    claims = {name: value for name, value in (CLAIMS | changes).items() if value is not None}
    header = {"alg": key.alg, "kid": "k1", "typ": typ}
    assert isinstance(key, PrivateKey)
    return sign_compact(strict_json.encode(claims), key, header)


def read(raw: str, client: Any = WEB, keys: KeySet | None = KEYS) -> Any:
    return open_request_object(raw, client, keys, issuer=POLICY.issuer, now=NOW)


@pytest.mark.parametrize("typ", ["oauth-authz-req+jwt", "JWT"])
def test_the_parameters_come_out_as_they_were_signed(typ: str) -> None:
    assert read(seal(typ=typ)) == GOOD


def test_numbers_and_objects_stand_for_their_json() -> None:
    read_ = read(seal(max_age=5, claims={"userinfo": {"name": None}}))
    assert (read_["max_age"], read_["claims"]) == ("5", '{"userinfo":{"name":null}}')


def test_an_object_need_not_say_who_it_is_of_unless_the_profile_asks() -> None:
    bare = seal(iss=None, aud=None, exp=None, nbf=None)
    assert read(bare) == GOOD
    assert isinstance(read(bare, with_settings(profile=SecurityProfile.FAPI2)), Refusal)
    assert read(seal(), with_settings(profile=SecurityProfile.FAPI2)) == GOOD


@pytest.mark.parametrize(
    "raw",
    [
        seal(iss="another"),
        seal(aud="https://other.example"),
        seal(exp=int(NOW) - 60),
        seal(nbf=int(NOW) + 60),
        seal(request="x"),
        seal(request_uri="urn:x"),
        seal(client_id="another"),
        seal(state=True),
        seal(typ="at+jwt"),
        seal()[:-3] + "AAA",
        "not a token",
        "",
        UNSIGNED,
    ],
)
def test_what_is_not_right_is_refused(raw: str) -> None:
    refusal = read(raw)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "invalid_request_object"


def test_only_the_algorithm_that_was_registered_will_do() -> None:
    assert read(seal(), with_settings(request_object_alg="ES256")) == GOOD
    assert isinstance(read(seal(), with_settings(request_object_alg="RS256")), Refusal)


def test_a_key_of_somebody_else_signs_nothing() -> None:
    other = Key.generate("ES256", kid="k1")
    assert isinstance(read(seal(other)), Refusal)
    assert isinstance(read(seal(), keys=None), Refusal)


def test_what_is_outside_does_not_count() -> None:
    """RFC 9101 section 6.3; OpenID Connect Core section 6.1 for who lives by it."""
    outside, inside = {"client_id": "web", "scope": "admin", "state": "x"}, {"scope": "openid"}
    assert merge_parameters(outside, inside, WEB) == {"client_id": "web", "scope": "openid"}
    oidc = replace(WEB, settings=replace(WEB.settings, profile=SecurityProfile.OIDC))
    merged = merge_parameters(outside, inside, oidc)
    assert merged == {"client_id": "web", "scope": "openid", "state": "x"}


def test_the_two_may_not_contradict_each_other() -> None:
    for name in ("client_id", "response_type"):
        assert isinstance(merge_parameters({name: "a"}, {name: "b"}, WEB), Refusal)


def test_an_object_comes_by_value_or_by_reference() -> None:
    assert isinstance(check_names(["request", "request_uri"]), Refusal)
    assert check_names(["request"]) is None
