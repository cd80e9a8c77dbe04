"""Exchange: one request as the endpoints see it, read strictly. Refuses what has two readings.

Everything here raises Refused with the answer to give.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lingpai.jose import strict_json
from lingpai_server.core.secret import Secret
from lingpai_server.http.address import Network, client_address, is_trusted_peer
from lingpai_server.http.answers import Refused, error_answer
from lingpai_server.http.cookies import REFRESH_COOKIE, RepeatedCookie, read_cookie
from lingpai_server.http.render import render_refusal
from lingpai_server.protocol.errors import ErrorCode, Refusal
from lingpai_server.protocol.parameters import parse_parameters
from lingpai_server.protocol.requests import Arrival

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
_UTF8_NAMES = frozenset({"utf-8", '"utf-8"', "utf8"})


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """What is read of a request at most, and from whom an address is believed, or a client
    certificate in the header of that name; without a name there are none."""

    max_body_bytes: int
    trusted_proxies: tuple[Network, ...] = ()
    certificate_header: str = ""


class Exchange:
    """A request: its headers, and its body once asked for."""

    __slots__ = ("_headers", "_limits", "_path", "_peer", "_query", "_receive")

    def __init__(
        self,
        scope: Mapping[str, Any],
        receive: Callable[[], Awaitable[Any]],
        limits: ReadingLimits,
    ) -> None:
        self._receive = receive
        self._limits = limits
        self._peer: str | None = scope["client"][0] if scope.get("client") else None
        self._path: bytes = scope.get("raw_path", b"")
        self._query: bytes = scope.get("query_string", b"")
        self._headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            decoded = value.decode("latin-1")
            self._headers.setdefault(name.decode("latin-1").lower(), []).append(decoded)

    @property
    def leaf(self) -> str:
        """The last segment of the path, as it was sent: nothing is unescaped."""
        return self._path.rpartition(b"/")[2].decode("latin-1")

    def header(self, name: str) -> str | None:
        """A header that may come once (RFC 9110 section 5.3)."""
        values = self._headers.get(name, [])
        if len(values) > 1:
            raise _bad_request(f"The header {name} was sent more than once.")
        return values[0] if values else None

    def list_header(self, name: str) -> list[str]:
        """The items of a header that is a list (RFC 9110 section 5.6.1)."""
        lines = self._headers.get(name, [])
        return [item.strip() for line in lines for item in line.split(",") if item.strip()]

    @property
    def address(self) -> str | None:
        """Where the request comes from."""
        forwarded_for = self._headers.get("x-forwarded-for", [])
        return client_address(self._peer, forwarded_for, self._limits.trusted_proxies)

    def arrival(self) -> Arrival:
        """What came beside the parameters."""
        return Arrival(
            authorization=self.header("authorization"),
            refresh_cookie=self.cookie(REFRESH_COOKIE),
            sec_fetch_site=self.header("sec-fetch-site"),
            origin=self.header("origin"),
            address=self.address,
            dpop=tuple(self._headers.get("dpop", ())),
            certificate=self._certificate(),
        )

    def _certificate(self) -> str | None:
        """What a trusted proxy says (RFC 9440); from anybody else it is not even looked at."""
        name = self._limits.certificate_header
        if not name or not is_trusted_peer(self._peer, self._limits.trusted_proxies):
            return None
        return self.header(name) or None

    def cookie(self, name: str) -> Secret[str] | None:
        """The value of a cookie that may come once."""
        try:
            return read_cookie(self._headers.get("cookie", []), name)
        except RepeatedCookie:
            raise _bad_request(f"The cookie {name} was sent more than once.") from None

    def read_query(self) -> Mapping[str, str]:
        """The parameters of the query, read as those of a form are (RFC 6749 section 3.1)."""
        return _parse(self._query)

    async def read_form(self) -> Mapping[str, str]:
        """The parameters of a form body."""
        self._check_content_type(FORM)
        return _parse(await self._read_body())

    async def read_optional_form(self) -> Mapping[str, str]:
        """The same, for an endpoint that may be asked without a body."""
        if self.header("content-type") is not None:
            return await self.read_form()
        if await self._read_body():
            self._check_content_type(FORM)
        return {}

    async def read_json_object(self) -> Mapping[str, object]:
        """The members of a JSON body (RFC 8259), each name once."""
        self._check_content_type(JSON)
        try:
            return strict_json.decode_object(await self._read_body())
        except ValueError:
            raise _bad_request("The body is not a JSON object, or not a strict one.") from None

    def _check_content_type(self, expected: str) -> None:
        given = self.header("content-type") or ""
        media_type, *parameters = (part.strip().lower() for part in given.split(";"))
        if media_type != expected or not all(map(_is_utf8, parameters)):
            raise _refused(415, f"The body has to be {expected}, in UTF-8.")
        if self.header("content-encoding") not in {None, "identity"}:
            raise _refused(415, "The body may not be compressed.")

    async def _read_body(self) -> bytes:
        """The whole body, unless it is longer than is reasonable, or slower: `receive` says so."""
        announced = self.header("content-length")
        if announced is not None and announced.isascii() and announced.isdigit():
            self._check_length(int(announced[:20]))
        try:
            return await self._gather()
        except TimeoutError:
            raise _refused(408, "The body did not come in time.") from None

    async def _gather(self) -> bytes:
        body = bytearray()
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise _bad_request("The client went away.")
            body += message.get("body", b"")
            self._check_length(len(body))
            if not message.get("more_body", False):
                return bytes(body)

    def _check_length(self, length: int) -> None:
        if length > self._limits.max_body_bytes:
            raise _refused(413, f"The body is longer than {self._limits.max_body_bytes} bytes.")


def _parse(encoded: bytes) -> Mapping[str, str]:
    parameters = parse_parameters(encoded)
    if isinstance(parameters, Refusal):
        raise Refused(render_refusal(parameters))
    return parameters


def _is_utf8(parameter: str) -> bool:
    """The one parameter that is understood; nothing after a last semicolon is none."""
    name, _, value = parameter.partition("=")
    return parameter == "" or (name == "charset" and value in _UTF8_NAMES)


def _bad_request(description: str) -> Refused:
    return _refused(400, description)


def _refused(status: int, description: str) -> Refused:
    return Refused(error_answer(status, ErrorCode.INVALID_REQUEST, description))
