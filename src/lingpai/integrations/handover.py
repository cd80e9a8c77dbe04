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


class Handover:
    """Between two threads, and those that end it. The first end counts. That of the handler waits
    until its last message has been taken; a refusal does not."""

    __slots__ = ("_changed", "_end", "_waiting")

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: Message | None = None
        self._end: End | None = None

    @property
    def is_refused(self) -> bool:
        """Whether the token's end was what ended it."""
        return isinstance(self._end, Refused)

    # --- whoever answers ------------------------------------------------------------------------

    def take(self) -> Message | End:
        """The next message, or how it ended; waits for it."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting is not None or self._end is not None)
            if self._waiting is None or isinstance(self._end, (Refused, Closed)):
                assert self._end is not None  # noqa: S101 - what was waited for
                return self._end
            taken, self._waiting = self._waiting, None
            self._changed.notify_all()
            return taken

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
        """A handler that answers many times. It is no more than one message ahead."""
        try:
            messages = handler()
            for message in messages:
                if not self._put(message):
                    break
            if (close := getattr(messages, "close", None)) is not None:
                close()
            self._settle(Finished())
        except BaseException as error:  # noqa: BLE001 - it is raised in the other thread
            self._settle(Failed(error))

    def _put(self, message: Any) -> bool:
        """Whether it may go on."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting is None or self._end is not None)
            if self._end is not None:
                return False
            self._waiting = Message(message)
            self._changed.notify_all()
            return True

    def _settle(self, end: End) -> None:
        with self._changed:
            is_over = self._end is not None
            # the handler is done, and its last message is still here: that may yet be refused
            is_late = self._waiting is not None and isinstance(end, (Refused, Closed))
            if not is_over or (is_late and isinstance(self._end, (Finished, Failed))):
                self._end = end
            self._changed.notify_all()
