"""What the issuer says of itself (RFC 8414, OpenID Connect Discovery 1.0), from one table.

Only what is true today. Both documents ask to leave out an empty list, and both require
`response_types_supported`; there is no authorization endpoint yet, so that one list is given empty:
a reader that requires the member finds it, and finds nothing in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from lingpai_server.protocol.grants import GRANT_TYPES
from lingpai_server.protocol.requests import TLS_METHODS, ClientAuthMethod

# where each endpoint is, below the issuer
TOKEN_PATH = "/token"
REVOCATION_PATH = "/revoke"
JWKS_PATH = "/jwks"
AUTHORIZATION_PATH = "/authorize"
PUSHED_AUTHORIZATION_PATH = "/par"
DEVICE_AUTHORIZATION_PATH = "/device_authorization"
USERINFO_PATH = "/userinfo"
INTROSPECTION_PATH = "/introspect"
END_SESSION_PATH = "/end-session"
REGISTRATION_PATH = "/register"
OAUTH_METADATA_PATH = "/.well-known/oauth-authorization-server"
OPENID_METADATA_PATH = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class IssuerFacts:
    """`issuer` is exact; `scopes` are those of all its APIs."""

    issuer: str
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fact:
    """One member of the metadata and the documents that define it."""

    name: str
    value: Callable[[IssuerFacts], Any]
    in_oauth: bool = True
    in_openid: bool = True
    required: bool = False


def endpoint(path: str) -> Callable[[IssuerFacts], str]:
    """The URL of an endpoint."""
    return lambda facts: facts.issuer.removesuffix("/") + path


def constant(values: Iterable[str]) -> Callable[[IssuerFacts], list[str]]:
    """A list that is the same for every issuer; each reader gets one of its own."""
    fixed = tuple(values)
    return lambda _facts: list(fixed)


_AUTH_METHODS = tuple(method.value for method in ClientAuthMethod if method not in TLS_METHODS)

FACTS: tuple[Fact, ...] = (
    Fact("issuer", lambda facts: facts.issuer, required=True),
    Fact("token_endpoint", endpoint(TOKEN_PATH), required=True),
    Fact("jwks_uri", endpoint(JWKS_PATH), required=True),
    Fact("revocation_endpoint", endpoint(REVOCATION_PATH)),
    Fact("scopes_supported", lambda facts: sorted(set(facts.scopes))),
    Fact("response_types_supported", constant(()), required=True),
    Fact("grant_types_supported", constant(GRANT_TYPES)),
    Fact("token_endpoint_auth_methods_supported", constant(_AUTH_METHODS)),
    Fact("revocation_endpoint_auth_methods_supported", constant(_AUTH_METHODS)),
    Fact("subject_types_supported", constant(("public",)), in_oauth=False, required=True),
    Fact(  # OpenID Connect Core section 15.1 wants RS256 in it, and the key ring holds such a key
        "id_token_signing_alg_values_supported", constant(("RS256",)), in_oauth=False, required=True
    ),
)


def oauth_metadata(facts: IssuerFacts) -> Mapping[str, Any]:
    """RFC 8414 section 2."""
    return _document(facts, (fact for fact in FACTS if fact.in_oauth))


def openid_metadata(facts: IssuerFacts) -> Mapping[str, Any]:
    """OpenID Connect Discovery 1.0 section 3."""
    return _document(facts, (fact for fact in FACTS if fact.in_openid))


def _document(facts: IssuerFacts, members: Iterable[Fact]) -> Mapping[str, Any]:
    values = ((member, member.value(facts)) for member in members)
    document = {member.name: value for member, value in values if value or member.required}
    return MappingProxyType(document)
