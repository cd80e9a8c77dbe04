"""What the issuer knows of a token: its grant, who stands behind it, and what became of it.

Asked with the claims of a token, which need not be verified: it tells an operator what is there
under those names, and decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lingpai.errors import TokenError
from lingpai.jwt.status_list import Status, StatusReference, read_reference
from lingpai_server.app.admin.office import Office
from lingpai_server.app.admin.statuses import load_changes
from lingpai_server.app.token_facts import load_token_facts
from lingpai_server.core.flow_records import SessionFacts
from lingpai_server.core.records import Client, Event, StoredKey
from lingpai_server.core.slots import StatusChanges
from lingpai_server.protocol.status_uri import status_list_uri
from lingpai_server.protocol.token_standing import why_not_good

EVENTS = 10  # of a session, the newest


@dataclass(frozen=True, slots=True)
class SlotKnowledge:
    """Where a token's status stands: `status` is None for a list that is not of this epoch."""

    list_uri: str
    index: int
    status: Status | None


@dataclass(frozen=True, slots=True)
class Knowledge:
    """All of it; what is not there is None. `key` is the signing key while it is stored, and
    `key_revoked` says that it was revoked. `standing` is why the issuer itself calls the token
    inactive, None if it does not."""

    session_id: str | None
    session: SessionFacts | None
    client_id: str | None
    client: Client | None
    slot: SlotKnowledge | None
    denied_until: int | None
    kid: str | None
    key: StoredKey | None
    key_revoked: bool
    standing: str | None
    events: tuple[tuple[int, Event], ...]


async def load_knowledge(
    office: Office, issuer: str, kid: str | None, claims: Mapping[str, Any]
) -> Knowledge:
    """What is known under the names in these claims. Raises StoreUnavailable."""
    store, known = office.store, await load_changes(office)
    facts = await load_token_facts(store, claims)
    session_id, client_id = _text(claims, "sid"), _text(claims, "client_id")
    keys = {key.kid: key for key in await store.load_keys()}
    return Knowledge(
        session_id=session_id,
        session=None if session_id is None else await store.load_session(session_id),
        client_id=client_id,
        client=None if client_id is None else await store.load_client(client_id),
        slot=_find_slot(known, issuer, claims),
        denied_until=dict(known.denied).get(_text(claims, "jti") or ""),
        kid=kid,
        key=keys.get(kid or ""),
        key_revoked=kid in known.kids,
        standing=None if facts is None else why_not_good(facts, now=office.clock()),
        events=() if session_id is None else await store.list_session_events(session_id, EVENTS),
    )


def status_of(known: StatusChanges, issuer: str, reference: StatusReference) -> Status | None:
    """What a slot says now; None if the list is none of this epoch's."""
    for list_no in range(1, known.lists + 1):
        if reference.uri == status_list_uri(issuer, f"{known.epoch}-{list_no}"):
            break
    else:
        return None
    place = (list_no, reference.index)
    said = {(change.list_no, change.index): change.status for change in known.changes}
    return said.get(place, Status.VALID)


def _find_slot(
    known: StatusChanges, issuer: str, claims: Mapping[str, Any]
) -> SlotKnowledge | None:
    try:
        reference = read_reference(claims)
    except TokenError:
        return None
    if reference is None:
        return None
    status = status_of(known, issuer, reference)
    return SlotKnowledge(reference.uri, reference.index, status)


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    return value if isinstance(value, str) else None
