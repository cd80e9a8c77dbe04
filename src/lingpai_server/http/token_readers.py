"""The endpoints that are shown a token: userinfo, introspection, revocation. Nothing is decided.

Userinfo is a protected resource, so it refuses as one does: by challenge (RFC 6750 section 3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from lingpai.jwt.dpop import DPOP_ALGORITHMS
from lingpai_server.app.ending import RevokeToken
from lingpai_server.app.introspection import Introspect
from lingpai_server.app.userinfo import Userinfo, UserinfoAnswer
from lingpai_server.http.answers import NO_STORE, Answer, Headers, error_answer, json_answer
from lingpai_server.http.exchange import Exchange
from lingpai_server.http.render import render_refusal, render_revoked
from lingpai_server.protocol.errors import ErrorCode, Refusal
from lingpai_server.protocol.introspect import INTROSPECTION_TYP, parse_introspect_request
from lingpai_server.protocol.revoke import parse_revoke_request
from lingpai_server.protocol.userinfo import TokenScheme, parse_presented_token

_INTROSPECTION_JWT = f"application/{INTROSPECTION_TYP}"

# RFC 6750 section 3.1, RFC 9449 sections 7.1 and 8
_STATUS: Mapping[ErrorCode, int] = MappingProxyType(
    {
        ErrorCode.INVALID_REQUEST: 400,
        ErrorCode.INVALID_TOKEN: 401,
        ErrorCode.INVALID_DPOP_PROOF: 401,
        ErrorCode.USE_DPOP_NONCE: 401,
        ErrorCode.INSUFFICIENT_SCOPE: 403,
        ErrorCode.TEMPORARILY_UNAVAILABLE: 503,
    }
)
_REALM = 'realm="lingpai"'
_ALGORITHMS = f'algs="{" ".join(sorted(DPOP_ALGORITHMS))}"'
_NAMES: Mapping[TokenScheme, str] = MappingProxyType(
    {TokenScheme.BEARER: f"Bearer {_REALM}", TokenScheme.DPOP: f"DPoP {_REALM}, {_ALGORITHMS}"}
)


@dataclass(frozen=True, slots=True)
class TokenReaders:
    """One method an endpoint."""

    userinfo: Userinfo
    introspect: Introspect
    revoke_token: RevokeToken

    async def get_userinfo(self, exchange: Exchange) -> Answer:
        """GET /userinfo (OpenID Connect Core section 5.3)."""
        return await self._answer_userinfo(exchange, {}, "GET")

    async def post_userinfo(self, exchange: Exchange) -> Answer:
        """POST /userinfo; the token may be in the form (RFC 6750 section 2.2)."""
        return await self._answer_userinfo(exchange, await exchange.read_optional_form(), "POST")

    async def introspection(self, exchange: Exchange) -> Answer:
        """POST /introspect (RFC 7662, RFC 9701)."""
        parameters, arrival = await exchange.read_form(), exchange.arrival()
        cmd = parse_introspect_request(parameters, arrival)
        if isinstance(cmd, Refusal):
            return render_refusal(cmd, used_basic=arrival.authorization is not None)
        as_jwt = _accepts(exchange, _INTROSPECTION_JWT)
        reply = await self.introspect(cmd, arrival, as_jwt=as_jwt)
        if isinstance(reply, Refusal):
            return render_refusal(reply, used_basic=arrival.authorization is not None)
        if reply.jwt is None:
            return json_answer(200, reply.members)
        return _jwt_answer(reply.jwt, _INTROSPECTION_JWT)

    async def revoke(self, exchange: Exchange) -> Answer:
        """POST /revoke (RFC 7009)."""
        parameters, arrival = await exchange.read_form(), exchange.arrival()
        cmd = parse_revoke_request(parameters, arrival)
        reply = cmd if isinstance(cmd, Refusal) else await self.revoke_token(cmd, arrival)
        if isinstance(reply, Refusal):
            return render_refusal(reply, used_basic=arrival.authorization is not None)
        return render_revoked()

    async def _answer_userinfo(
        self, exchange: Exchange, form: Mapping[str, str], method: str
    ) -> Answer:
        arrival = exchange.arrival()
        presented = parse_presented_token(arrival.authorization, form, exchange.read_query())
        if presented is None:
            return _challenge_stranger()
        if isinstance(presented, Refusal):
            return _challenge(presented, TokenScheme.BEARER)
        reply = await self.userinfo(presented, arrival, method=method)
        if isinstance(reply, Refusal):
            return _challenge(reply, presented.scheme)
        return _render_userinfo(reply)


def _render_userinfo(reply: UserinfoAnswer) -> Answer:
    nonce = _nonce_header(reply.dpop_nonce)
    if reply.jwt is not None:
        return _jwt_answer(reply.jwt, "application/jwt", nonce)
    return json_answer(200, reply.claims, (*NO_STORE, *nonce))


def _jwt_answer(jwt: str, content_type: str, headers: Headers = ()) -> Answer:
    typed = ("content-type", content_type)
    return Answer(200, (typed, *NO_STORE, *headers), jwt.encode("ascii"))


def _challenge_stranger() -> Answer:
    """RFC 6750 section 3.1: whoever shows no token is told no more than how to."""
    headers = tuple(("www-authenticate", _NAMES[scheme]) for scheme in TokenScheme)
    return error_answer(401, ErrorCode.INVALID_TOKEN, "There is no access token.", headers)


def _challenge(refusal: Refusal, used: TokenScheme) -> Answer:
    """The error stands in the challenge of the scheme that was used."""
    status = _STATUS[refusal.code]
    parts = [_NAMES[used], f'error="{refusal.code}"', f'error_description="{refusal.description}"']
    if refusal.code is ErrorCode.INSUFFICIENT_SCOPE:
        parts.append('scope="openid"')
    headers: list[tuple[str, str]] = [*_nonce_header(refusal.dpop_nonce)]
    if status < 500:
        headers.append(("www-authenticate", ", ".join(parts)))
    if refusal.retry_after_seconds is not None:
        headers.append(("retry-after", str(refusal.retry_after_seconds)))
    return error_answer(status, refusal.code, refusal.description, tuple(headers))


def _nonce_header(nonce: str | None) -> Headers:
    return () if nonce is None else (("dpop-nonce", nonce),)


def _accepts(exchange: Exchange, media_type: str) -> bool:
    """Whether the caller asks for it by name: a wildcard asks for nothing in particular."""
    items = (item.partition(";")[0].strip() for item in exchange.list_header("accept"))
    return media_type in {item.lower() for item in items}
