"""How long a session may live. Knows numbers; refuses to know where they were configured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """Both deadlines of a session and the grace window of a rotation, all in seconds.

    `idle_seconds` slides with every refresh, `absolute_seconds` counts from the login and never
    moves. Inside `grace_seconds` after a rotation the previous refresh token is answered again.
    Raises ValueError for numbers that could not mean that.
    """

    idle_seconds: int = 14 * 86_400
    absolute_seconds: int = 90 * 86_400
    grace_seconds: int = 10

    def __post_init__(self) -> None:
        if self.idle_seconds < 1 or self.absolute_seconds < 1:
            raise ValueError("a session must be allowed to live for at least one second")
        if self.idle_seconds > self.absolute_seconds:
            raise ValueError("idle_seconds cannot be longer than absolute_seconds")
        if not 0 <= self.grace_seconds < self.idle_seconds:
            raise ValueError("grace_seconds must be at least 0 and shorter than idle_seconds")
