"""SqliteStore: the storage port on one file, shared by the processes of one machine.

Writes go through one writer thread; look-ups run in the caller's thread, where they take
microseconds; longer reads have a thread of their own. Refuses to know what the records mean.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from lingpai_server.core.effects import Effect, HolderKind
from lingpai_server.core.flow_records import (
    AuthorizeFacts,
    BrowserFacts,
    CodeFacts,
    DeviceFacts,
    DeviceGrant,
    ExchangeFacts,
    LogoutNotice,
    PushedRequest,
    SessionFacts,
)
from lingpai_server.core.ports import ClientFacts, FamilyFacts, LoginFacts, StoreUnavailable
from lingpai_server.core.records import (
    Api,
    Bucket,
    Client,
    Event,
    Group,
    Role,
    Session,
    StoredKey,
    User,
)
from lingpai_server.core.slots import SlotRef, StatusChanges
from lingpai_server.storage import expiry, flow_reads, reads, status_reads
from lingpai_server.storage.checkpoint import Checkpoint
from lingpai_server.storage.connection import open_writer
from lingpai_server.storage.effects.apply import apply_effect
from lingpai_server.storage.errors import unavailable
from lingpai_server.storage.limits import Limits
from lingpai_server.storage.migrations import migrate, shipped
from lingpai_server.storage.reader import LongReader, Reader
from lingpai_server.storage.writer import Writer


class SqliteStore:
    """The `Store` of core/ports.py on SQLite. Made by `open`; `close` it in the end.

    Usable from any event loop, and from several processes at once on one local disk. Do not carry
    it across a fork.
    """

    def __init__(self, path: Path, db: sqlite3.Connection, limits: Limits) -> None:
        self._path = path
        self._db = db
        self._inode = path.stat().st_ino
        self._reader = Reader(path)
        self._long_reader = LongReader(path)
        self._writer = Writer(db, Checkpoint(db, path), limits)

    @classmethod
    def open(cls, path: Path, *, limits: Limits | None = None) -> SqliteStore:
        """Open the database, making it (0600, its folder 0700) or migrating it if need be.

        Blocks; call it before serving. Processes that open it at once wait for each other.
        Raises StoreUnavailable, SchemaTooNew or SchemaDiverged.
        """
        limits = limits or Limits()
        try:
            db = open_writer(path, limits)
            try:
                migrate(db, shipped())
                return cls(path, db, limits)
            except BaseException:
                db.close()
                raise
        except sqlite3.Error as error:
            raise unavailable(error) from error

    async def apply(self, effects: Sequence[Effect]) -> None:
        """Do all of it in one durable transaction, or none. See `Store.apply`."""

        def work(db: sqlite3.Connection) -> None:
            for effect in effects:
                apply_effect(db, effect)

        if effects:
            await self._writer.do(work)

    async def remove_expired(self, now: int, limit: int) -> int:
        """Delete at most `limit` rows that no longer matter at `now`; how many were deleted."""
        return await self._writer.do(lambda db: expiry.remove_expired(db, now, limit))

    async def load_login(
        self, *, username: str, client_id: str, audience: str | None
    ) -> LoginFacts:
        """Facts for a login; without `audience`, the API is the client's first."""
        return self._reader.snapshot(
            lambda db: reads.login_facts(db, username, client_id, audience)
        )

    async def load_family(self, family_id: bytes) -> FamilyFacts | None:
        """Facts for a refresh, a revocation or a logout."""
        return self._reader.read(lambda db: reads.family_facts(db, family_id))

    async def load_client(self, client_id: str) -> Client | None:
        """One client by its identifier."""
        return self._reader.remember(("client", client_id), lambda db: reads.client(db, client_id))

    async def load_client_facts(
        self, *, client_id: str, audience: str | None
    ) -> ClientFacts | None:
        """Facts for client credentials; without `audience`, the API is the client's first."""
        return self._reader.remember(
            ("client facts", client_id, audience),
            lambda db: reads.client_facts(db, client_id, audience),
        )

    async def load_user(self, username: str) -> User | None:
        """One user by canonical name."""
        return self._reader.read(lambda db: reads.user(db, username))

    async def load_api(self, audience: str) -> Api | None:
        """One API by its audience."""
        return self._reader.read(lambda db: reads.api(db, audience))

    async def load_role(self, audience: str, name: str) -> Role | None:
        """One role of one API."""
        return self._reader.read(lambda db: reads.role(db, audience, name))

    async def load_user_by_id(self, user_id: str) -> User | None:
        """One user by identifier."""
        return self._reader.read(lambda db: reads.user_by_id(db, user_id))

    async def load_authorize(
        self, *, client_id: str, audience: str | None, browser_id: bytes | None
    ) -> AuthorizeFacts:
        """Facts for an authorization request. See `Store.load_authorize`."""
        return self._reader.snapshot(
            lambda db: flow_reads.authorize_facts(db, client_id, audience, browser_id)
        )

    async def load_code(self, code_sha256: bytes) -> CodeFacts | None:
        """Facts for the redemption of a code, redeemed or not."""
        return self._reader.read(lambda db: flow_reads.code_facts(db, code_sha256))

    async def load_pushed(self, request_sha256: bytes) -> PushedRequest | None:
        """A pushed request, used or not."""
        return self._reader.read(lambda db: flow_reads.pushed(db, request_sha256))

    async def load_device(self, device_sha256: bytes) -> DeviceFacts | None:
        """Facts for a device that polls."""
        return self._reader.read(lambda db: flow_reads.device_facts(db, device_sha256))

    async def load_device_by_user_code(self, user_code: str) -> DeviceGrant | None:
        """The device grant with that user code."""
        return self._reader.read(lambda db: flow_reads.device_by_user_code(db, user_code))

    async def load_browser(self, browser_id: bytes) -> BrowserFacts | None:
        """A browser session, ended or not, and its user."""
        return self._reader.read(lambda db: flow_reads.browser_facts(db, browser_id))

    async def load_session(self, session_id: str) -> SessionFacts | None:
        """A session, ended or not, with its user and client."""
        return self._reader.read(lambda db: flow_reads.session_facts(db, session_id))

    async def load_exchange(
        self,
        *,
        client_id: str,
        audience: str,
        user_id: str | None,
        session_id: str | None,
        subject_client_id: str | None,
    ) -> ExchangeFacts:
        """Facts for a token exchange; the subject is a user or a client."""
        return self._reader.snapshot(
            lambda db: flow_reads.exchange_facts(
                db, client_id, audience, user_id, session_id, subject_client_id
            )
        )

    async def load_logout_notices(
        self, now: int, limit: int, *, skip_clients: Collection[str] = ()
    ) -> tuple[LogoutNotice, ...]:
        """Ended sessions whose clients are to be told, due at `now` or before, oldest first."""
        return await self._long_reader.snapshot(
            lambda db: flow_reads.logout_notices(db, now, limit, skip_clients)
        )

    async def offer_slot(self, draws: Sequence[int]) -> SlotRef:
        """A slot that is free, or was a moment ago. See `Store.offer_slot`."""
        return self._reader.read(lambda db: status_reads.offer_slot(db, draws))

    async def load_status_mark(self) -> tuple[str, int]:
        """The epoch and the number of its last change, in the file that bears the name; a few
        microseconds to ask."""
        self._require_same_file()  # what is vouched for is what the next process will find
        return self._reader.read(status_reads.status_mark)

    async def load_status_changes(self, after: int, now: int) -> StatusChanges:
        """What differs from what was true at the number `after`."""
        return await self._long_reader.snapshot(
            lambda db: status_reads.status_changes(db, after, now)
        )

    async def is_denied(self, token_id: str) -> bool:
        """Whether a single token was denied."""
        return self._reader.read(lambda db: status_reads.is_denied(db, token_id))

    async def load_buckets(self, names: Sequence[str]) -> Mapping[str, Bucket]:
        """The throttle buckets of these names; an untouched one is absent."""
        return self._reader.snapshot(lambda db: reads.buckets(db, names))

    async def load_keys(self) -> tuple[StoredKey, ...]:
        """Every stored key that is not retired, oldest first."""
        return self._reader.read(reads.keys)

    async def load_events(self, after: int, limit: int) -> tuple[tuple[int, Event], ...]:
        """Outbox rows with a sequence number above `after`, in order."""
        return await self._long_reader.snapshot(lambda db: reads.events(db, after, limit))

    async def list_users(self) -> tuple[User, ...]:
        """All users by name."""
        return await self._long_reader.snapshot(reads.users)

    async def list_clients(self) -> tuple[Client, ...]:
        """All clients by identifier, but those that were deleted."""
        return await self._long_reader.snapshot(reads.clients)

    async def list_apis(self) -> tuple[Api, ...]:
        """All APIs by audience."""
        return await self._long_reader.snapshot(reads.apis)

    async def list_roles(self) -> tuple[Role, ...]:
        """All roles by audience and name."""
        return await self._long_reader.snapshot(reads.roles)

    async def load_group(self, name: str) -> Group | None:
        """One group by name."""
        return self._reader.read(lambda db: status_reads.group(db, name))

    async def list_groups(self) -> tuple[Group, ...]:
        """All groups by name."""
        return await self._long_reader.snapshot(status_reads.groups)

    async def list_members(self, group: str) -> tuple[User, ...]:
        """The users in a group, by name."""
        return await self._long_reader.snapshot(lambda db: status_reads.members(db, group))

    async def list_groups_of(self, user_id: str) -> tuple[Group, ...]:
        """The groups that a user is in, by name."""
        return await self._long_reader.snapshot(lambda db: status_reads.groups_of(db, user_id))

    async def list_held_roles(self, kind: HolderKind, holder: str) -> tuple[Role, ...]:
        """What a user, client or group was given itself, by audience and name."""
        return await self._long_reader.snapshot(
            lambda db: status_reads.held_roles(db, kind, holder)
        )

    async def list_sessions(self, user_id: str) -> tuple[Session, ...]:
        """A user's sessions, ended ones too, the newest login first."""
        return await self._long_reader.snapshot(lambda db: status_reads.sessions(db, user_id))

    async def list_session_events(
        self, session_id: str, limit: int
    ) -> tuple[tuple[int, Event], ...]:
        """The newest outbox rows of one session, oldest first."""
        return await self._long_reader.snapshot(
            lambda db: status_reads.session_events(db, session_id, limit)
        )

    async def ping(self) -> None:
        """Write one row durably and read it back, in the file that bears the name."""
        self._require_same_file()
        beats = await self._writer.do(_beat)
        if self._reader.read(reads.pulse) < beats:
            raise StoreUnavailable("the database does not show what was written to it")

    async def data_version(self) -> int:
        """A number that changes when any process commits a change; a few microseconds to ask."""
        return self._reader.read(reads.data_version)

    async def close(self) -> None:
        """Finish what was accepted, then let go of everything. May be called twice."""
        await self._writer.close()
        await asyncio.get_running_loop().run_in_executor(None, self._let_go)

    def _let_go(self) -> None:
        """The writer last: a reader that went last could not empty and remove the log."""
        self._long_reader.close()
        self._reader.close()
        self._db.close()

    def _require_same_file(self) -> None:
        """A file that was replaced under us would take our writes with it: say so."""
        try:
            same = self._path.stat().st_ino == self._inode
        except OSError:
            same = False
        if not same:
            raise StoreUnavailable(f"{self._path} was removed or replaced: restart the server")


def _beat(db: sqlite3.Connection) -> int:
    db.execute("UPDATE pulse SET beats = beats + 1 WHERE id = 1")
    return reads.pulse(db)
