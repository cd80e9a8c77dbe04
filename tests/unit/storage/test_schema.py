"""The schema: strict tables, and an index for every question that is asked often."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lingpai_server.storage import expiry, flow_reads, reads, rows, status_reads
from lingpai_server.storage.connection import open_writer
from lingpai_server.storage.effects import endings, slots
from lingpai_server.storage.limits import Limits
from lingpai_server.storage.migrations import migrate, shipped
from lingpai_server.storage.shapes import Shape

SHAPES = [value for value in vars(rows).values() if isinstance(value, Shape)]


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """The shipped schema, empty."""
    path: Path = tmp_path_factory.mktemp("schema") / "schema.db"
    with closing(open_writer(path, Limits())) as db:
        migrate(db, shipped())
        yield db


def test_every_table_is_strict(db: sqlite3.Connection) -> None:
    listed = db.execute(
        "SELECT name, strict FROM pragma_table_list WHERE type = 'table' AND schema = 'main'"
        " AND name NOT LIKE 'sqlite_%'"
    ).fetchall()
    assert len(listed) > 10
    assert [name for name, strict in listed if not strict] == []


@pytest.mark.parametrize("shape", SHAPES)
def test_every_record_begins_with_a_column_that_is_never_null(
    db: sqlite3.Connection, shape: Shape[Any]
) -> None:
    """A NULL there tells a row that an outer join did not find."""
    columns = db.execute('SELECT name, "notnull" FROM pragma_table_info(?1)', (shape.table,))
    assert dict(columns.fetchall())[shape.columns[0]] == 1


def test_the_outbox_never_gives_a_number_twice(db: sqlite3.Connection) -> None:
    insert = "INSERT INTO events (kind, at, detail) VALUES ('x', 1.0, '{}')"
    db.execute("BEGIN")
    first = db.execute(insert).lastrowid
    db.execute("DELETE FROM events")
    second = db.execute(insert).lastrowid
    db.execute("ROLLBACK")
    assert first is not None
    assert second == first + 1


ENDINGS = [(text, (0, "", "")) for pair in endings._ENDINGS.values() for text in pair]
EXPIRIES = [
    (expiry._FAMILIES, (0, 1)),
    (expiry._SESSIONS, (0, 1, 0)),
    (expiry._BROWSERS, (0, 1)),
    (expiry._CODES, (0, 1)),
    (expiry._PUSHED, (0, 1)),
    (expiry._DEVICES, (0, 1)),
    (expiry._SPENT, (0, 1)),
    (expiry._BUCKETS, (0, 1, 0)),
    (expiry._SLOTS_DUE, (0, 1)),
    (expiry._DENIED, (0, 1)),
]
_BARRED = f" AND {slots._NOT_DISABLED} AND {slots._NOT_LOCKED}"
FLIPS = [
    (slots._FLIP.format(to=3, of="0", which=which + others), ("",))
    for which in (slots._OF_USER, *slots._OF_CLIENT)
    for others in ("", _BARRED)
]
INVALIDATIONS = [
    (slots._INVALIDATE.format(spare=slots._SPARE, which=which), (0, ""))
    for which in (
        slots._OF_FAMILY,
        *(slots._OF_SESSIONS.format(whose=f"{key} = ?2") for key in ("session_id", "browser_id")),
        *(which.format(client="?2") for which in slots._BESIDE_SESSIONS),
    )
]
STATUSES = [
    (slots._CURRENT_OF_SESSION, ("", "", "")),
    (slots._CURRENT_OF_CLIENT, ("", "", "")),
    (reads._SLOT_OF_SESSION, ("", "", "")),
    (reads._SLOT_OF_CLIENT, ("", "", "")),
    (status_reads._HOLDER, (1, 0)),
    (status_reads._HIGHEST_LIST, ()),
    (status_reads._CHANGED, (0,)),
    (status_reads._NOT_VALID, (0,)),
]


@pytest.mark.parametrize(
    ("question", "arguments"),
    [
        (reads._FAMILY_FACTS, (b"",)),
        (reads._USER_ROLES, ("", "")),
        (reads._CLIENT_ROLES, ("", "")),
        (reads._EVENTS_AFTER, (0, 1)),
        (flow_reads._CODE_FACTS, (b"",)),
        (flow_reads._DEVICE_FACTS, (b"",)),
        (flow_reads._BROWSER_FACTS, (b"",)),
        (flow_reads._SESSION_FACTS, ("",)),
        (flow_reads._NOTICES_DUE.format(others=""), (0, 1)),
        (flow_reads._NOTICES_DUE.format(others="AND s.client_id NOT IN (?3)"), (0, 1, "")),
        (rows.USERS.select + "WHERE username = ?1", ("",)),
        (rows.CLIENTS.select + "WHERE client_id = ?1", ("",)),
        (rows.APIS.select + "WHERE audience = ?1", ("",)),
        (rows.ROLES.select + "WHERE audience = ?1 AND name = ?2", ("", "")),
        (rows.BUCKETS.select + "WHERE name = ?1", ("",)),
        (rows.PUSHED_REQUESTS.select + "WHERE request_sha256 = ?1", (b"",)),
        (rows.DEVICES.select + "WHERE user_code = ?1", ("",)),
        ("SELECT user_id FROM user_roles WHERE audience = ?1 AND role = ?2", ("", "")),
        ("DELETE FROM consents WHERE client_id = ?1", ("",)),
        *ENDINGS,
        *EXPIRIES,
        *FLIPS,
        *INVALIDATIONS,
        *STATUSES,
    ],
)
def test_no_frequent_question_scans_or_sorts(
    db: sqlite3.Connection, question: str, arguments: tuple[Any, ...]
) -> None:
    plan = [step for *_, step in db.execute("EXPLAIN QUERY PLAN " + question, arguments)]
    assert plan
    assert [step for step in plan if step.startswith(("SCAN", "USE TEMP B-TREE"))] == []


def test_a_refresh_touches_no_index(db: sqlite3.Connection) -> None:
    changed = {"generation", "rotated_at", "idle_deadline"}
    for table in ("families", "sessions", "slots"):
        for (index,) in db.execute("SELECT name FROM pragma_index_list(?1)", (table,)).fetchall():
            columns = db.execute("SELECT name FROM pragma_index_info(?1)", (index,)).fetchall()
            assert changed.isdisjoint(name for (name,) in columns), index


@pytest.mark.parametrize(
    ("question", "arguments"), [(status_reads._CHANGED, (7,)), (slots._NUMBER_FLIPS, ())]
)
def test_nothing_looks_through_all_the_changes_there_have_been(
    db: sqlite3.Connection, question: str, arguments: tuple[Any, ...]
) -> None:
    """A plan does not tell by which of two bounds an index is searched: the steps do."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    db.execute("BEGIN")
    db.execute("UPDATE status_state SET seq = 7")
    db.executemany(
        "INSERT INTO slots (list_no, idx, status, changed_seq) VALUES (1, ?1, 1, 7)",
        [(index,) for index in range(1_000)],
    )
    db.set_progress_handler(count, 1)
    assert db.execute(question, arguments).fetchall() == []
    db.set_progress_handler(None, 1)
    db.execute("ROLLBACK")
    assert 0 < steps < 100
