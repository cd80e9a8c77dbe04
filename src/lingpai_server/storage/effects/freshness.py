"""Whose tokens tell the truth no longer when roles change: exactly those whose access differs.

Access is compared before and after, and only of holders that have a good slot at the API in
question: of the others there is no token to be wrong. Refuses to know what changes in between.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from lingpai_server.core.records import Access
from lingpai_server.storage.columns import Value
from lingpai_server.storage.effects.slots import (
    make_clients_own_stale,
    make_user_stale,
    number_flips,
)
from lingpai_server.storage.reads import client_access, user_access


@dataclass(frozen=True, slots=True)
class Holders:
    """Who may be concerned, as two queries: of holders, and of audiences. `clients` says that the
    holders are clients; a column `user_id` or `client_id` names each."""

    holders: str
    audiences: str
    clients: bool = False

    @property
    def query(self) -> str:
        """Those of them that have a good slot, each with the audience."""
        return (_CLIENTS_WITH_SLOT if self.clients else _USERS_WITH_SLOT).format(
            holders=self.holders, audiences=self.audiences
        )


_USERS_WITH_SLOT = """
SELECT DISTINCT s.user_id, t.audience
  FROM ({holders}) h
  JOIN sessions s ON s.user_id = h.user_id AND s.ended_at IS NULL
  JOIN slots t ON t.session_id = s.session_id AND t.status = 0
 WHERE t.audience IN ({audiences})
"""
_CLIENTS_WITH_SLOT = """
SELECT DISTINCT t.origin_client_id, t.audience
  FROM ({holders}) h
  JOIN slots t ON t.origin_client_id = h.client_id AND t.session_id IS NULL
   AND t.client_id IS NOT NULL AND t.status = 0
 WHERE t.audience IN ({audiences})
"""


@contextmanager
def stale_where_access_differs(
    db: sqlite3.Connection, concerned: Sequence[Holders], values: tuple[Value, ...]
) -> Iterator[None]:
    """Whatever the block changes, slots become STALE where it changed what their holder may do."""
    looks = [look for holders in concerned for look in _look(db, holders, values)]
    yield
    for read, before, make_stale in looks:
        if read() != before:
            make_stale()
    number_flips(db)


def _look(
    db: sqlite3.Connection, holders: Holders, values: tuple[Value, ...]
) -> Iterator[tuple[Callable[[], Access], Access, Callable[[], None]]]:
    read_access = client_access if holders.clients else user_access
    make_stale = make_clients_own_stale if holders.clients else make_user_stale
    for who, audience in db.execute(holders.query, values).fetchall():
        read = partial(read_access, db, who, audience)
        yield read, read(), partial(make_stale, db, who, audience)
