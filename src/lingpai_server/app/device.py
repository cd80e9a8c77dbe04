"""Device authorization: the device's first request, and the person who lets it in. No HTTP here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from lingpai_server.accounts.throttle import Admission, BucketNames, Throttled, decide_attempt
from lingpai_server.app.clock import Clock, now
from lingpai_server.app.entropy import draw_device
from lingpai_server.app.proofs import Proofs
from lingpai_server.app.settling import Contended, refuse_busy, settle
from lingpai_server.core.decision import Decision
from lingpai_server.core.flow_records import BrowserFacts
from lingpai_server.core.ports import AlreadyExists, Store
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.device import (
    USER_CODE_THROTTLE,
    DeviceAuthorization,
    DeviceDecided,
    DeviceFindings,
    DevicePrompt,
    check_signed_in,
    decide_answer,
    decide_device_authorization,
    decide_prompt,
    guess_names,
    parse_user_code,
    refuse_user_code,
)
from lingpai_server.protocol.discovery import DEVICE_AUTHORIZATION_PATH, endpoint_url
from lingpai_server.protocol.errors import Refusal
from lingpai_server.protocol.login import refuse_throttled
from lingpai_server.protocol.policy import IssuePolicy
from lingpai_server.protocol.requests import Arrival, DeviceAuthorizationRequest
from lingpai_server.protocol.resources import wanted_audience
from lingpai_server.sessions.browsers import browser_id_of

R = TypeVar("R")

_MAX_DRAWS = 5  # a user code that is taken is one in millions


@dataclass(frozen=True, slots=True)
class AuthorizeDevice:
    """POST /device_authorization (RFC 8628 section 3.1)."""

    store: Store
    proofs: Proofs
    policy: IssuePolicy
    clock: Clock = now

    async def __call__(
        self, cmd: DeviceAuthorizationRequest, arrival: Arrival
    ) -> DeviceAuthorization | Refusal:
        """What the device shows and polls with, or why not. Raises StoreUnavailable."""
        url = endpoint_url(self.policy.issuer, DEVICE_AUTHORIZATION_PATH)
        proven = await self.proofs.prove(cmd.client, arrival, endpoint_url=url)
        if isinstance(proven, Refusal):
            return proven
        proven_cmd = replace(cmd, client=proven.presented, sender=proven.sender)
        for _ in range(_MAX_DRAWS):
            try:
                return await settle(self.store, lambda: self._decide(proven_cmd))
            except AlreadyExists:
                continue
            except Contended:
                break
        return refuse_busy("contended")

    async def _decide(
        self, cmd: DeviceAuthorizationRequest
    ) -> Decision[DeviceAuthorization | Refusal]:
        facts = await self.store.load_authorize(
            client_id=cmd.client.client_id,
            audience=wanted_audience(cmd.resource, cmd.scopes),
            browser_id=None,
        )
        return decide_device_authorization(
            cmd, facts, self.policy, now=self.clock(), fresh=draw_device()
        )


@dataclass(frozen=True, slots=True)
class DecideDevice:
    """The page on which a person types a user code and answers. Every try at a code is counted,
    and given back when the code was right (RFC 8628 section 5.1)."""

    store: Store
    clock: Clock = now

    async def load(
        self, user_code: str, *, browser_secret: Secret[str] | None, address: str | None
    ) -> DevicePrompt | Refusal:
        """What to ask the person; LOGIN_REQUIRED without a live browser session. Raises
        StoreUnavailable."""

        async def decide(findings: DeviceFindings) -> Decision[DevicePrompt | Refusal]:
            return decide_prompt(findings, address=address, now=self.clock())

        return await self._try(user_code, browser_secret, address, decide)

    async def approve(
        self, user_code: str, *, browser_secret: Secret[str] | None, address: str | None
    ) -> DeviceDecided | Refusal:
        """The person lets the device in. Raises StoreUnavailable."""
        return await self._answer(user_code, browser_secret, address, allow=True)

    async def deny(
        self, user_code: str, *, browser_secret: Secret[str] | None, address: str | None
    ) -> DeviceDecided | Refusal:
        """The person does not. Raises StoreUnavailable."""
        return await self._answer(user_code, browser_secret, address, allow=False)

    async def _answer(
        self,
        user_code: str,
        browser_secret: Secret[str] | None,
        address: str | None,
        *,
        allow: bool,
    ) -> DeviceDecided | Refusal:
        async def decide(findings: DeviceFindings) -> Decision[DeviceDecided | Refusal]:
            return decide_answer(findings, allow=allow, address=address, now=self.clock())

        return await self._try(user_code, browser_secret, address, decide)

    async def _try(
        self,
        user_code: str,
        browser_secret: Secret[str] | None,
        address: str | None,
        decide: Callable[[DeviceFindings], Awaitable[Decision[R | Refusal]]],
    ) -> R | Refusal:
        """Counted before anything is looked up; whoever is not logged in cannot try at all."""
        signed_in = check_signed_in(await self._find_browser(browser_secret), now=self.clock())
        if isinstance(signed_in, Refusal):
            return signed_in
        code = parse_user_code(user_code)
        if code is None:  # what cannot be a code is no guess at one
            return refuse_user_code("user_code_malformed")

        async def find_and_decide() -> Decision[R | Refusal]:
            return await decide(await self._find(code, browser_secret))

        try:
            admission = await self._count(guess_names(signed_in.user.user_id, address))
            if isinstance(admission, Throttled):
                return refuse_throttled(admission)
            return await settle(self.store, find_and_decide)
        except Contended:
            return refuse_busy("contended")

    async def _count(self, names: BucketNames) -> Admission:
        async def decide() -> Decision[Admission]:
            buckets = await self.store.load_buckets(names.all())
            return decide_attempt(names, buckets, USER_CODE_THROTTLE, now=self.clock())

        return await settle(self.store, decide)

    async def _find(self, code: str, browser_secret: Secret[str] | None) -> DeviceFindings:
        found = await self._find_browser(browser_secret)
        device = await self.store.load_device_by_user_code(code)
        if device is None:
            return DeviceFindings(None, None, None, found)
        client = await self.store.load_client(device.client_id)
        api = await self.store.load_api(device.audience)
        return DeviceFindings(device, client, api, found)

    async def _find_browser(self, secret: Secret[str] | None) -> BrowserFacts | None:
        return None if secret is None else await self.store.load_browser(browser_id_of(secret))
