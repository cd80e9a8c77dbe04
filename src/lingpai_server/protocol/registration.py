"""Dynamic registration (RFC 7591, RFC 7592, OpenID Connect Registration 1.0), decided purely.

A client that registers itself is nobody's: it is a third party, takes no passwords, and may ask for
no more than the operator has opened to strangers. No I/O, no clock, no randomness.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from lingpai.jose import base64url, strict_json
from lingpai.jose.crypto import constant_time_equal
from lingpai_server.accounts.throttle import ThrottlePolicy, ThrottleRule, network_of
from lingpai_server.core.client_settings import ClientOrigin, ClientSettings, SecurityProfile
from lingpai_server.core.decision import Decision
from lingpai_server.core.effects import CreateClient, Record
from lingpai_server.core.event_kinds import EventKind
from lingpai_server.core.flow_effects import DeleteClient, ReplaceClient
from lingpai_server.core.records import Client, Event
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.client_metadata import refuse_metadata, show_settings
from lingpai_server.protocol.client_secret import client_secret_sha256
from lingpai_server.protocol.discovery import REGISTRATION_PATH
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse
from lingpai_server.protocol.grants import AUTHORIZATION_CODE, DEVICE_CODE, REFRESH_TOKEN
from lingpai_server.protocol.opaque import opaque_sha256
from lingpai_server.protocol.registration_request import Registration
from lingpai_server.protocol.requests import SECRET_METHODS

REGISTRATION_TOKEN_PREFIX = "lp_ra_"
INITIAL_TOKEN_PREFIX = "lp_ia_"


class RegistrationMode(StrEnum):
    """Who may register a client."""

    CLOSED = "closed"
    TOKEN = "token"  # who holds an initial access token (RFC 7591 section 3)
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class RegistrationPolicy:
    """What strangers may register. The first of `profiles` is what a client gets that asks for
    none; `audiences` are the APIs open to them; `initial_tokens` are SHA-256 digests. `throttle`
    counts by address, where everybody may register. `loopback` lets clients on this machine be
    called over plain http. `metadata_documents` lets the URL of a client's metadata be its
    identifier, where its host is one of `metadata_hosts` or those are none."""

    mode: RegistrationMode = RegistrationMode.CLOSED
    profiles: tuple[SecurityProfile, ...] = (SecurityProfile.OAUTH21,)
    grant_types: tuple[str, ...] = (AUTHORIZATION_CODE, REFRESH_TOKEN, DEVICE_CODE)
    audiences: tuple[str, ...] = ()
    initial_tokens: tuple[bytes, ...] = field(default=(), repr=False)
    loopback: bool = False
    metadata_documents: bool = False
    metadata_hosts: tuple[str, ...] = ()
    throttle: ThrottlePolicy = field(
        default_factory=lambda: ThrottlePolicy(address=ThrottleRule(20, 1, 3600))
    )


@dataclass(frozen=True, slots=True)
class Opened:
    """What is open to a client that registers itself: APIs that there are, and scopes."""

    audiences: tuple[str, ...]
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Drawn:
    """The randomness of one registration, drawn beforehand."""

    client_id: str
    secret: Secret[str]
    token: Secret[str]


@dataclass(frozen=True, slots=True)
class ClientInformation:
    """RFC 7591 section 3.2.1. What is secret is there only when it was made just now."""

    client: Client
    secret: Secret[str] | None = None
    token: Secret[str] | None = None


def admit(policy: RegistrationPolicy, bearer: Secret[str] | None) -> Refusal | None:
    """Whether somebody may register, holding this token or none."""
    match policy.mode:
        case RegistrationMode.OPEN:
            return None
        case RegistrationMode.CLOSED:
            return refuse(
                ErrorCode.ACCESS_DENIED,
                reason="registration_closed",
                description="Clients do not register themselves here.",
            )
        case RegistrationMode.TOKEN:
            presented = opaque_sha256(bearer or Secret(""))
            known = [constant_time_equal(presented, digest) for digest in policy.initial_tokens]
            return None if any(known) else refuse_token("initial_token_unknown")


def authenticate_registration(
    client: Client | None, bearer: Secret[str] | None
) -> Client | Refusal:
    """The client whose registration the token manages (RFC 7592 section 2).

    One refusal for a wrong token and for a client that there is not, or is not any more.
    """
    presented = opaque_sha256(bearer or Secret(""))
    digest = None if client is None else client.settings.registration_sha256
    expected = bytes(32) if digest is None else base64url.decode(digest)
    if not constant_time_equal(presented, expected) or client is None or digest is None:
        return refuse_token("registration_token_wrong")
    return client if not client.disabled else refuse_token("client_disabled")


def visit_bucket(address: str | None) -> str:
    """Where registrations from an address are counted."""
    return f"register:{network_of(address)}"


def refuse_token(reason: str) -> Refusal:
    """RFC 6750 section 3.1."""
    return refuse(
        ErrorCode.INVALID_TOKEN, reason=reason, description="The token is not valid here."
    )


def decide_register(
    registration: Registration, opened: Opened, drawn: Drawn, *, address: str | None, now: float
) -> Decision[ClientInformation]:
    """A new client."""
    settings = replace(
        registration.settings,
        origin=ClientOrigin.REGISTERED,
        registration_sha256=_digest_text(drawn.token),
    )
    has_secret = settings.auth_method in SECRET_METHODS
    client = Client(
        client_id=drawn.client_id,
        name=registration.name or drawn.client_id,
        secret_sha256=client_secret_sha256(drawn.secret) if has_secret else None,
        first_party=False,
        grant_types=registration.grant_types,
        scopes=narrow(registration.scopes, opened.scopes),
        audiences=opened.audiences,
        disabled=False,
        access_version=1,
        created_at=int(now),
        settings=settings,
    )
    event = _event(EventKind.CLIENT_REGISTERED, client, address=address, now=now)
    reply = ClientInformation(client, drawn.secret if has_secret else None, drawn.token)
    return Decision(reply, (CreateClient(client), event))


def decide_update(
    client: Client,
    registration: Registration,
    opened: Opened,
    drawn: Drawn,
    *,
    address: str | None,
    now: float,
) -> Decision[ClientInformation]:
    """RFC 7592 section 2.2: what is left out falls back to its default. APIs and scopes that an
    operator has added stay open to it. A secret is made only where there is none yet."""
    settings = replace(registration.settings, registration_sha256=_digest_text(drawn.token))
    needs_secret = settings.auth_method in SECRET_METHODS
    makes_secret = needs_secret and client.secret_sha256 is None
    kept = client.secret_sha256 if needs_secret else None
    replaced = replace(
        client,
        name=registration.name or client.client_id,
        secret_sha256=client_secret_sha256(drawn.secret) if makes_secret else kept,
        grant_types=registration.grant_types,
        scopes=narrow(registration.scopes, (*opened.scopes, *client.scopes)),
        settings=settings,
    )
    event = _event(EventKind.CLIENT_REPLACED, client, address=address, now=now)
    reply = ClientInformation(replaced, drawn.secret if makes_secret else None, drawn.token)
    return Decision(reply, (ReplaceClient(replaced), event))


def decide_delete(client: Client, *, address: str | None, now: float) -> Decision[None]:
    """RFC 7592 section 2.3: nothing that the client holds is good any more."""
    event = _event(EventKind.CLIENT_DELETED, client, address=address, now=now)
    return Decision(None, (DeleteClient(client.client_id, client.access_version, int(now)), event))


def check_update(members: Mapping[str, Any], client: Client) -> Refusal | None:
    """RFC 7592 section 2.2: the client names itself, and what is the server's is not its to set."""
    if members.get("client_id") != client.client_id:
        return refuse_metadata("client_id", "is not that of this registration")
    for name in _SERVERS_OWN:
        if name in members:
            return refuse_metadata(name, "is not the client's to set")
    secret = members.get("client_secret")
    if secret is None:
        return None
    if isinstance(secret, str) and client.secret_sha256 is not None:
        offered = client_secret_sha256(Secret(secret))
        if constant_time_equal(offered, client.secret_sha256):
            return None
    return refuse_metadata("client_secret", "is not the one that was issued")


_SERVERS_OWN = (
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
)


def check_sector(document: bytes, registration: Registration) -> Refusal | None:
    """OpenID Connect Core section 8.1: the document names all of the client's redirect URIs."""
    try:
        listed = strict_json.decode(document)
    except ValueError:
        return refuse_metadata("sector_identifier_uri", "has no JSON document")
    missing = [
        uri
        for uri in registration.settings.redirect_uris
        if not isinstance(listed, list) or uri not in listed
    ]
    if not missing:
        return None
    return refuse_metadata("sector_identifier_uri", f"does not list {missing[0]}")


def render_information(information: ClientInformation, issuer: str) -> dict[str, Any]:
    """RFC 7591 section 3.2.1, RFC 7592 section 3. Where a registration is managed is told by query,
    as in OpenID Connect Registration section 3.2."""
    client = information.client
    base = issuer.removesuffix("/") + REGISTRATION_PATH
    members: dict[str, Any] = {
        "client_id": client.client_id,
        "client_id_issued_at": client.created_at,
        "client_name": client.name,
        "grant_types": list(client.grant_types),
        "response_types": ["code"] if AUTHORIZATION_CODE in client.grant_types else [],
        "scope": " ".join(client.scopes),
        "lingpai_profile": str(client.settings.profile),
        "registration_client_uri": f"{base}?client_id={client.client_id}",
        **show_settings(client),
    }
    if client.settings.backchannel_logout_uri is not None:
        members["backchannel_logout_session_required"] = True  # every logout token has a `sid`
    if information.secret is not None:
        members |= {"client_secret": information.secret.reveal(), "client_secret_expires_at": 0}
    if information.token is not None:
        members["registration_access_token"] = information.token.reveal()
    return members


def narrow(asked: tuple[str, ...] | None, allowed: Collection[str]) -> tuple[str, ...]:
    """RFC 7591 section 3.2.1 lets the server register less than was asked for, and say so."""
    chosen = allowed if asked is None else (scope for scope in asked if scope in allowed)
    return tuple(dict.fromkeys(chosen))


def _digest_text(token: Secret[str]) -> str:
    return base64url.encode(opaque_sha256(token))


def _event(kind: EventKind, client: Client, *, address: str | None, now: float) -> Record:
    return Record(Event(kind, now, client_id=client.client_id, address=address))


def base_settings(profile: SecurityProfile) -> ClientSettings:
    """What a new registration begins with."""
    return ClientSettings(origin=ClientOrigin.REGISTERED, profile=profile)
