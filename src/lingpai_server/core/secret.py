"""Secret: bytes or text that never shows itself in a log, an error or a `repr`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T", str, bytes)


@dataclass(frozen=True, slots=True, repr=False)
class Secret(Generic[T]):
    """A value to be revealed at the last moment, by name: `secret.reveal()`."""

    _value: T

    def reveal(self) -> T:
        """The value itself. Each call of this name is a place for a reviewer to look at."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__
