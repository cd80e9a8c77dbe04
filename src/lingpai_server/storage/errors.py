"""What can be wrong with a database, in words for its operator. Refuses to let the driver speak.

An error of the driver becomes StoreUnavailable (a fault that may pass), ValueError (a value that no
store would keep) or, while opening, a SchemaError.
"""

from __future__ import annotations

import sqlite3

from lingpai_server.core.ports import StoreUnavailable


class SchemaError(Exception):
    """The database cannot be used with this version of the program; nothing was changed in it."""


class SchemaTooNew(SchemaError):
    """A newer version of the program has migrated this database: run that version, or restore."""


class SchemaDiverged(SchemaError):
    """A migration that was applied here is not the one that this program carries."""


_ADVICE = {
    sqlite3.SQLITE_BUSY: "another process holds its lock",
    sqlite3.SQLITE_LOCKED: "another connection holds its lock",
    sqlite3.SQLITE_FULL: "the disk is full, or the database has reached its size limit",
    sqlite3.SQLITE_READONLY: "it is read-only: look at the mount and at the owner of its files",
    sqlite3.SQLITE_PERM: "access was denied: look at the owner of its files",
    sqlite3.SQLITE_CANTOPEN: "its files cannot be opened: look at the folder and its owner",
    sqlite3.SQLITE_IOERR: "the disk reported an error: look at the system's log",
    sqlite3.SQLITE_CORRUPT: "its file is damaged: restore it from a backup",
    sqlite3.SQLITE_NOTADB: "its file is not a database: look at the path",
    sqlite3.SQLITE_NOMEM: "memory ran out",
}
_PRIMARY_CODE = 0xFF  # an extended result code carries its primary code in the lowest byte


def primary_code(error: BaseException) -> int | None:
    """The primary SQLite result code; None when the error did not come from the engine."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & _PRIMARY_CODE


def is_busy(error: sqlite3.Error) -> bool:
    """Whether somebody else's lock is all that is in the way."""
    return primary_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def unavailable(error: BaseException) -> StoreUnavailable:
    """The fault as its operator should read it; the engine's own name for it stands at the end."""
    advice = _ADVICE.get(primary_code(error) or 0, str(error))
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    return StoreUnavailable(f"the database cannot answer: {advice} ({name})")


def refusal(error: Exception) -> Exception:
    """What one unit of work answers: its own error, ValueError for a value that the schema refuses,
    StoreUnavailable for any other fault of the engine.
    """
    if isinstance(error, (sqlite3.IntegrityError, sqlite3.ProgrammingError)):
        return ValueError(f"the schema refuses a value: {error}")
    return unavailable(error) if isinstance(error, sqlite3.Error) else error
