"""What somebody asks to have registered: its metadata as a whole, each part fitting the others.

The single values are `client_metadata`'s. Refuses to know how the metadata came here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from lingpai_server.core.client_settings import ClientSettings, SecurityProfile, SubjectType
from lingpai_server.protocol.client_metadata import Offer, read_settings, refuse_metadata
from lingpai_server.protocol.errors import Refusal
from lingpai_server.protocol.grants import AUTHORIZATION_CODE, CLIENT_CREDENTIALS
from lingpai_server.protocol.pipeline import first_refusal
from lingpai_server.protocol.profiles import RULES
from lingpai_server.protocol.requests import ClientAuthMethod
from lingpai_server.protocol.scopes import parse_scope
from lingpai_server.protocol.web_url import parse_web_url

PROFILE_MEMBER = "lingpai_profile"
MAX_NAME_CHARS = 100


@dataclass(frozen=True, slots=True)
class Registration:
    """`scopes` is None where none were asked for."""

    name: str
    grant_types: tuple[str, ...]
    scopes: tuple[str, ...] | None
    settings: ClientSettings


@dataclass(frozen=True, slots=True)
class Choices:
    """What may be registered this way. The first of `profiles`, and of `auth_methods`, is what a
    client gets that does not say."""

    profiles: tuple[SecurityProfile, ...]
    grant_types: tuple[str, ...]
    auth_methods: tuple[ClientAuthMethod, ...]
    signing: Collection[str]
    loopback: bool = False


# RFC 7591 section 2: client_secret_basic unless said otherwise
ALL_METHODS = (
    ClientAuthMethod.CLIENT_SECRET_BASIC,
    *(m for m in ClientAuthMethod if m is not ClientAuthMethod.CLIENT_SECRET_BASIC),
)


def parse_registration(
    members: Mapping[str, Any], base: ClientSettings, choices: Choices
) -> Registration | Refusal:
    """The registration that the metadata asks for; `base` is what it is laid upon."""
    profile = _read_profile(members, choices.profiles)
    if isinstance(profile, Refusal):
        return profile
    allowed = RULES[profile].auth_methods
    methods = tuple(method for method in choices.auth_methods if method in allowed)
    offer = Offer(methods, choices.signing, choices.loopback)
    settings = read_settings(members, replace(base, profile=profile), offer)
    if isinstance(settings, Refusal):
        return settings
    if settings.auth_method is None:
        settings = replace(settings, auth_method=methods[0].value)
    registration = _assemble(members, settings, choices.grant_types)
    if isinstance(registration, Refusal):
        return registration
    return first_refusal(STEPS, registration) or registration


def _assemble(
    members: Mapping[str, Any], settings: ClientSettings, allowed: Collection[str]
) -> Registration | Refusal:
    grant_types = _read_grant_types(members, allowed)
    if isinstance(grant_types, Refusal):
        return grant_types
    name, scope = members.get("client_name"), members.get("scope")
    if name is not None and not _is_name(name):
        return refuse_metadata("client_name", f"is no text of at most {MAX_NAME_CHARS} characters")
    if scope is not None and not isinstance(scope, str):
        return refuse_metadata("scope", "is no text")
    scopes = parse_scope(scope)
    if isinstance(scopes, Refusal):
        return refuse_metadata("scope", "is no list of scopes, one space apart")
    return Registration(name or "", grant_types, scopes, settings)


def _read_profile(
    members: Mapping[str, Any], allowed: tuple[SecurityProfile, ...]
) -> SecurityProfile | Refusal:
    asked = members.get(PROFILE_MEMBER)
    if asked is None:
        return allowed[0]
    for profile in allowed:
        if asked == profile.value:
            return profile
    return refuse_metadata(PROFILE_MEMBER, f"is not one of {', '.join(allowed)}")


def _read_grant_types(
    members: Mapping[str, Any], allowed: Collection[str]
) -> tuple[str, ...] | Refusal:
    """RFC 7591 section 2: the code grant unless said otherwise; response types go with it."""
    asked = members.get("grant_types", [AUTHORIZATION_CODE])
    if not isinstance(asked, list) or not asked:
        return refuse_metadata("grant_types", "is no array of grant types")
    for grant_type in asked:
        if not isinstance(grant_type, str) or grant_type not in allowed:
            return refuse_metadata("grant_types", f"may hold {', '.join(allowed)}")
    expected = ["code"] if AUTHORIZATION_CODE in asked else []
    if members.get("response_types", expected) != expected:
        return refuse_metadata("response_types", f"has to be {expected} with these grant_types")
    return tuple(dict.fromkeys(asked))


def _is_name(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MAX_NAME_CHARS and value.isprintable()


def check_redirects(case: Registration) -> Refusal | None:
    """RFC 6749 section 3.1.2.2."""
    if AUTHORIZATION_CODE in case.grant_types and not case.settings.redirect_uris:
        return refuse_metadata("redirect_uris", "is needed for the code grant")
    return None


def check_keys(case: Registration) -> Refusal | None:
    """RFC 7591 section 2: by value or by reference, and there where something needs them."""
    settings = case.settings
    if settings.jwks is not None and settings.jwks_uri is not None:
        return refuse_metadata("jwks", "and jwks_uri exclude each other")
    needs_keys = (
        settings.auth_method
        in {ClientAuthMethod.PRIVATE_KEY_JWT, ClientAuthMethod.SELF_SIGNED_TLS_CLIENT_AUTH}
        or settings.id_token_encryption is not None
        or settings.userinfo_encryption is not None
        or settings.require_signed_request
        or settings.request_object_alg is not None
    )
    if needs_keys and settings.jwks is None and settings.jwks_uri is None:
        return refuse_metadata("jwks", "or jwks_uri is needed for what the client wants to do")
    return None


def check_certificate_name(case: Registration) -> Refusal | None:
    """RFC 8705 section 2.1.2."""
    settings = case.settings
    if settings.auth_method == ClientAuthMethod.TLS_CLIENT_AUTH and settings.tls_subject_dn is None:
        return refuse_metadata("tls_client_auth_subject_dn", "is needed for tls_client_auth")
    return None


def check_subject_sector(case: Registration) -> Refusal | None:
    """OpenID Connect Core section 8.1: several hosts are one sector only if a document says so.

    The document names redirects: who has none could take any sector for its own.
    """
    settings = case.settings
    if settings.sector_identifier_uri is not None:
        if settings.redirect_uris:
            return None
        return refuse_metadata("sector_identifier_uri", "says nothing without redirect_uris")
    urls = [parse_web_url(uri) for uri in settings.redirect_uris]
    is_pairwise = settings.subject_type is SubjectType.PAIRWISE
    if is_pairwise and len({None if url is None else url.host for url in urls}) > 1:
        return refuse_metadata("sector_identifier_uri", "is needed for redirects to several hosts")
    return None


def check_machine_grant(case: Registration) -> Refusal | None:
    """RFC 6749 section 4.4: only for who can prove what it is."""
    is_public = case.settings.auth_method == ClientAuthMethod.NONE
    if CLIENT_CREDENTIALS in case.grant_types and is_public:
        return refuse_metadata("grant_types", f"has {CLIENT_CREDENTIALS}, which needs a credential")
    return None


STEPS = (
    check_redirects,
    check_keys,
    check_certificate_name,
    check_subject_sector,
    check_machine_grant,
)
