"""Sessions as an operator sees and ends them. Refuses to know any token of theirs."""

from __future__ import annotations

from lingpai_server.app.admin.office import Office, Rejected, find_user
from lingpai_server.app.admin.users import ENDED_BY_OPERATOR
from lingpai_server.core.effects import EndSession
from lingpai_server.core.event_kinds import EventKind
from lingpai_server.core.flow_records import SessionFacts
from lingpai_server.core.records import Session


async def list_sessions(office: Office, username: str) -> tuple[Session, ...]:
    """A user's sessions, the newest login first, ended ones too while they are remembered. Raises
    Rejected if there is no such user."""
    user = await find_user(office.store, username)
    return await office.store.list_sessions(user.user_id)


async def find_session(office: Office, session_id: str) -> SessionFacts:
    """One session with its user and client. Raises Rejected if there is none."""
    facts = await office.store.load_session(session_id)
    if facts is None:
        raise Rejected(f"there is no session {session_id!r}")
    return facts


async def end_session(office: Office, session_id: str) -> SessionFacts:
    """End one session; as it was before. One that has ended is left as it is. Raises Rejected."""
    facts = await find_session(office, session_id)
    if facts.session.ended_at is not None:
        return facts
    ended = office.event(
        EventKind.SESSION_ENDED,
        user_id=facts.user.user_id,
        client_id=facts.client.client_id,
        session_id=session_id,
        reason=ENDED_BY_OPERATOR,
    )
    await office.store.apply([EndSession(session_id, office.seconds(), ENDED_BY_OPERATOR), ended])
    return facts
