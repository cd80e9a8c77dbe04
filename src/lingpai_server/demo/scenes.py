"""What the walk of `lingpai demo` shows, as values. Neither shows it nor makes it happen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Step:
    """A new step begins: its title, and what happens in it."""

    title: str
    words: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, without secrets. `to` names the service."""

    to: str
    request: str
    sent: Sequence[str]
    status: int
    received: Sequence[str]
    seconds: float


@dataclass(frozen=True, slots=True)
class Command:
    """One command of the operator, and what it printed."""

    line: str
    output: str
    seconds: float


@dataclass(frozen=True, slots=True)
class ShowToken:
    """A token to be shown taken apart; of `members` those that matter here, or all if empty."""

    caption: str
    raw: str = field(repr=False)
    members: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Fact:
    """What was found to be so. The walk stops where it is not."""

    words: str


Scene: TypeAlias = Step | Exchange | Command | ShowToken | Fact


class WalkFailed(Exception):
    """The services did not behave as they should: the demo shows that instead of the rest."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service answered. Header names are in lower case; `members` is its JSON, or empty."""

    status: int
    headers: Mapping[str, str]
    members: Mapping[str, object]
    seconds: float
