"""Clients: create, change, disable, enable. A secret is shown when it is made, and never again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from lingpai_server.app.admin.keys import SIGNING_ALGORITHMS, ensure_signing_key
from lingpai_server.app.admin.office import Office, Rejected
from lingpai_server.app.admin.roles import assign_role, remove_role
from lingpai_server.app.entropy import draw_client_secret
from lingpai_server.core.client_settings import ClientSettings, SecurityProfile
from lingpai_server.core.effects import CreateClient, SetClientDisabled
from lingpai_server.core.event_kinds import EventKind
from lingpai_server.core.flow_effects import ReplaceClient
from lingpai_server.core.records import Client
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.client_metadata import Offer, read_settings, show_settings
from lingpai_server.protocol.client_secret import client_secret_sha256
from lingpai_server.protocol.errors import Refusal
from lingpai_server.protocol.grants import (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    DEVICE_CODE,
    GRANT_TYPES,
    TOKEN_EXCHANGE,
)
from lingpai_server.protocol.openid_scopes import OPENID
from lingpai_server.protocol.profiles import RULES
from lingpai_server.protocol.requests import SECRET_METHODS, ClientAuthMethod
from lingpai_server.protocol.scopes import is_scope_token

_MAX_IDENTIFIER_CHARS = 128
_MIN_IMPORTED_SECRET_CHARS = 32
# what may be said instead of a URN
SHORT_GRANTS = MappingProxyType({"device_code": DEVICE_CODE, "token_exchange": TOKEN_EXCHANGE})
_NEEDS_PROOF = (CLIENT_CREDENTIALS, TOKEN_EXCHANGE)


@dataclass(frozen=True, slots=True)
class ClientWish:
    """A client as an operator describes it. `confidential` gives it a secret of its own, `secret`
    one that it has already. `metadata` are those of RFC 7591, for all that has a name there."""

    client_id: str
    name: str
    confidential: bool
    first_party: bool
    grant_types: tuple[str, ...]
    scopes: tuple[str, ...]
    audiences: tuple[str, ...]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    profile: SecurityProfile = SecurityProfile.OAUTH21
    introspects: tuple[str, ...] = ()
    exchanges: tuple[str, ...] = ()
    secret: Secret[str] | None = None


@dataclass(frozen=True, slots=True)
class ClientChange:
    """What to change of a client; None leaves it. `metadata` names single members, and null takes
    one away."""

    name: str | None = None
    first_party: bool | None = None
    grant_types: tuple[str, ...] | None = None
    scopes: tuple[str, ...] | None = None
    audiences: tuple[str, ...] | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    profile: SecurityProfile | None = None
    introspects: tuple[str, ...] | None = None
    exchanges: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ClientWithSecret:
    """`secret` is to be shown once; None where none was made."""

    client: Client
    secret: Secret[str] | None


async def create_client(office: Office, wish: ClientWish) -> ClientWithSecret:
    """A new client. Raises Rejected or AlreadyExists."""
    _check_identifier(wish.client_id)
    base = ClientSettings(
        profile=wish.profile, introspects=wish.introspects, exchanges=wish.exchanges
    )
    settings = _read_metadata(wish.metadata, base)
    made = draw_client_secret() if _needs_secret(wish, settings) else None
    secret = _check_imported(wish.secret) or made
    client = Client(
        client_id=wish.client_id,
        name=wish.name,
        secret_sha256=None if secret is None else client_secret_sha256(secret),
        first_party=wish.first_party,
        grant_types=_long_names(wish.grant_types),
        scopes=wish.scopes,
        audiences=wish.audiences,
        disabled=False,
        access_version=1,
        created_at=office.seconds(),
        settings=settings,
    )
    await _check(office, client)
    created = office.event(EventKind.CLIENT_CREATED, client_id=client.client_id)
    await office.store.apply([CreateClient(client), created])
    return ClientWithSecret(client, made)


async def update_client(office: Office, client_id: str, change: ClientChange) -> Client:
    """The client as changed. Raises Rejected, or StaleState if it changed at the same moment."""
    client = await find_client(office, client_id)
    base = replace(
        client.settings,
        profile=_or(change.profile, client.settings.profile),
        introspects=_or(change.introspects, client.settings.introspects),
        exchanges=_or(change.exchanges, client.settings.exchanges),
    )
    metadata = {**show_settings(client), **change.metadata}
    changed = replace(
        client,
        name=_or(change.name, client.name),
        first_party=_or(change.first_party, client.first_party),
        grant_types=_long_names(_or(change.grant_types, client.grant_types)),
        scopes=_or(change.scopes, client.scopes),
        audiences=_or(change.audiences, client.audiences),
        settings=_read_metadata(metadata, base),
    )
    await _check(office, changed)
    replaced = office.event(EventKind.CLIENT_REPLACED, client_id=client_id)
    await office.store.apply([ReplaceClient(changed), replaced])
    return await find_client(office, client_id)


async def rotate_client_secret(office: Office, client_id: str) -> ClientWithSecret:
    """A new secret in the place of the old one, which is worth nothing from now on.

    Raises Rejected for a client that has none, or StaleState."""
    client = await find_client(office, client_id)
    if client.secret_sha256 is None:
        raise Rejected(f"client {client_id!r} has no secret: it is public, or has a key of its own")
    secret = draw_client_secret()
    changed = replace(client, secret_sha256=client_secret_sha256(secret))
    replaced = office.event(EventKind.CLIENT_REPLACED, client_id=client_id, secret=True)
    await office.store.apply([ReplaceClient(changed), replaced])
    return ClientWithSecret(await find_client(office, client_id), secret)


async def find_client(office: Office, client_id: str) -> Client:
    """The client of that identifier. Raises Rejected if there is none."""
    client = await office.store.load_client(client_id)
    if client is None:
        raise Rejected(f"there is no client {client_id!r}")
    return client


async def set_client_disabled(office: Office, client_id: str, *, disabled: bool) -> None:
    """Disable or enable a client. Raises Rejected if there is none."""
    await find_client(office, client_id)
    kind = EventKind.CLIENT_DISABLED if disabled else EventKind.CLIENT_ENABLED
    await office.store.apply(
        [SetClientDisabled(client_id, disabled), office.event(kind, client_id=client_id)]
    )


async def grant_client_role(office: Office, client_id: str, audience: str, role: str) -> None:
    """Give a role to a client, for the tokens that it asks for itself (client credentials). Raises
    Rejected if there is no such client or role."""
    await find_client(office, client_id)
    await assign_role(office, "client", client_id, audience, role)


async def revoke_client_role(office: Office, client_id: str, audience: str, role: str) -> None:
    """Take a role from a client; it need not have had it. Raises Rejected."""
    await find_client(office, client_id)
    await remove_role(office, "client", client_id, audience, role)


def check_scopes(scopes: Iterable[str]) -> None:
    """Raises Rejected for what is no scope-token (RFC 6749 section 3.3)."""
    for scope in scopes:
        if not is_scope_token(scope):
            raise Rejected(f"{scope!r} is no scope: visible ASCII without quote and backslash")


async def _check(office: Office, client: Client) -> None:
    for grant_type in client.grant_types:
        if grant_type not in GRANT_TYPES:
            raise Rejected(f"{grant_type!r} is no grant type; there are {', '.join(GRANT_TYPES)}")
    _check_grants(client)
    _check_profile(client)
    check_scopes(client.scopes)
    settings = client.settings
    for audience in (*client.audiences, *settings.introspects, *settings.exchanges):
        if await office.store.load_api(audience) is None:
            raise Rejected(f"there is no API {audience!r}")
    if not client.audiences and not settings.introspects and OPENID not in client.scopes:
        raise Rejected("a client needs an API to ask tokens for, or the scope openid")
    for algorithm in (settings.id_token_alg, settings.userinfo_alg, settings.introspection_alg):
        if algorithm is not None:
            await ensure_signing_key(office, algorithm)


def _check_grants(client: Client) -> None:
    needs_proof = [name for name in _NEEDS_PROOF if name in client.grant_types]
    if needs_proof and client.is_public:
        raise Rejected(f"{needs_proof[0]} needs a confidential client (RFC 6749 section 4.4)")
    if AUTHORIZATION_CODE in client.grant_types and not client.settings.redirect_uris:
        raise Rejected(f"{AUTHORIZATION_CODE} needs a redirect URI to send the browser back to")
    method = client.settings.auth_method
    if method in SECRET_METHODS and client.secret_sha256 is None:
        raise Rejected(f"{method} needs a secret: make the client confidential")
    has_keys = client.settings.jwks is not None or client.settings.jwks_uri is not None
    if method in _KEY_METHODS and not has_keys:
        raise Rejected(f"{method} needs the client's keys: jwks or jwks_uri")
    if method == ClientAuthMethod.TLS_CLIENT_AUTH and client.settings.tls_subject_dn is None:
        raise Rejected(f"{method} needs tls_client_auth_subject_dn (RFC 8705 section 2.1.2)")


def _check_profile(client: Client) -> None:
    settings = client.settings
    rules, profile = RULES[settings.profile], settings.profile.value
    if rules.auth_methods != frozenset(ClientAuthMethod):
        allowed = sorted(method.value for method in rules.auth_methods)
        if settings.auth_method not in allowed:
            raise Rejected(f"a client of profile {profile} proves itself by {', '.join(allowed)}")
    if rules.sender_constrained and not (settings.dpop_bound or settings.tls_bound):
        raise Rejected(
            f"a client of profile {profile} has tokens that are bound to a key: set "
            "dpop_bound_access_tokens or tls_client_certificate_bound_access_tokens"
        )
    if client.first_party and not rules.login_endpoint_allowed and client.is_public:
        raise Rejected(f"a client of profile {profile} may not take passwords")


def _read_metadata(metadata: Mapping[str, Any], base: ClientSettings) -> ClientSettings:
    offer = Offer(
        auth_methods=[method.value for method in ClientAuthMethod],
        signing=SIGNING_ALGORITHMS,
        loopback=True,
    )
    settings = read_settings(metadata, base, offer)
    if isinstance(settings, Refusal):
        raise Rejected(settings.description.rstrip("."))
    return settings


def _needs_secret(wish: ClientWish, settings: ClientSettings) -> bool:
    return wish.secret is None and (wish.confidential or settings.auth_method in SECRET_METHODS)


def _check_imported(secret: Secret[str] | None) -> Secret[str] | None:
    if secret is not None and len(secret.reveal()) < _MIN_IMPORTED_SECRET_CHARS:
        raise Rejected(
            f"a secret from elsewhere has at least {_MIN_IMPORTED_SECRET_CHARS} characters: "
            "it is kept as one SHA-256, so that only its length guards it"
        )
    return secret


def _check_identifier(client_id: str) -> None:
    """RFC 6749 appendix A.1 allows visible ASCII; a colon would make Basic ambiguous for many."""
    visible = client_id.isascii() and client_id.isprintable() and " " not in client_id
    if not client_id or not visible or ":" in client_id or len(client_id) > _MAX_IDENTIFIER_CHARS:
        raise Rejected(
            f"a client identifier is 1 to {_MAX_IDENTIFIER_CHARS} visible ASCII characters"
            " without a colon"
        )


def _long_names(grant_types: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(SHORT_GRANTS.get(name, name) for name in grant_types))


def _or(wanted: Any, present: Any) -> Any:
    return present if wanted is None else wanted


_KEY_METHODS = (ClientAuthMethod.PRIVATE_KEY_JWT, ClientAuthMethod.SELF_SIGNED_TLS_CLIENT_AUTH)
