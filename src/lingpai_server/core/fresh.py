"""Fresh: the randomness that one decision may spend, drawn by `app` before it is called."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fresh:
    """128 random bits each: identifiers as base64url text, the family's as bytes."""

    session_id: str
    family_id: bytes
    jti: str
