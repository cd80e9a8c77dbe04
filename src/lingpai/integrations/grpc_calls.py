"""gRPC: which methods ask for what, who calls, and the status that a refusal becomes.

What the interceptors of both kinds of server share; it serves no call itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

import grpc

from lingpai.errors import TokenError
from lingpai.integrations.asked import Asked, admit, admit_async
from lingpai.integrations.bearer import Bearer, Denial
from lingpai.jwt.token import VerifiedToken
from lingpai.verifier.requirement import Requirement
from lingpai.verifier.watches import OnEnd, Watch

__all__ = ["PUBLIC", "Guard", "Guarded", "Methods", "Openness", "Status", "current_token"]

_CODES = {
    403: grpc.StatusCode.PERMISSION_DENIED,
    503: grpc.StatusCode.UNAVAILABLE,
}


class Openness(Enum):
    """Has the one value `PUBLIC`."""

    PUBLIC = "public"


PUBLIC = Openness.PUBLIC
"""In a table of methods: anybody may call, and no token is looked at."""

Methods: TypeAlias = Mapping[str, Asked | Requirement | Openness]

TOKEN: ContextVar[VerifiedToken | None] = ContextVar("lingpai.grpc.token")


def current_token() -> VerifiedToken | None:
    """The token of the call that is being handled; None in a method that is `PUBLIC`.

    Raises LookupError where no interceptor stands before the handler: a guard that is not there
    must not be mistaken for one that let the call in.
    """
    return TOKEN.get()


@dataclass(frozen=True, slots=True)
class Status:
    """How a call that is refused ends: a code, the stable reason, and the challenge."""

    code: grpc.StatusCode
    reason: str
    trailing: tuple[tuple[str, str], ...] = ()


NOT_LISTED = Status(grpc.StatusCode.PERMISSION_DENIED, "method_not_listed")


def read_status(denial: Denial) -> Status:
    """What HTTP says with 400, 401, 403 and 503."""
    code = _CODES.get(denial.status, grpc.StatusCode.UNAUTHENTICATED)
    challenge = denial.challenge
    trailing = () if challenge is None else (("www-authenticate", challenge),)
    return Status(code, denial.reason, trailing)


class Guard:
    """The table of methods, and the verifier. Raises ValueError or TypeError for what is no such
    table."""

    def __init__(self, bearer: Bearer, methods: Methods) -> None:
        self.bearer = bearer
        self._methods = {name: _read_asked(name, asked) for name, asked in methods.items()}

    def find(self, method: str) -> Guarded | Openness | None:
        """What a method asks; None for one that is not listed. An entry of its own comes first,
        then that of its whole service."""
        asked = self._methods.get(method)
        if asked is None:
            asked = self._methods.get(f"{method.rpartition('/')[0]}/*")
        return Guarded(self.bearer, asked) if isinstance(asked, Asked) else asked


@dataclass(frozen=True, slots=True)
class Guarded:
    """A method that asks for a token."""

    bearer: Bearer
    asked: Asked

    def admit(self, metadata: Iterable[Any] | None) -> VerifiedToken:
        """The token of a call. Raises Denied."""
        return admit(self.bearer, _authorization(metadata), self.asked)

    async def admit_async(self, metadata: Iterable[Any] | None) -> VerifiedToken:
        """The same for an event loop."""
        return await admit_async(self.bearer, _authorization(metadata), self.asked)

    def watch(self, token: VerifiedToken, on_end: OnEnd) -> Watch:
        """Be told when the token of a stream comes to its end."""
        verifier, max_age = self.bearer.verifier, self.asked.max_status_age_seconds
        return verifier.watch(token, on_end, max_status_age_seconds=max_age)

    async def until_refused(self, token: VerifiedToken) -> TokenError:
        """The same for an event loop."""
        verifier, max_age = self.bearer.verifier, self.asked.max_status_age_seconds
        return await verifier.until_refused(token, max_status_age_seconds=max_age)

    def end(self, refusal: TokenError) -> Status:
        """How a stream ends whose token has come to its end."""
        return read_status(self.asked.deny(self.bearer, refusal))


def _read_asked(name: str, asked: object) -> Asked | Openness:
    if not _names_methods(name):
        raise ValueError(f"{name!r} is not /package.Service/Method, nor /package.Service/*")
    match asked:
        case Asked() | Openness():
            return asked
        case Requirement():
            return Asked(asked)
        case _:
            raise TypeError(f"{name} asks for {asked!r}, which is neither Asked nor PUBLIC")


def _authorization(metadata: Iterable[Any] | None) -> list[bytes]:
    """Keys are in lower case, and a value is text unless it could not be read as such."""
    values = [value for key, value in metadata or () if key == "authorization"]
    return [value.encode("utf-8") if isinstance(value, str) else value for value in values]


def _names_methods(key: str) -> bool:
    """Whether it is `/package.Service/Method`, or `/package.Service/*` for all of a service."""
    parts = key.split("/")
    if len(parts) != 3 or parts[0] or not key.isascii():
        return False
    _, service, method = parts
    return all(
        name.isidentifier() for name in (*service.split("."), method if method != "*" else "_")
    )
