"""The names of what the outbox records. Refuses to know who writes or reads them."""

from __future__ import annotations

from enum import StrEnum


class EventKind(StrEnum):
    """`Event.kind`; stable, since audit trails outlive the code that wrote them."""

    LOGIN_SUCCEEDED = "login.succeeded"
    LOGIN_FAILED = "login.failed"
    LOGGED_OUT = "session.logged_out"
    TOKEN_REVOKED = "token.revoked"
    REFRESH_REPEATED = "refresh.repeated"
    REFRESH_REUSED = "refresh.reused"
    REFRESH_NEVER_ISSUED = "refresh.never_issued"
    BOOTSTRAPPED = "server.bootstrapped"
    USER_CREATED = "user.created"
    USER_LOCKED = "user.locked"
    USER_UNLOCKED = "user.unlocked"
    PASSWORD_RESET = "user.password_reset"
    SESSIONS_ENDED = "user.sessions_ended"
    ROLE_PUT = "role.put"
    ROLE_GRANTED = "role.granted"
    ROLE_REVOKED = "role.revoked"
    CLIENT_CREATED = "client.created"
    CLIENT_DISABLED = "client.disabled"
    CLIENT_ENABLED = "client.enabled"
    API_CREATED = "api.created"
