"""Tokens shaped like those of issuers that many have: good ones pass, near ones do not.

The shapes are those that the issuers document; keys, names and identifiers are made up.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from lingpai import errors
from lingpai.jose import strict_json
from lingpai.jose.jws import sign_compact
from lingpai.jose.keys import Key, PrivateKey
from lingpai.verifier import Verifier
from lingpai.verifier.flows import FetchFailed, Get, Response, metadata_urls
from lingpai.verifier.known_issuers import (
    KnownIssuer,
    auth0,
    cognito,
    entra_v1,
    entra_v2,
    github_actions,
    google,
    keycloak,
    okta,
)

TENANT = "0f0f0f0f-0000-4000-8000-000000000001"
API = "0a0a0a0a-0000-4000-8000-000000000002"
APP = "0b0b0b0b-0000-4000-8000-000000000003"
KEY = Key.generate("RS256", kid="key-1")


@dataclass(frozen=True)
class Shape:
    """An issuer, the header and claims of a token of its, and what they mean here."""

    known: KnownIssuer
    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    scopes: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    permissions: frozenset[str] = frozenset()
    client_id: str | None = APP
    # one change each, and the refusal that it has to meet
    near: Mapping[str, tuple[Mapping[str, Any], type[errors.TokenError]]] = field(
        default_factory=dict
    )


JWT = {"typ": "JWT"}
SHAPES = {
    "keycloak": Shape(
        keycloak("https://id.example/realms/main", "orders"),
        JWT,
        {
            "iss": "https://id.example/realms/main",
            "aud": ["orders", "account"],
            "typ": "Bearer",
            "azp": APP,
            "acr": "1",
            "scope": "openid email",
            "realm_access": {"roles": ["offline_access"]},
            "resource_access": {"orders": {"roles": ["clerk"]}, "notes": {"roles": ["writer"]}},
        },
        scopes=frozenset({"openid", "email"}),
        roles=frozenset({"offline_access", "clerk"}),
        near={
            "its ID token": ({"typ": "ID"}, errors.InvalidClaim),
            "another realm": ({"iss": "https://id.example/realms/x"}, errors.IssuerMismatch),
            "another client's API": ({"aud": "account"}, errors.AudienceMismatch),
        },
    ),
    "auth0": Shape(
        auth0("example.eu.auth0.com", "https://orders.example"),
        JWT,
        {
            "iss": "https://example.eu.auth0.com/",
            "aud": ["https://orders.example", "https://example.eu.auth0.com/userinfo"],
            "azp": APP,
            "scope": "openid orders:read",
            "permissions": ["orders:refund"],
        },
        scopes=frozenset({"openid", "orders:read"}),
        permissions=frozenset({"orders:refund"}),
        near={"its ID token": ({"aud": APP}, errors.AudienceMismatch)},
    ),
    "auth0, RFC 9068": Shape(
        auth0("example.eu.auth0.com", "https://orders.example", rfc9068=True),
        {"typ": "at+jwt"},
        {
            "iss": "https://example.eu.auth0.com/",
            "aud": "https://orders.example",
            "client_id": APP,
            "jti": "t-1",
            "scope": "orders:read",
        },
        scopes=frozenset({"orders:read"}),
    ),
    "entra v2": Shape(
        entra_v2(TENANT, API),
        JWT,
        {
            "iss": f"https://login.microsoftonline.com/{TENANT}/v2.0",
            "aud": API,
            "azp": APP,
            "azpacr": "1",
            "tid": TENANT,
            "ver": "2.0",
            "scp": "Orders.Read Orders.Write",
            "roles": ["Clerk"],
            "oid": "user-1",
        },
        scopes=frozenset({"Orders.Read", "Orders.Write"}),
        roles=frozenset({"Clerk"}),
        near={
            "its ID token": ({"azp": None}, errors.MissingClaim),
            "another tenant": ({"tid": API}, errors.InvalidClaim),
            "an older version": ({"ver": "1.0"}, errors.InvalidClaim),
        },
    ),
    "entra v1": Shape(
        entra_v1(TENANT, f"api://{API}"),
        JWT,
        {
            "iss": f"https://sts.windows.net/{TENANT}/",
            "aud": f"api://{API}",
            "appid": APP,
            "tid": TENANT,
            "ver": "1.0",
            "scp": "user_impersonation",
        },
        scopes=frozenset({"user_impersonation"}),
        near={"its ID token": ({"appid": None}, errors.MissingClaim)},
    ),
    "cognito": Shape(
        cognito("eu-west-1", "eu-west-1_Example", APP),
        {},
        {
            "iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Example",
            "token_use": "access",
            "client_id": APP,
            "scope": "orders/read",
            "cognito:groups": ["clerks"],
            "username": "ming",
        },
        scopes=frozenset({"orders/read"}),
        roles=frozenset({"clerks"}),
        near={
            "its ID token": ({"token_use": "id", "aud": APP}, errors.InvalidClaim),
            "another client": ({"client_id": "other"}, errors.InvalidClaim),
        },
    ),
    "google": Shape(
        google(APP, hosted_domain="example.com"),
        JWT,
        {
            "iss": "https://accounts.google.com",
            "aud": APP,
            "azp": APP,
            "hd": "example.com",
            "email": "ming@example.com",
            "email_verified": True,
        },
        near={
            "another domain": ({"hd": "other.example"}, errors.InvalidClaim),
            "no domain": ({"hd": None}, errors.MissingClaim),
            "another client": ({"aud": "other"}, errors.AudienceMismatch),
        },
    ),
    "okta": Shape(
        okta("https://example.okta.com/oauth2/default", "api://default"),
        {},
        {
            "iss": "https://example.okta.com/oauth2/default",
            "aud": "api://default",
            "cid": APP,
            "uid": "user-1",
            "jti": "AT.1",
            "ver": 1,
            "scp": ["openid", "orders:read"],
            "groups": ["Everyone", "Clerks"],
        },
        scopes=frozenset({"openid", "orders:read"}),
        roles=frozenset({"Everyone", "Clerks"}),
        near={"its ID token": ({"cid": None, "aud": APP}, errors.AudienceMismatch)},
    ),
    "github actions": Shape(
        github_actions("https://deploy.example", repository="octo/orders", ref="refs/heads/main"),
        JWT,
        {
            "iss": "https://token.actions.githubusercontent.com",
            "aud": "https://deploy.example",
            "sub": "repo:octo/orders:ref:refs/heads/main",
            "jti": "t-1",
            "repository": "octo/orders",
            "repository_owner": "octo",
            "ref": "refs/heads/main",
            "workflow": "deploy",
        },
        client_id=None,
        near={
            "another repository": ({"repository": "evil/orders"}, errors.InvalidClaim),
            "another branch": ({"ref": "refs/heads/x"}, errors.InvalidClaim),
        },
    ),
}
each = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())


def seal(shape: Shape, *, key: Key = KEY, alg: str = "RS256", **changes: Any) -> str:
    """A token of that shape; None leaves a claim out."""
    assert isinstance(key, PrivateKey)
    now = int(time.time())
    claims = {"sub": "user-1", "iat": now, "exp": now + 300, **shape.claims, **changes}
    kept = {name: value for name, value in claims.items() if value is not None}
    header = {"alg": alg, "kid": "key-1", **shape.header}
    return sign_compact(strict_json.encode(kept), key, header)


class Publisher:
    """A `Transport` that publishes one key as the issuer would; Entra's keys name no algorithm."""

    def __init__(self, known: KnownIssuer) -> None:
        issuer = known.policy.issuer
        assert isinstance(issuer, str)
        self.metadata_url = known.metadata_url or metadata_urls(issuer)[1]
        self.metadata = {"issuer": issuer, "jwks_uri": f"{issuer.rstrip('/')}/keys"}
        assert isinstance(KEY, PrivateKey)
        jwk = KEY.public.to_jwk() | {"use": "sig"}
        if known.default_algorithm is not None:
            del jwk["alg"]
        self.jwks = {"keys": [jwk]}

    def get(self, request: Get) -> Response:
        if request.url == self.metadata_url:
            return Response(200, {}, strict_json.encode(self.metadata))
        if request.url == self.metadata["jwks_uri"]:
            return Response(200, {}, strict_json.encode(self.jwks))
        return Response(404)

    def stream(self, request: Get, **_: Any) -> Any:
        raise FetchFailed(f"{request.url}: none of these issuers streams anything")

    def cancel(self) -> None:
        """Nothing ever waits."""

    def clone(self) -> Publisher:
        return self


@each
def test_a_token_of_that_shape_passes_and_means_what_it_says(shape: Shape) -> None:
    with Verifier.of(shape.known, transport=Publisher(shape.known)) as verifier:
        token = verifier.verify(seal(shape))
        assert verifier.verify(seal(shape)).subject == token.subject
    assert token.scopes == shape.scopes
    assert token.roles == shape.roles
    assert token.permissions == shape.permissions
    assert token.client_id == shape.client_id


@pytest.mark.parametrize(
    ("shape", "name"),
    [(shape, name) for shape in SHAPES.values() for name in shape.near],
    ids=lambda value: value if isinstance(value, str) else value.known.name,
)
def test_a_token_that_is_near_to_it_is_refused(shape: Shape, name: str) -> None:
    changes, refusal = shape.near[name]
    verifier = Verifier.of(shape.known, transport=Publisher(shape.known))
    with verifier, pytest.raises(refusal):
        verifier.verify(seal(shape, **changes))


@pytest.mark.parametrize("name", ["entra v1", "entra v2"])
def test_a_key_without_an_algorithm_has_the_profiles_and_not_the_headers(name: str) -> None:
    shape = SHAPES[name]
    other = Key.from_jwk(
        {k: v for k, v in KEY.to_jwk(private=True).items() if k != "alg"}, alg="PS256"
    )
    verifier = Verifier.of(shape.known, transport=Publisher(shape.known))
    with verifier, pytest.raises(errors.AlgorithmMismatch):
        verifier.verify(seal(shape, key=other, alg="PS256"))


@each
def test_none_of_them_is_said_to_offer_revocation(shape: Shape) -> None:
    assert not shape.known.offers_status
