"""Clients: create, disable, enable. A secret is shown when it is made, and never again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lingpai_server.app.admin.office import Office, Rejected
from lingpai_server.app.entropy import draw_client_secret
from lingpai_server.core.effects import CreateClient, SetClientDisabled
from lingpai_server.core.event_kinds import EventKind
from lingpai_server.core.records import Client
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.client_secret import client_secret_sha256
from lingpai_server.protocol.grants import CLIENT_CREDENTIALS, GRANT_TYPES
from lingpai_server.protocol.scopes import is_scope_token

_MAX_IDENTIFIER_CHARS = 128


@dataclass(frozen=True, slots=True)
class ClientWish:
    """A client as an operator describes it. `confidential` gives it a secret of its own."""

    client_id: str
    name: str
    confidential: bool
    first_party: bool
    grant_types: tuple[str, ...]
    scopes: tuple[str, ...]
    audiences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClientWithSecret:
    """`secret` is to be shown once; None for a public client."""

    client: Client
    secret: Secret[str] | None


async def create_client(office: Office, wish: ClientWish) -> ClientWithSecret:
    """A new client. Raises Rejected or AlreadyExists."""
    await _check(office, wish)
    secret = draw_client_secret() if wish.confidential else None
    client = Client(
        client_id=wish.client_id,
        name=wish.name,
        secret_sha256=None if secret is None else client_secret_sha256(secret),
        first_party=wish.first_party,
        grant_types=wish.grant_types,
        scopes=wish.scopes,
        audiences=wish.audiences,
        disabled=False,
        access_version=1,
        created_at=office.seconds(),
    )
    created = office.event(EventKind.CLIENT_CREATED, client_id=client.client_id)
    await office.store.apply([CreateClient(client), created])
    return ClientWithSecret(client, secret)


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


async def _check(office: Office, wish: ClientWish) -> None:
    _check_identifier(wish.client_id)
    for grant_type in wish.grant_types:
        if grant_type not in GRANT_TYPES:
            raise Rejected(f"{grant_type!r} is no grant type; there are {', '.join(GRANT_TYPES)}")
    if CLIENT_CREDENTIALS in wish.grant_types and not wish.confidential:
        raise Rejected(f"{CLIENT_CREDENTIALS} needs a confidential client (RFC 6749 section 4.4)")
    check_scopes(wish.scopes)
    for audience in wish.audiences:
        if await office.store.load_api(audience) is None:
            raise Rejected(f"there is no API {audience!r}")
    if not wish.audiences:
        raise Rejected("a client needs at least one API to ask tokens for")


def _check_identifier(client_id: str) -> None:
    """RFC 6749 appendix A.1 allows visible ASCII; a colon would make Basic ambiguous for many."""
    visible = client_id.isascii() and client_id.isprintable() and " " not in client_id
    if not client_id or not visible or ":" in client_id or len(client_id) > _MAX_IDENTIFIER_CHARS:
        raise Rejected(
            f"a client identifier is 1 to {_MAX_IDENTIFIER_CHARS} visible ASCII characters"
            " without a colon"
        )


def check_scopes(scopes: Iterable[str]) -> None:
    """Raises Rejected for what is no scope-token (RFC 6749 section 3.3)."""
    for scope in scopes:
        if not is_scope_token(scope):
            raise Rejected(f"{scope!r} is no scope: visible ASCII without quote and backslash")
