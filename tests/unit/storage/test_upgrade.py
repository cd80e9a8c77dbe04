"""A database of the first release, with people and sessions in it, opens and reads right."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.support.stores import (
    BROWSER_ID,
    FAMILY_ID,
    NOW,
    ORDERS,
    a_browser,
    a_client,
    a_code,
    a_family,
    a_key,
    a_session,
    a_user,
    an_api,
    run,
)

from lingpai.jwt.status_list import Status
from lingpai_server.core.effects import EndSession, RotateFamily
from lingpai_server.core.flow_effects import StartBrowser, StoreCode
from lingpai_server.core.ports import FamilyFacts
from lingpai_server.core.records import Access, Bucket, Event, KeyPurpose, Role
from lingpai_server.core.slots import HeldSlot, SlotGrant
from lingpai_server.core.status_effects import TakeSlot
from lingpai_server.storage.connection import open_writer
from lingpai_server.storage.limits import Limits
from lingpai_server.storage.migrations import migrate, shipped, statements
from lingpai_server.storage.sqlite import SqliteStore

FIRST_RELEASE = Path(__file__).with_name("first_release.sql")
COUNT = "SELECT COUNT(*) FROM "
OLD_SESSION = a_session()
OLD_FAMILY = a_family(generation=7, rotated_at=NOW + 0.5)
OLD_USER = a_user(access_version=3)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database that only the first migration has been applied to, with a row of everything."""
    path = tmp_path / "lingpai.db"
    with closing(open_writer(path, Limits())) as db:
        migrate(db, shipped()[:1])
        for statement in statements(FIRST_RELEASE.read_text(encoding="utf-8")):
            db.execute(statement)
    return path


@pytest.fixture(params=range(1, len(shipped())), ids=lambda version: f"from-{version}")
def store(path: Path, request: pytest.FixtureRequest) -> SqliteStore:
    """The same database, opened by the program of today, or by another one in between."""
    with closing(open_writer(path, Limits())) as db:
        migrate(db, shipped()[: request.param])
    return SqliteStore.open(path)


def test_the_rows_cover_every_table_of_the_first_release(path: Path) -> None:
    listed = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    with closing(sqlite3.connect(path)) as db:
        names = [name for (name,) in db.execute(listed).fetchall()]
        empty = [name for name in names if not db.execute(COUNT + name).fetchone()[0]]
    assert len(names) > 10
    assert empty == []


def test_all_that_was_there_reads_as_before_with_todays_defaults(store: SqliteStore) -> None:
    assert run(store.load_family(FAMILY_ID)) == FamilyFacts(
        OLD_FAMILY,
        OLD_SESSION,
        OLD_USER,
        a_client(),
        an_api(),
        Access(("clerk",), ("orders:read",)),
    )
    assert run(store.list_users()) == (OLD_USER,)
    assert run(store.list_clients()) == (a_client(),)
    assert run(store.list_apis()) == (an_api(),)
    assert run(store.list_roles()) == (Role(ORDERS, "clerk", ("orders:read",)),)
    assert run(store.load_keys()) == (
        a_key(purpose=KeyPurpose.REFRESH, algorithm="HS256", version=1),
    )
    assert run(store.load_buckets(["account:ming"])) == {
        "account:ming": Bucket("account:ming", 1.5, NOW + 0.25, 0.0)
    }
    event = Event("login.succeeded", NOW + 0.5, detail={"a": 1})
    assert run(store.load_events(0, 10)) == ((1, event),)
    run(store.close())


def test_what_was_there_goes_on(store: SqliteStore) -> None:
    run(store.apply((RotateFamily(FAMILY_ID, 7, NOW + 1.0, NOW + 2_000),)))
    run(store.apply((StartBrowser(a_browser()), StoreCode(a_code()))))
    run(store.apply((EndSession("session-1", NOW + 2, "logout"),)))
    facts = run(store.load_family(FAMILY_ID))
    assert facts is not None
    assert facts.family.generation == 8
    assert facts.session.end_reason == "logout"
    assert run(store.load_browser(BROWSER_ID)) is not None
    run(store.close())


def test_nobody_is_told_of_sessions_that_began_before_clients_could_ask(
    store: SqliteStore,
) -> None:
    run(store.apply((EndSession("session-1", NOW + 2, "logout"),)))
    assert run(store.load_logout_notices(NOW + 9_999, 10)) == ()
    run(store.close())


def test_a_grant_that_is_older_than_status_slots_takes_one(store: SqliteStore) -> None:
    facts = run(store.load_family(FAMILY_ID))
    assert facts is not None
    assert facts.slot is None
    slot = run(store.offer_slot([7]))
    grant = SlotGrant("app", "app", ORDERS, "session-1")
    run(store.apply((TakeSlot(slot, grant, None, NOW + 9_000, NOW),)))
    facts = run(store.load_family(FAMILY_ID))
    assert facts is not None
    assert facts.slot == HeldSlot(slot, Status.VALID)
    run(store.close())


def test_every_database_has_lists_of_its_own(store: SqliteStore, tmp_path: Path) -> None:
    other = SqliteStore.open(tmp_path / "other.db")
    assert run(store.offer_slot([7])).list_id != run(other.offer_slot([7])).list_id
    run(store.close())
    run(other.close())


def test_what_was_there_is_removed_in_its_time(store: SqliteStore) -> None:
    assert run(store.remove_expired(NOW + 9_000, 10)) == 3  # a family and two sessions
    run(store.close())


def test_what_was_referred_to_is_still_whole(store: SqliteStore, path: Path) -> None:
    run(store.close())
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
