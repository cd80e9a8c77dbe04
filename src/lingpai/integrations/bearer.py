"""Bearer tokens in HTTP (RFC 6750): from header to token, from refusal to challenge. No framework.

A token is taken from the Authorization header and from nowhere else (section 2.1): what stands in a
URL or a form ends up in logs and histories. What goes out on a refusal is a stable code; the
sentence that explains it stays with the service.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lingpai.errors import (
    AuthorizationError,
    InsufficientAuthentication,
    InsufficientScope,
    KeysUnavailable,
    StatusUnavailable,
    TokenError,
)
from lingpai.jwt.token import VerifiedToken
from lingpai.verifier.requirement import NO_REQUIREMENT, Requirement
from lingpai.verifier.verifier import Verifier

__all__ = [
    "POLICY_VIOLATION",
    "Bearer",
    "Denial",
    "Denied",
    "authorization_values",
    "parse_authorization",
]

RETRY_AFTER_SECONDS = 2
POLICY_VIOLATION = 1008  # the close code for a WebSocket that is refused, RFC 6455 section 7.4.1

# RFC 6750 section 2.1, b64token without its padding
_TOKEN_CHARACTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/"


@dataclass(frozen=True, slots=True)
class Denial:
    """A response that refuses a request. `error` is a code of RFC 6750 section 3.1, or None.

    `reason` is the stable code of the check that failed; `detail` is for the service's own log.
    """

    status: int
    error: str | None
    reason: str
    challenge: str | None = None
    retry_after_seconds: int | None = None
    detail: str = ""

    def headers(self) -> dict[str, str]:
        """What goes with the status; the content type is for whoever writes the body."""
        headers = {"Cache-Control": "no-store"}
        if self.challenge is not None:
            headers["WWW-Authenticate"] = self.challenge
        if self.retry_after_seconds is not None:
            headers["Retry-After"] = str(self.retry_after_seconds)
        return headers

    def content(self) -> dict[str, str]:
        """The members of the body."""
        if self.error is None:
            return {"error_description": self.reason}
        return {"error": self.error, "error_description": self.reason}

    def body(self) -> bytes:
        """The same as JSON."""
        return json.dumps(self.content()).encode("ascii")


class Denied(Exception):
    """Carries a `Denial` out of a handler to whoever can answer with it."""

    def __init__(self, denial: Denial) -> None:
        super().__init__(denial.reason)
        self.denial = denial


def authorization_values(headers: Iterable[tuple[bytes, bytes]]) -> list[bytes]:
    """The Authorization headers among those of an ASGI scope, whose names are in lower case."""
    return [value for name, value in headers if name == b"authorization"]


def parse_authorization(values: Sequence[bytes]) -> bytes | None:
    """The token in the request's Authorization headers; None where there is none to look at.

    None stands for no header and for another scheme. Raises ValueError for a header that is there
    twice or says Bearer and is not well-formed; the scheme is compared without case (RFC 9110
    section 11.1).
    """
    if not values:
        return None
    if len(values) != 1:
        raise ValueError("the Authorization header is repeated")
    scheme, _, rest = values[0].strip(b" \t").partition(b" ")
    if scheme.lower() != b"bearer":
        return None
    token = rest.lstrip(b" ")
    if not token.rstrip(b"=") or token.rstrip(b"=").translate(None, _TOKEN_CHARACTERS):
        raise ValueError("the credentials are not one Bearer token")
    return token


class Bearer:
    """Decides on requests for one verifier.

    `realm` names the protected space in challenges; the audience, unless told otherwise.
    `resource_metadata` is the URL where the API says who issues its tokens (RFC 9728 section 5.1),
    as `protected_resource` has it. Raises ValueError for text that cannot stand in a header.
    """

    __slots__ = ("_fixed", "verifier")

    def __init__(
        self,
        verifier: Verifier,
        *,
        realm: str | None = None,
        resource_metadata: str | None = None,
    ) -> None:
        self.verifier = verifier
        audience = verifier.policy.audience
        named = realm or (audience if isinstance(audience, str) else "api")
        self._fixed = [f"Bearer realm={_quoted(named)}"]
        if resource_metadata is not None:
            self._fixed.append(f"resource_metadata={_quoted(resource_metadata)}")

    async def authenticate(
        self, authorization: Sequence[bytes], requirement: Requirement = NO_REQUIREMENT
    ) -> VerifiedToken:
        """The verified token of a request that fulfils `requirement`. Raises Denied."""
        raw = self._read(authorization)
        try:
            return await self.verifier.verify_async(
                raw,
                scopes=requirement.scopes,
                permissions=requirement.permissions,
                roles=requirement.roles,
            )
        except TokenError as refusal:
            raise Denied(self.deny(refusal, requirement)) from refusal

    def authorize(self, token: VerifiedToken | None, requirement: Requirement) -> VerifiedToken:
        """A token that was verified before, if it fulfils `requirement` too. Raises Denied."""
        if token is None:
            raise Denied(self.deny_missing())
        try:
            self.verifier.require(
                token,
                scopes=requirement.scopes,
                permissions=requirement.permissions,
                roles=requirement.roles,
            )
        except AuthorizationError as refusal:
            raise Denied(self.deny(refusal, requirement)) from refusal
        return token

    def deny_missing(self) -> Denial:
        """No credentials: the challenge has no error code (section 3.1)."""
        return Denial(401, None, "token_missing", self._challenge())

    def deny_malformed(self, detail: str) -> Denial:
        """The Authorization header is no single well-formed Bearer token."""
        return self._denial(400, "invalid_request", "malformed_header", detail)

    def deny(self, refusal: TokenError, requirement: Requirement = NO_REQUIREMENT) -> Denial:
        """The response that a refused token gets."""
        match refusal:
            case KeysUnavailable() | StatusUnavailable():
                return Denial(
                    503,
                    "temporarily_unavailable",
                    refusal.code,
                    retry_after_seconds=RETRY_AFTER_SECONDS,
                    detail=str(refusal),
                )
            case InsufficientScope():
                scope = " ".join(sorted(requirement.scopes))
                return self._denial(
                    403, "insufficient_scope", refusal.code, str(refusal), scope=scope
                )
            case InsufficientAuthentication():  # RFC 9470 section 3
                return self._denial(401, refusal.code, refusal.code, str(refusal))
            case AuthorizationError():
                return self._denial(403, "insufficient_scope", refusal.code, str(refusal))
            case _:
                return self._denial(401, "invalid_token", refusal.code, str(refusal))

    def _read(self, authorization: Sequence[bytes]) -> str:
        try:
            raw = parse_authorization(authorization)
        except ValueError as error:
            raise Denied(self.deny_malformed(str(error))) from error
        if raw is None:
            raise Denied(self.deny_missing())
        return raw.decode("ascii")

    def _denial(self, status: int, error: str, reason: str, detail: str, **more: str) -> Denial:
        challenge = self._challenge(error=error, error_description=reason, **more)
        return Denial(status, error, reason, challenge, detail=detail)

    def _challenge(self, **parameters: str) -> str:
        """RFC 6750 section 3: the scheme, then parameters as quoted strings."""
        parts = [f"{name}={_quoted(value)}" for name, value in parameters.items() if value]
        return ", ".join([*self._fixed, *parts])


def _quoted(text: str) -> str:
    """A quoted-string of RFC 9110 section 5.6.4 that no reader takes in two ways.

    Raises ValueError for anything but printable ASCII without quotes and backslashes, which is what
    RFC 6750 section 3 allows in these values.
    """
    if not (text.isascii() and text.isprintable()) or '"' in text or "\\" in text:
        raise ValueError(f"{text!r} cannot stand in a challenge")
    return f'"{text}"'
