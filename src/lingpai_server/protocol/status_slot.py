"""Which status slot a grant's token carries: the one it holds, or a new one. No I/O.

A slot that says anything but VALID stays as it is for the tokens that carry it; the grant goes on
with another one, and what it may do is told anew.
"""

from __future__ import annotations

from lingpai.jwt.status_list import Status
from lingpai_server.core.effects import Effects
from lingpai_server.core.fresh import Fresh
from lingpai_server.core.records import Session
from lingpai_server.core.slots import HeldSlot, SlotGrant, SlotRef
from lingpai_server.core.status_effects import TakeSlot


def slot_of_session(session: Session, audience: str, *, client_id: str | None = None) -> SlotGrant:
    """The slot for a session's tokens at one API; `client_id` is who exchanged one for them."""
    return SlotGrant(
        client_id=client_id or session.client_id,
        origin_client_id=session.client_id,
        audience=audience,
        session_id=session.session_id,
    )


def choose_slot(
    grant: SlotGrant, held: HeldSlot | None, fresh: Fresh, *, held_until: int | None, now: float
) -> tuple[SlotRef, Effects]:
    """The slot for the next token, and what has to be done to have it. A new one is good only with
    the access versions of whoever the token speaks of: whoever calls this requires them.

    Raises ValueError if a new one is needed and `fresh` has none.
    """
    if held is not None and held.status is Status.VALID:
        return held.ref, ()
    if fresh.slot is None:
        raise ValueError("the grant needs a status slot, and none was offered")
    return fresh.slot, (TakeSlot(fresh.slot, grant, held, held_until, int(now)),)
