"""Decision: what a pure function answers. A reply to give, and effects to apply before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from lingpai_server.core.effects import Effects

R = TypeVar("R", covariant=True)


@dataclass(frozen=True, slots=True)
class Decision(Generic[R]):
    """`reply` leaves only after `effects` are durable."""

    reply: R
    effects: Effects = ()
