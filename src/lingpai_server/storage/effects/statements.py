"""Statements whose failure has a meaning: taken, missing. Refuses to know any table."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from lingpai_server.core.ports import AlreadyExists, NotFound
from lingpai_server.storage.columns import Value
from lingpai_server.storage.shapes import Shape, T

_TAKEN = ("SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE")
_MISSING = "SQLITE_CONSTRAINT_FOREIGNKEY"


def insert(
    db: sqlite3.Connection, shape: Shape[T], record: T, *, what: str, needs: str = "nothing"
) -> None:
    """Insert one record, called `what` in the errors; `needs` names the rows it refers to.

    Raises AlreadyExists when a unique name is taken, NotFound when a row it refers to is absent.
    """
    put(db, shape.insert, shape.values(record), what=what, needs=needs)


def put(
    db: sqlite3.Connection, sql: str, values: Sequence[Value], *, what: str, needs: str = "nothing"
) -> int:
    """How many rows a statement wrote, with the errors of `insert`."""
    try:
        return change(db, sql, values)
    except sqlite3.IntegrityError as error:
        if error.sqlite_errorname in _TAKEN:
            raise AlreadyExists(f"{what} is already there") from None
        if error.sqlite_errorname == _MISSING:
            raise NotFound(f"{what} needs {needs}, which is not there") from None
        raise


def change(db: sqlite3.Connection, sql: str, values: Sequence[Value]) -> int:
    """How many rows a statement changed."""
    return db.execute(sql, values).rowcount


def exists(db: sqlite3.Connection, sql: str, values: Sequence[Value]) -> bool:
    """Whether a query finds a row."""
    return db.execute(sql, values).fetchone() is not None
