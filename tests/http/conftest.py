"""One issuer a test, in this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.house import House


@pytest.fixture
def house() -> Iterator[House]:
    """An issuer with people and clients in it."""
    made = House()
    yield made
    made.close()
