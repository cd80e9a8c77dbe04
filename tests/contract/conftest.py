"""The stores that the contract suite runs over: one fixture, every engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.memory_store import MemoryStore
from tests.support.stores import run

from lingpai_server.core.ports import Store
from lingpai_server.storage.sqlite import SqliteStore


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store, closed afterwards."""
    store: Store = MemoryStore()
    if request.param == "sqlite":
        store = SqliteStore.open(tmp_path / "data" / "lingpai.db")
    yield store
    run(store.close())
