"""Schema migrations: numbered files, applied once, in order. Refuses a history it does not know."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from lingpai_server.storage.connection import wait_for_lock
from lingpai_server.storage.errors import SchemaDiverged, SchemaTooNew

_WAIT_SECONDS = 60.0  # another process may be migrating a large database: let it finish

_CREATE_HISTORY = """
CREATE TABLE IF NOT EXISTS schema_version (
    version    INTEGER NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    checksum   TEXT    NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of the schema's history; `checksum` is the SHA-256 of `script` in hexadecimal."""

    version: int
    name: str
    script: str

    @property
    def checksum(self) -> str:
        """What tells whether the file that was applied is this one."""
        return hashlib.sha256(self.script.encode()).hexdigest()


@cache
def shipped() -> tuple[Migration, ...]:
    """The migrations that this program carries, oldest first."""
    folder = resources.files("lingpai_server.storage") / "schema"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    return tuple(
        Migration(int(f.name[:4]), f.name.removesuffix(".sql"), f.read_text(encoding="utf-8"))
        for f in files
    )


def migrate(db: sqlite3.Connection, migrations: Sequence[Migration]) -> None:
    """Bring the schema up to date in one transaction; of two processes, the second finds it done.

    Raises SchemaTooNew, SchemaDiverged or sqlite3.Error, and then nothing has changed.
    """
    wait_for_lock(lambda: db.execute("BEGIN IMMEDIATE"), _WAIT_SECONDS)
    try:
        for migration in _pending(db, migrations):
            _apply(db, migration)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def statements(script: str) -> Iterator[str]:
    """The statements of a script, one at a time: `executescript` would commit before the first."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _pending(db: sqlite3.Connection, migrations: Sequence[Migration]) -> Sequence[Migration]:
    db.execute(_CREATE_HISTORY)
    applied = db.execute("SELECT version, checksum FROM schema_version ORDER BY version").fetchall()
    if len(applied) > len(migrations):
        raise SchemaTooNew(
            f"the database has schema {applied[-1][0]}; this program knows {len(migrations)}: "
            "run the newer program, or restore a backup made by this one"
        )
    for (version, checksum), migration in zip(applied, migrations, strict=False):
        if (version, checksum) != (migration.version, migration.checksum):
            raise SchemaDiverged(
                f"migration {migration.name} differs from the one applied to this database"
            )
    return migrations[len(applied) :]


def _apply(db: sqlite3.Connection, migration: Migration) -> None:
    for statement in statements(migration.script):
        db.execute(statement)
    db.execute(
        "INSERT INTO schema_version (version, name, checksum, applied_at)"
        " VALUES (?1, ?2, ?3, CAST(strftime('%s', 'now') AS INTEGER))",
        (migration.version, migration.name, migration.checksum),
    )
