"""Answer: one HTTP response as a value. Knows no framework and no endpoint."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lingpai.jose import strict_json

Headers = tuple[tuple[str, str], ...]

# RFC 6749 section 5.1: nothing on the way may keep an answer that holds a token, or an error
NO_STORE: Headers = (("cache-control", "no-store"), ("pragma", "no-cache"))


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers (names in lower case) and body. Its `repr` hides the body: it may be a
    token."""

    status: int
    headers: Headers
    body: bytes

    def __repr__(self) -> str:
        return f"Answer({self.status})"


@dataclass(frozen=True, slots=True)
class Streamed:
    """An answer whose body goes on: `pieces` are sent as they come, and `stop` ends them when the
    peer has gone, whether any was asked for or not."""

    status: int
    headers: Headers
    pieces: AsyncIterator[bytes]
    stop: Callable[[], None]


class Refused(Exception):
    """The request cannot be read. `answer` says why to the caller."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def json_answer(status: int, members: Mapping[str, Any], headers: Headers = NO_STORE) -> Answer:
    """A JSON object."""
    body = strict_json.encode(dict(members))
    return Answer(status, (("content-type", "application/json"), *headers), body)


def error_answer(status: int, code: str, description: str, headers: Headers = ()) -> Answer:
    """The error body of RFC 6749 section 5.2, which every endpoint here answers with."""
    members = {"error": code, "error_description": description}
    return json_answer(status, members, (*NO_STORE, *headers))
