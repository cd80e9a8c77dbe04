"""What a MemoryStore forgets when its time is over. Refuses to read the clock."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeVar

from tests.support.memory_slots import give_back_slots
from tests.support.memory_tables import Tables

K = TypeVar("K")
V = TypeVar("V")

_A_DAY = 86_400


def remove_expired(tables: Tables, now: int, limit: int) -> int:
    """Remove at most `limit` rows that matter to nobody at `now`; how many were removed."""
    left = limit
    left -= _drop(tables.families, left, now, lambda f: f.absolute_deadline)
    needed = _sessions_needed(tables, now)
    left -= _drop(tables.sessions, left, now, lambda s: s.absolute_deadline, keep=needed)
    tables.notices = {k: v for k, v in tables.notices.items() if k in tables.sessions}
    left -= _drop(tables.browsers, left, now - _A_DAY, lambda b: b.absolute_deadline)
    left -= give_back_slots(tables, left, now)
    left -= _drop(tables.denied, left, now, lambda expires_at: expires_at)
    left -= _drop(tables.codes, left, now, lambda c: c.expires_at)
    left -= _drop(tables.pushed, left, now, lambda p: p.expires_at)
    left -= _drop(tables.devices, left, now, lambda d: d.expires_at)
    left -= _drop(tables.spent, left, now, lambda expires_at: expires_at)
    blocked = {b.name for b in tables.buckets.values() if b.blocked_until > now}
    left -= _drop(tables.buckets, left, now - _A_DAY, lambda b: b.updated_at, keep=blocked)
    return limit - left + _drop_clients(tables, left, now)


def _drop_clients(tables: Tables, limit: int, now: int) -> int:
    """Remove those that were deleted a day ago and that no row refers to."""
    before = set(tables.deleted_clients)
    named = _clients_named(tables)
    removed = _drop(tables.deleted_clients, limit, now - _A_DAY, lambda at: at, keep=named)
    for client_id in before - set(tables.deleted_clients):
        del tables.clients[client_id]
    return removed


def _drop(
    table: dict[K, V],
    limit: int,
    now: float,
    time_of: Callable[[V], float],
    *,
    keep: Collection[K] = (),
) -> int:
    """Remove what is due at `now`, oldest first; how many went."""
    due = [name for name, row in table.items() if time_of(row) <= now and name not in keep]
    due.sort(key=lambda name: time_of(table[name]))
    for name in due[:limit]:
        del table[name]
    return len(due[:limit])


def _sessions_needed(tables: Tables, now: int) -> set[str]:
    """Those that a family lives in, and those whose client has not been told of their end."""
    lived_in = {family.session_id for family in tables.families.values()}
    untold = {s for s in tables.notices if (tables.sessions[s].ended_at or 0) > now - _A_DAY}
    return lived_in | untold


def _clients_named(tables: Tables) -> set[str]:
    """Those that a row refers to."""
    return {
        row.client_id
        for table in (tables.sessions, tables.families, tables.codes, tables.pushed, tables.devices)
        for row in table.values()
    }
