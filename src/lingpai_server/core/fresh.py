"""Fresh: the randomness that one decision may spend, drawn by `app` before it is called."""

from __future__ import annotations

from dataclasses import dataclass

from lingpai_server.core.slots import SlotRef


@dataclass(frozen=True, slots=True)
class Fresh:
    """128 random bits each: identifiers as base64url text, the family's as bytes.

    `slot` is a status slot that was free a moment ago, for a grant that needs a new one."""

    session_id: str
    family_id: bytes
    jti: str
    slot: SlotRef | None = None
