"""What the issuer says of itself (RFC 8414, OpenID Connect Discovery 1.0), from one table.

Only what is true today, and the same under both well-known names: each document may hold what the
other defines. Both ask to leave out an empty list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from lingpai.jose.algorithms import CONTENT_ENCRYPTIONS
from lingpai.jwt.dpop import DPOP_ALGORITHMS
from lingpai_server.protocol.authorize.request import DISPLAYS, RESPONSE_MODES, Prompt
from lingpai_server.protocol.client_assertion import ASSERTION_ALGORITHMS
from lingpai_server.protocol.client_metadata import KEY_ENCRYPTIONS
from lingpai_server.protocol.grants import GRANT_TYPES
from lingpai_server.protocol.id_token import ID_TOKEN_HASHES
from lingpai_server.protocol.login import PASSWORD_ACR
from lingpai_server.protocol.openid_scopes import OPENID_SCOPES, SCOPE_OF_CLAIM
from lingpai_server.protocol.pkce import METHOD as PKCE_METHOD
from lingpai_server.protocol.requests import TLS_METHODS, ClientAuthMethod
from lingpai_server.protocol.status_uri import STATUS_LISTS_PATH, STATUS_STREAM_PATH

# where each endpoint is, below the issuer
LOGIN_PATH = "/login"
TOKEN_PATH = "/token"
REVOCATION_PATH = "/revoke"
JWKS_PATH = "/jwks"
AUTHORIZATION_PATH = "/authorize"
PUSHED_AUTHORIZATION_PATH = "/par"
DEVICE_AUTHORIZATION_PATH = "/device_authorization"
DEVICE_PATH = "/device"  # where a person types what a device shows
USERINFO_PATH = "/userinfo"
INTROSPECTION_PATH = "/introspect"
END_SESSION_PATH = "/end-session"
REGISTRATION_PATH = "/register"
OAUTH_METADATA_PATH = "/.well-known/oauth-authorization-server"
OPENID_METADATA_PATH = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class Features:
    """What an operator may open. `registration` is that of RFC 7591, `metadata_documents` lets the
    URL of a client's metadata be its identifier. `certificates` says that a proxy tells us of
    client certificates, `authorities` that some certificates are vouched for (RFC 8705)."""

    registration: bool = False
    metadata_documents: bool = False
    certificates: bool = False
    authorities: bool = False


CLOSED = Features()


@dataclass(frozen=True, slots=True)
class IssuerFacts:
    """`issuer` is exact; `scopes` and `details_types` are those of all its APIs; `algorithms` are
    those that it has keys for."""

    issuer: str
    scopes: tuple[str, ...] = ()
    details_types: tuple[str, ...] = ()
    algorithms: tuple[str, ...] = ()
    features: Features = CLOSED


@dataclass(frozen=True, slots=True)
class Fact:
    """One member of the metadata. Only a `required` one is there when it is empty or false."""

    name: str
    value: Callable[[IssuerFacts], Any]
    required: bool = False


def endpoint_url(issuer: str, path: str) -> str:
    """Where an endpoint is."""
    return issuer.removesuffix("/") + path


def endpoint(path: str) -> Callable[[IssuerFacts], str]:
    """The URL of an endpoint."""
    return lambda facts: endpoint_url(facts.issuer, path)


def constant(values: Iterable[str]) -> Callable[[IssuerFacts], list[str]]:
    """A list that is the same for every issuer; each reader gets one of its own."""
    fixed = tuple(values)
    return lambda _facts: list(fixed)


def always(value: bool) -> Callable[[IssuerFacts], bool]:
    """The same for every issuer."""
    return lambda _facts: value


def only_with(
    feature: Callable[[Features], bool], value: Callable[[IssuerFacts], Any] = lambda _: True
) -> Callable[[IssuerFacts], Any]:
    """The value, where the operator has opened that feature."""
    return lambda facts: value(facts) if feature(facts.features) else None


def auth_methods(*, public: bool) -> Callable[[IssuerFacts], list[str]]:
    """How clients may authenticate; `public` ones among them or not."""

    def value(facts: IssuerFacts) -> list[str]:
        left_out = set() if public else {ClientAuthMethod.NONE}
        if not facts.features.certificates:
            left_out |= TLS_METHODS
        if not facts.features.authorities:
            left_out |= {ClientAuthMethod.TLS_CLIENT_AUTH}
        return [method.value for method in ClientAuthMethod if method not in left_out]

    return value


def _scopes(facts: IssuerFacts) -> list[str]:
    return [*OPENID_SCOPES, *sorted(set(facts.scopes) - set(OPENID_SCOPES))]


def _signing(facts: IssuerFacts) -> list[str]:
    """What clients may have signed for them. OpenID Connect Core section 15.1 wants RS256 in it,
    and every key ring holds such a key."""
    return [name for name in ID_TOKEN_HASHES if name == "RS256" or name in facts.algorithms]


UI_LOCALES = ("en", "zh-CN")  # the languages of the pages

# what is told of somebody who logs in: the protocol's own claims, then section 5.1's
_CLAIMS = (
    *("sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash"),
    *SCOPE_OF_CLAIM,
)
_ASSERTION = constant(sorted(ASSERTION_ALGORITHMS))
_ENCRYPTION, _CONTENT = constant(KEY_ENCRYPTIONS), constant(CONTENT_ENCRYPTIONS)

FACTS: tuple[Fact, ...] = (
    Fact("issuer", lambda facts: facts.issuer, required=True),
    Fact("authorization_endpoint", endpoint(AUTHORIZATION_PATH), required=True),
    Fact("pushed_authorization_request_endpoint", endpoint(PUSHED_AUTHORIZATION_PATH)),
    Fact("device_authorization_endpoint", endpoint(DEVICE_AUTHORIZATION_PATH)),
    Fact("token_endpoint", endpoint(TOKEN_PATH), required=True),
    Fact("userinfo_endpoint", endpoint(USERINFO_PATH)),
    Fact("introspection_endpoint", endpoint(INTROSPECTION_PATH)),
    Fact("revocation_endpoint", endpoint(REVOCATION_PATH)),
    Fact("end_session_endpoint", endpoint(END_SESSION_PATH)),
    Fact("jwks_uri", endpoint(JWKS_PATH), required=True),
    Fact(
        "registration_endpoint",
        only_with(lambda features: features.registration, endpoint(REGISTRATION_PATH)),
    ),
    # draft-ietf-oauth-status-list section 9.3, and the changes as they happen
    Fact("status_list_aggregation_endpoint", endpoint(STATUS_LISTS_PATH)),
    Fact("status_list_stream_endpoint", endpoint(STATUS_STREAM_PATH)),
    # what may be asked for
    Fact("scopes_supported", _scopes),
    Fact("response_types_supported", constant(("code",)), required=True),
    Fact("response_modes_supported", constant(RESPONSE_MODES)),
    Fact("grant_types_supported", constant(GRANT_TYPES)),
    Fact("code_challenge_methods_supported", constant((PKCE_METHOD,))),
    Fact(
        "prompt_values_supported", constant(p.value for p in Prompt)
    ),  # Initiating User Registration 1.0
    Fact("display_values_supported", constant(DISPLAYS)),
    Fact("claims_supported", constant(_CLAIMS)),
    Fact("claims_parameter_supported", always(True)),
    Fact("acr_values_supported", constant((PASSWORD_ACR,))),
    Fact("ui_locales_supported", constant(UI_LOCALES)),
    Fact("subject_types_supported", constant(("public", "pairwise")), required=True),
    Fact("authorization_details_types_supported", lambda facts: sorted(set(facts.details_types))),
    # how requests are made, and answers told apart
    Fact("authorization_response_iss_parameter_supported", always(True)),  # RFC 9207 section 3
    Fact("request_parameter_supported", always(True)),
    # nothing is fetched from where a browser says; what was pushed has a request_uri all the same
    Fact("request_uri_parameter_supported", always(False), required=True),
    Fact("require_request_uri_registration", always(False), required=True),
    Fact("request_object_signing_alg_values_supported", _ASSERTION),
    Fact("require_pushed_authorization_requests", always(False), required=True),
    Fact("backchannel_logout_supported", always(True)),
    Fact("backchannel_logout_session_supported", always(True)),
    # how clients prove who they are
    Fact("token_endpoint_auth_methods_supported", auth_methods(public=True)),
    Fact("token_endpoint_auth_signing_alg_values_supported", _ASSERTION),
    Fact("introspection_endpoint_auth_methods_supported", auth_methods(public=False)),
    Fact("introspection_endpoint_auth_signing_alg_values_supported", _ASSERTION),
    Fact("revocation_endpoint_auth_methods_supported", auth_methods(public=True)),
    Fact("revocation_endpoint_auth_signing_alg_values_supported", _ASSERTION),
    Fact("dpop_signing_alg_values_supported", constant(sorted(DPOP_ALGORITHMS))),
    Fact(
        "tls_client_certificate_bound_access_tokens",
        only_with(lambda features: features.certificates),
    ),
    Fact(
        "client_id_metadata_document_supported",
        only_with(lambda features: features.metadata_documents),
    ),
    # what clients may have signed and encrypted for them
    Fact("id_token_signing_alg_values_supported", _signing, required=True),
    Fact("id_token_encryption_alg_values_supported", _ENCRYPTION),
    Fact("id_token_encryption_enc_values_supported", _CONTENT),
    Fact("userinfo_signing_alg_values_supported", _signing),
    Fact("userinfo_encryption_alg_values_supported", _ENCRYPTION),
    Fact("userinfo_encryption_enc_values_supported", _CONTENT),
    Fact("introspection_signing_alg_values_supported", _signing),  # RFC 9701 section 7
)


def issuer_metadata(facts: IssuerFacts) -> Mapping[str, Any]:
    """RFC 8414 section 2, OpenID Connect Discovery 1.0 section 3."""
    values = ((fact, fact.value(facts)) for fact in FACTS)
    return MappingProxyType({f.name: value for f, value in values if value or f.required})
