"""What every act of an operator needs, and how it is refused. Knows no single act."""

from __future__ import annotations

from dataclasses import dataclass, field

from lingpai_server.accounts.passwords import PasswordPolicy
from lingpai_server.accounts.usernames import UsernameProblem, canonical_username
from lingpai_server.app.clock import Clock, now
from lingpai_server.app.ports import KeyMaker
from lingpai_server.core.effects import Record
from lingpai_server.core.event_kinds import EventKind
from lingpai_server.core.ports import PasswordHasher, Store
from lingpai_server.core.records import Event, User


class Rejected(Exception):  # an operator reads the message; it holds no secret
    """What was asked for cannot be. The message says why, in one line."""


@dataclass(frozen=True, slots=True)
class Office:
    """The tools of an operator. `access_ttl_seconds` is what a new API gets."""

    store: Store
    maker: KeyMaker
    hasher: PasswordHasher
    passwords: PasswordPolicy = field(default_factory=PasswordPolicy)
    access_ttl_seconds: int = 300
    clock: Clock = now

    def seconds(self) -> int:
        """Now, in whole seconds."""
        return int(self.clock())

    def event(
        self,
        kind: EventKind,
        *,
        user_id: str | None = None,
        client_id: str | None = None,
        session_id: str | None = None,
        **detail: str | int | bool | None,
    ) -> Record:
        """The outbox row of an act of an operator."""
        return Record(
            Event(
                kind,
                self.clock(),
                user_id=user_id,
                client_id=client_id,
                session_id=session_id,
                detail=detail,
            )
        )


def read_username(text: str) -> str:
    """The canonical name. Raises Rejected."""
    name = canonical_username(text)
    if not isinstance(name, UsernameProblem):
        return name
    match name:
        case UsernameProblem.EMPTY:
            raise Rejected("the username is empty")
        case UsernameProblem.TOO_LONG:
            raise Rejected("the username is too long")
        case UsernameProblem.FORBIDDEN_CHARACTER:
            raise Rejected("the username has a character that cannot be seen or has no meaning")


async def find_user(store: Store, username: str) -> User:
    """The user of that name. Raises Rejected if there is none."""
    name = read_username(username)
    user = await store.load_user(name)
    if user is None:
        raise Rejected(f"there is no user {name!r}")
    return user
