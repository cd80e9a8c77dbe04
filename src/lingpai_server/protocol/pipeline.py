"""A pipeline is a visible tuple of small steps. Refuses to know what they check."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from lingpai_server.protocol.errors import Refusal

C = TypeVar("C")


def first_refusal(steps: Iterable[Callable[[C], Refusal | None]], case: C) -> Refusal | None:
    """The first step's refusal, or None when every step lets the case pass."""
    for step in steps:
        refusal = step(case)
        if refusal is not None:
            return refusal
    return None
