"""Handover: what a handler makes in its own thread, given to the thread that answers. No framework.

A thread that waits for a handler cannot also end the call. So the handler works beside it, and this
is what the two share: one message at a time, or the one thing that ended it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

from lingpai.errors import TokenError

__all__ = ["Closed", "Failed", "Finished", "Handover", "Message", "Refused"]


@dataclass(frozen=True, slots=True)
class Message:
    """One of several answers."""

    value: Any


@dataclass(frozen=True, slots=True)
class Finished:
    """The handler came to its end; `value` is what it returned, where it answers once."""

    value: Any = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The handler raised."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class Refused:
    """The token is good no more."""

    refusal: TokenError


@dataclass(frozen=True, slots=True)
class Closed:
    """Nobody waits for an answer any more."""


End: TypeAlias = Finished | Failed | Refused | Closed

_NO_MORE = object()


class Handover:
    """Between two threads, and those that end it. The first end counts, and comes before a message
    that has not been taken. A handler makes its next message when that is asked for."""

    __slots__ = ("_changed", "_end", "_is_wanted", "_message")

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._is_wanted = False
        self._message: Message | None = None
        self._end: End | None = None

    @property
    def is_refused(self) -> bool:
        """Whether the token's end was what ended it."""
        return isinstance(self._end, Refused)

    # --- whoever answers ------------------------------------------------------------------------

    def take(self) -> Message | End:
        """The next message, or how it ended; waits for it."""
        with self._changed:
            self._is_wanted = True
            self._changed.notify_all()
            while (message := self._message) is None or self._end is not None:
                if self._end is not None:
                    return self._end
                self._changed.wait()
            self._message = None
            return message

    def refuse(self, refusal: TokenError) -> None:
        """The token came to its end."""
        self._settle(Refused(refusal))

    def close(self) -> None:
        """The call is over, for whatever reason."""
        self._settle(Closed())

    # --- the handler's side ---------------------------------------------------------------------

    def run_once(self, handler: Callable[[], Any]) -> None:
        """A handler that answers once."""
        try:
            self._settle(Finished(handler()))
        except BaseException as error:  # noqa: BLE001 - it is raised in the other thread
            self._settle(Failed(error))

    def run_stream(self, handler: Callable[[], Iterable[Any]]) -> None:
        """A handler that answers many times."""
        try:
            messages = iter(handler())
            while self._wait_until_wanted():
                message = next(messages, _NO_MORE)
                if message is _NO_MORE:
                    self._settle(Finished())
                else:
                    self._give(message)
            if (close := getattr(messages, "close", None)) is not None:
                close()
        except BaseException as error:  # noqa: BLE001 - it is raised in the other thread
            self._settle(Failed(error))

    def _wait_until_wanted(self) -> bool:
        """Whether another message is wanted; False when it is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_wanted or self._end is not None)
            return self._end is None

    def _give(self, message: Any) -> None:
        with self._changed:
            self._is_wanted, self._message = False, Message(message)
            self._changed.notify_all()

    def _settle(self, end: End) -> None:
        with self._changed:
            if self._end is None:
                self._end = end
            self._changed.notify_all()
