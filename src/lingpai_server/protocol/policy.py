"""What the decisions are configured with. Refuses to know where it was read."""

from __future__ import annotations

from dataclasses import dataclass, field

from lingpai_server.sessions.policy import SessionPolicy


@dataclass(frozen=True, slots=True)
class IssuePolicy:
    """`issuer` is the exact `iss` of every token (RFC 8414 section 2)."""

    issuer: str
    sessions: SessionPolicy = field(default_factory=SessionPolicy)
