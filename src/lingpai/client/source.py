"""TokenSource: an access token that is good whenever it is asked for. One request serves all.

A token is renewed before it ends: one caller goes for the next while the others use the one that is
still good. An API that refuses a token as stale or revoked is answered with `renew`, which asks the
issuer at most once for all who were refused with the same token.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from lingpai.client.credentials import ClientCredential
from lingpai.client.dpop import DpopKey
from lingpai.client.grants import (
    Exchange,
    Grant,
    Refresh,
    TokenRefused,
    TokenResponse,
    Wish,
    find_token_endpoint,
    request_token,
)
from lingpai.client.transport import HttpTransport, Reply, Request, RequestFailed, Transport

__all__ = ["TokenSource"]

T = TypeVar("T")

RENEW_AT = 0.8  # of a token's life
RENEW_MARGIN_SECONDS = 30.0  # but no earlier than so long before its end
SPARE_SECONDS = 2.0  # a token that ends sooner would end on the way
RETRY_SECONDS = 5.0  # after a failure, as long as the present token is good


@dataclass(slots=True)
class Held:
    """A token and its times, in seconds of the source's steady clock."""

    response: TokenResponse = field(repr=False)
    renew_at: float
    good_until: float


class TokenSource:
    """Access tokens of one issuer for one API. Thread-safe; usable from several event loops.

    By default the client gets tokens for itself (client credentials). `grant` is `Refresh(...)` for
    a user's session, with `on_rotate` called with each new refresh token before the access token is
    given out, so that it can be kept; or `Exchange(...)` to act on behalf of whoever calls.

    `resource` is the API (RFC 8707), `dpop` binds the tokens to a key. The methods raise
    TokenRefused when the issuer says no, and RequestFailed when it cannot be asked.
    """

    def __init__(
        self,
        *,
        issuer: str,
        client: ClientCredential,
        resource: str | None = None,
        scopes: Iterable[str] = (),
        grant: Grant = None,
        on_rotate: Callable[[str], None] | None = None,
        dpop: DpopKey | None = None,
        transport: Transport | None = None,
        clock: Callable[[], float] = time.time,
        steady_clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if isinstance(scopes, str):
            raise TypeError("scopes are several, so one stands in a list as well")
        self._wish = Wish(issuer, client, resource, tuple(scopes), dpop)
        self._grant = grant
        self._on_rotate = on_rotate
        self._transport = transport or HttpTransport()
        self._clock, self._steady_clock = clock, steady_clock
        self._lock = threading.Lock()
        self._endpoint: str | None = None
        self._held: Held | None = None

    @property
    def dpop(self) -> DpopKey | None:
        """The key that the tokens are bound to."""
        return self._wish.dpop

    def token(self) -> str:
        """An access token that is good for at least a moment."""
        held = self._held
        now = self._steady_clock()
        if held is not None and now < held.renew_at:
            return held.response.access_token
        if held is not None and now < held.good_until - SPARE_SECONDS:
            return self._renew_early(held)
        with self._lock:
            if self._held is None or self._held is held:  # nobody was faster
                self._request()
            return self._present()

    def renew(self, refused: str) -> str:
        """Another token than `refused`, which an API would not take: asked for once, whoever many
        were refused with it."""
        with self._lock:
            if self._held is None or self._held.response.access_token == refused:
                self._request()
            return self._present()

    async def token_async(self) -> str:
        """The same for an event loop; a request runs in a thread."""
        held = self._held
        if held is not None and self._steady_clock() < held.renew_at:
            return held.response.access_token
        return await _in_thread(self.token)

    async def renew_async(self, refused: str) -> str:
        """The same for an event loop."""
        return await _in_thread(lambda: self.renew(refused))

    def exchange(self, subject_token: str) -> TokenSource:
        """A source that acts on behalf of whom `subject_token` speaks for (RFC 8693), with this
        one's client, API and scopes."""
        wish = self._wish
        return TokenSource(
            issuer=wish.issuer,
            client=wish.client,
            resource=wish.resource,
            scopes=wish.scopes,
            grant=Exchange(subject_token),
            dpop=wish.dpop,
            transport=self._transport,
            clock=self._clock,
            steady_clock=self._steady_clock,
        )

    def __repr__(self) -> str:
        return f"TokenSource(issuer={self._wish.issuer!r}, client={self._wish.client.client_id!r})"

    # --- how ----------------------------------------------------------------------------------

    def _renew_early(self, held: Held) -> str:
        """One caller renews; the others, and he too if it fails, use what is still good."""
        if not self._lock.acquire(blocking=False):
            return held.response.access_token
        try:
            if self._held is held:
                self._request()
            return self._present()
        except (TokenRefused, RequestFailed):
            held.renew_at = self._steady_clock() + RETRY_SECONDS
            return held.response.access_token
        finally:
            self._lock.release()

    def _present(self) -> str:
        if self._held is None:
            raise RequestFailed("no token could be had")
        return self._held.response.access_token

    def _request(self) -> None:
        """One token request, the lock held. Raises TokenRefused or RequestFailed."""
        asked_at = self._steady_clock()
        response = self._drive(self._flow())
        self._keep_rotated(response.refresh_token)
        lifetime = response.expires_in_seconds
        early = max(lifetime * RENEW_AT, lifetime - RENEW_MARGIN_SECONDS)
        self._held = Held(response, asked_at + early, asked_at + lifetime)

    def _keep_rotated(self, rotated: str | None) -> None:
        """Before the access token is given out: whoever stops now has the token that is good."""
        grant = self._grant
        if rotated is None or not isinstance(grant, Refresh) or rotated == grant.refresh_token:
            return
        self._grant = Refresh(rotated)
        if self._on_rotate is not None:
            self._on_rotate(rotated)

    def _flow(self) -> Generator[Request, Reply, TokenResponse]:
        if self._endpoint is None:
            self._endpoint = yield from find_token_endpoint(self._wish.issuer)
        return (yield from request_token(self._wish, self._grant, self._endpoint, self._clock))

    def _drive(self, flow: Generator[Request, Reply, T]) -> T:
        try:
            request = next(flow)
            while True:
                request = flow.send(self._transport.send(request))
        except StopIteration as stop:
            result: T = stop.value
            return result


async def _in_thread(work: Callable[[], T]) -> T:
    import asyncio  # whoever comes here has it

    return await asyncio.to_thread(work)
