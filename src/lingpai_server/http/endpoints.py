"""The endpoints that change something: read, ask the use case, render. Nothing is decided here."""

from __future__ import annotations

from dataclasses import dataclass

from lingpai_server.app.device import AuthorizeDevice
from lingpai_server.app.ending import LogOut
from lingpai_server.app.login import LogIn
from lingpai_server.app.par import PushRequest
from lingpai_server.app.token import GrantTokens
from lingpai_server.http.answers import Answer
from lingpai_server.http.exchange import Exchange
from lingpai_server.http.render import (
    render_device_authorization,
    render_logged_out,
    render_pushed,
    render_refusal,
    render_tokens,
)
from lingpai_server.protocol.device import parse_device_authorization
from lingpai_server.protocol.errors import Refusal
from lingpai_server.protocol.login_request import parse_login_request
from lingpai_server.protocol.logout import parse_logout_request
from lingpai_server.protocol.token.request import parse_token_request


@dataclass(frozen=True, slots=True)
class Endpoints:
    """One method an endpoint."""

    issuer: str
    log_in: LogIn
    grant_tokens: GrantTokens
    push_request: PushRequest
    authorize_device: AuthorizeDevice
    log_out: LogOut

    async def login(self, exchange: Exchange) -> Answer:
        """POST /login."""
        members, arrival = await exchange.read_json_object(), exchange.arrival()
        cmd = parse_login_request(members, arrival, issuer=self.issuer)
        reply = cmd if isinstance(cmd, Refusal) else await self.log_in(cmd, arrival)
        if isinstance(reply, Refusal):
            return render_refusal(reply, used_basic=arrival.authorization is not None)
        return render_tokens(reply)

    async def token(self, exchange: Exchange) -> Answer:
        """POST /token (RFC 6749 section 3.2)."""
        parameters, arrival = await exchange.read_form(), exchange.arrival()
        used_basic = arrival.authorization is not None
        cmd = parse_token_request(parameters, arrival, issuer=self.issuer)
        if isinstance(cmd, Refusal):
            return render_refusal(cmd, used_basic=used_basic)
        reply = await self.grant_tokens(cmd, arrival)
        if isinstance(reply, Refusal):
            return render_refusal(reply, used_basic=used_basic, of_grant=True)
        return render_tokens(reply)

    async def pushed_authorization(self, exchange: Exchange) -> Answer:
        """POST /par (RFC 9126)."""
        parameters, arrival = await exchange.read_form(), exchange.arrival()
        reply = await self.push_request(parameters, arrival)
        if isinstance(reply, Refusal):
            return render_refusal(
                reply, used_basic=arrival.authorization is not None, of_grant=True
            )
        return render_pushed(reply)

    async def device_authorization(self, exchange: Exchange) -> Answer:
        """POST /device_authorization (RFC 8628 section 3.1)."""
        parameters, arrival = await exchange.read_form(), exchange.arrival()
        cmd = parse_device_authorization(parameters, arrival)
        reply = cmd if isinstance(cmd, Refusal) else await self.authorize_device(cmd, arrival)
        if isinstance(reply, Refusal):
            return render_refusal(reply, used_basic=arrival.authorization is not None)
        return render_device_authorization(reply)

    async def logout(self, exchange: Exchange) -> Answer:
        """POST /logout."""
        parameters, arrival = await exchange.read_optional_form(), exchange.arrival()
        cmd = parse_logout_request(parameters, arrival, issuer=self.issuer)
        reply = cmd if isinstance(cmd, Refusal) else await self.log_out(cmd)
        return render_refusal(reply) if isinstance(reply, Refusal) else render_logged_out(reply)
