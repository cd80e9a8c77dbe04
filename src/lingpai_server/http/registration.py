"""POST /register, and what a client does with its own registration. Nothing is decided here.

A registration is managed at the URL that its answer named: /register?client_id=… (OpenID Connect
Registration section 3.2).
"""

from __future__ import annotations

from dataclasses import dataclass

from lingpai_server.app.registration import RegisterClients
from lingpai_server.core.secret import Secret
from lingpai_server.http.answers import NO_STORE, Answer, error_answer, json_answer
from lingpai_server.http.exchange import Exchange
from lingpai_server.http.render import render_refusal
from lingpai_server.protocol.errors import ErrorCode, Refusal
from lingpai_server.protocol.registration import ClientInformation, render_information

_CHALLENGE = 'Bearer realm="lingpai"'  # RFC 6750 section 3


@dataclass(frozen=True, slots=True)
class RegistrationEndpoint:
    """One method a method of HTTP."""

    issuer: str
    clients: RegisterClients

    async def post(self, exchange: Exchange) -> Answer:
        """RFC 7591 section 3."""
        members = await exchange.read_json_object()
        reply = await self.clients.register(
            members, bearer=_bearer(exchange), address=exchange.address
        )
        return self._answer(reply, exchange, status=201)

    async def get(self, exchange: Exchange) -> Answer:
        """RFC 7592 section 2.1."""
        reply = await self.clients.read(_client_id(exchange), bearer=_bearer(exchange))
        return self._answer(reply, exchange)

    async def put(self, exchange: Exchange) -> Answer:
        """RFC 7592 section 2.2."""
        reply = await self.clients.update(
            _client_id(exchange),
            await exchange.read_json_object(),
            bearer=_bearer(exchange),
            address=exchange.address,
        )
        return self._answer(reply, exchange)

    async def delete(self, exchange: Exchange) -> Answer:
        """RFC 7592 section 2.3."""
        refusal = await self.clients.delete(
            _client_id(exchange), bearer=_bearer(exchange), address=exchange.address
        )
        return Answer(204, NO_STORE, b"") if refusal is None else _refuse(refusal, exchange)

    def _answer(
        self, reply: ClientInformation | Refusal, exchange: Exchange, *, status: int = 200
    ) -> Answer:
        if isinstance(reply, Refusal):
            return _refuse(reply, exchange)
        return json_answer(status, render_information(reply, self.issuer))


def _client_id(exchange: Exchange) -> str:
    """Whoever names no client is told no more than who names a wrong one."""
    return exchange.read_query().get("client_id", "")


def _bearer(exchange: Exchange) -> Secret[str] | None:
    """RFC 6750 section 2.1; no other way is known here."""
    scheme, _, token = (exchange.header("authorization") or "").partition(" ")
    return Secret(token.strip()) if scheme.lower() == "bearer" and token.strip() else None


def _refuse(refusal: Refusal, exchange: Exchange) -> Answer:
    """A request without a token is told how to bring one, and nothing else (RFC 6750 3.1)."""
    if refusal.code is not ErrorCode.INVALID_TOKEN:
        return render_refusal(refusal)
    presented = _bearer(exchange) is not None
    challenge = f'{_CHALLENGE}, error="invalid_token"' if presented else _CHALLENGE
    headers = (("www-authenticate", challenge),)
    return error_answer(401, refusal.code, refusal.description, headers)
