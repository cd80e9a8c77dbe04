"""What a client registered beyond its name (RFC 7591, OpenID Connect Registration): one record.

Kept as one JSON column. Every field has a default, so that a record written by an older program can
be read by a newer one. Refuses to judge: what a profile demands is `protocol`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class SecurityProfile(StrEnum):
    """Which set of rules a client lives by; what differs is one table in protocol/profiles.py."""

    OAUTH21 = "oauth21"  # OAuth 2.1: PKCE always
    OIDC = "oidc"  # what OpenID Connect certification needs: PKCE where the client sends it
    FAPI2 = "fapi2"  # FAPI 2.0 Security Profile: PAR, sender-constrained tokens, strong clients


class SubjectType(StrEnum):
    """OpenID Connect Core section 8."""

    PUBLIC = "public"
    PAIRWISE = "pairwise"


class ClientOrigin(StrEnum):
    """How the server came to know a client."""

    OPERATOR = "operator"
    REGISTERED = "registered"  # dynamic registration (RFC 7591)
    METADATA_DOCUMENT = "metadata_document"  # its client_id is the URL of its metadata


@dataclass(frozen=True, slots=True)
class Encryption:
    """What a client wants to be encrypted to it: JWE `alg` and `enc`."""

    alg: str
    enc: str = "A128CBC-HS256"


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """Names are those of RFC 7591 and its kin where they have one; "" or None is "not set".

    `auth_method` is `token_endpoint_auth_method`; None lets a client with a secret send it by
    Basic or in the form. `jwks` is JSON text (RFC 7517 section 5). `introspects` are the audiences
    whose tokens this client may introspect: those of the API that it is. `exchanges` are the
    audiences whose tokens it may present at a token exchange. `registration_sha256` is the digest,
    in base64url, of the registration access token (RFC 7592).
    """

    profile: SecurityProfile = SecurityProfile.OAUTH21
    origin: ClientOrigin = ClientOrigin.OPERATOR
    application_type: str | None = None
    redirect_uris: tuple[str, ...] = ()
    response_modes: tuple[str, ...] = ()
    auth_method: str | None = None
    auth_signing_alg: str | None = None
    jwks: str | None = None
    jwks_uri: str | None = None
    tls_subject_dn: str | None = None
    dpop_bound: bool = False
    tls_bound: bool = False
    require_par: bool = False
    require_signed_request: bool = False
    request_object_alg: str | None = None
    request_uris: tuple[str, ...] = ()
    subject_type: SubjectType = SubjectType.PUBLIC
    sector_identifier_uri: str | None = None
    id_token_alg: str = "RS256"
    id_token_encryption: Encryption | None = None
    userinfo_alg: str | None = None
    userinfo_encryption: Encryption | None = None
    introspection_alg: str | None = None
    default_max_age_seconds: int | None = None
    require_auth_time: bool = False
    default_acr_values: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    backchannel_logout_uri: str | None = None
    authorization_details_types: tuple[str, ...] = ()
    introspects: tuple[str, ...] = ()
    exchanges: tuple[str, ...] = ()
    client_uri: str | None = None
    logo_uri: str | None = None
    policy_uri: str | None = None
    tos_uri: str | None = None
    initiate_login_uri: str | None = None
    contacts: tuple[str, ...] = ()
    software_id: str | None = None
    software_version: str | None = None
    registration_sha256: str | None = field(default=None, repr=False)
    document_expires_at: int | None = None
