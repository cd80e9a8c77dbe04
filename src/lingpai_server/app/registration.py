"""Dynamic registration: clients that register themselves, and manage what they registered.

Refuses to know HTTP. Closed unless the operator opens it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lingpai_server.accounts.throttle import Admission, Throttled, decide_visit
from lingpai_server.app.client_keys import Getter
from lingpai_server.app.clock import Clock, now
from lingpai_server.app.entropy import draw_client_secret, draw_identifier, draw_opaque
from lingpai_server.app.outgoing import FetchError
from lingpai_server.app.ports import KeyRing
from lingpai_server.app.settling import Contended, refuse_busy, settle
from lingpai_server.core.client_settings import ClientSettings
from lingpai_server.core.decision import Decision
from lingpai_server.core.ports import Store
from lingpai_server.core.records import Client
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.client_metadata import refuse_metadata
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse
from lingpai_server.protocol.openid_scopes import OPENID_SCOPES
from lingpai_server.protocol.registration import (
    REGISTRATION_TOKEN_PREFIX,
    ClientInformation,
    Drawn,
    Opened,
    RegistrationMode,
    RegistrationPolicy,
    admit,
    authenticate_registration,
    base_settings,
    check_sector,
    check_update,
    decide_delete,
    decide_register,
    decide_update,
    visit_bucket,
)
from lingpai_server.protocol.registration_request import (
    ALL_METHODS,
    Choices,
    Registration,
    parse_registration,
)

MAX_SECTOR_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class RegisterClients:
    """The use case. One instance serves every request."""

    store: Store
    keys: KeyRing
    getter: Getter
    policy: RegistrationPolicy = field(default_factory=RegistrationPolicy)
    clock: Clock = now

    async def register(
        self, members: Mapping[str, Any], *, bearer: Secret[str] | None, address: str | None
    ) -> ClientInformation | Refusal:
        """RFC 7591 section 3. Raises StoreUnavailable."""
        refusal = admit(self.policy, bearer) or await self._throttle(address)
        if refusal is not None:
            return refusal
        registration = await self._read(members, base_settings(self.policy.profiles[0]))
        if isinstance(registration, Refusal):
            return registration
        opened, drawn = await load_opened(self.store, self.policy), _draw()
        decision = decide_register(registration, opened, drawn, address=address, now=self.clock())
        await self.store.apply(decision.effects)
        return decision.reply

    async def read(
        self, client_id: str, *, bearer: Secret[str] | None
    ) -> ClientInformation | Refusal:
        """RFC 7592 section 2.1. Raises StoreUnavailable."""
        client = authenticate_registration(await self.store.load_client(client_id), bearer)
        return client if isinstance(client, Refusal) else ClientInformation(client)

    async def update(
        self,
        client_id: str,
        members: Mapping[str, Any],
        *,
        bearer: Secret[str] | None,
        address: str | None,
    ) -> ClientInformation | Refusal:
        """RFC 7592 section 2.2. The token that was used is good no more.

        Raises StoreUnavailable.
        """
        found = await self._manage(client_id, bearer)
        if isinstance(found, Refusal):
            return found
        checked = await self._read(members, found.settings)
        if isinstance(checked, Refusal):
            return checked
        opened, drawn = await load_opened(self.store, self.policy), _draw()

        async def decide() -> Decision[ClientInformation | Refusal]:
            client = await self._manage(client_id, bearer)
            if isinstance(client, Refusal):
                return Decision(client)
            refusal = check_update(members, client)
            if refusal is not None:
                return Decision(refusal)
            registration = self._parse(members, client.settings)
            if isinstance(registration, Refusal):
                return Decision(registration)
            return decide_update(
                client, registration, opened, drawn, address=address, now=self.clock()
            )

        try:
            return await settle(self.store, decide)
        except Contended:
            return refuse_busy("contended")

    async def delete(
        self, client_id: str, *, bearer: Secret[str] | None, address: str | None
    ) -> Refusal | None:
        """RFC 7592 section 2.3. None when it is done. Raises StoreUnavailable."""

        async def decide() -> Decision[Refusal | None]:
            client = await self._manage(client_id, bearer)
            if isinstance(client, Refusal):
                return Decision(client)
            return decide_delete(client, address=address, now=self.clock())

        try:
            return await settle(self.store, decide)
        except Contended:
            return refuse_busy("contended")

    async def _manage(self, client_id: str, bearer: Secret[str] | None) -> Client | Refusal:
        return authenticate_registration(await self.store.load_client(client_id), bearer)

    async def _throttle(self, address: str | None) -> Refusal | None:
        """Only where everybody may register: each time costs a row, and maybe a fetch."""
        if self.policy.mode is not RegistrationMode.OPEN:
            return None
        name = visit_bucket(address)

        async def decide() -> Decision[Admission]:
            buckets = await self.store.load_buckets([name])
            return decide_visit(name, buckets.get(name), self.policy.throttle, now=self.clock())

        try:
            admission = await settle(self.store, decide)
        except Contended:
            return refuse_busy("contended")
        if not isinstance(admission, Throttled):
            return None
        return refuse(
            ErrorCode.SLOW_DOWN,
            reason="registrations_throttled",
            description="Too many registrations. Try again later.",
            retry_after_seconds=admission.retry_after_seconds,
        )

    def _parse(self, members: Mapping[str, Any], base: ClientSettings) -> Registration | Refusal:
        policy = self.policy
        # a client that an operator gave another profile keeps it
        profiles = tuple(dict.fromkeys((base.profile, *policy.profiles)))
        choices = Choices(
            profiles, policy.grant_types, ALL_METHODS, self.keys.algorithms, policy.loopback
        )
        return parse_registration(members, base, choices)

    async def _read(
        self, members: Mapping[str, Any], base: ClientSettings
    ) -> Registration | Refusal:
        """The same, with what has to be fetched for it."""
        registration = self._parse(members, base)
        if isinstance(registration, Refusal):
            return registration
        return await fetch_sector(self.getter, registration) or registration


async def fetch_sector(getter: Getter, registration: Registration) -> Refusal | None:
    """OpenID Connect Core section 8.1, for a registration that names its sector."""
    uri = registration.settings.sector_identifier_uri
    if uri is None:
        return None
    try:
        answer = await getter.get(uri, accept="application/json", max_bytes=MAX_SECTOR_BYTES)
    except FetchError:
        return refuse_metadata("sector_identifier_uri", "cannot be fetched")
    if answer.status != 200:
        return refuse_metadata("sector_identifier_uri", f"answers {answer.status}")
    return check_sector(answer.body, registration)


async def load_opened(store: Store, policy: RegistrationPolicy) -> Opened:
    """What strangers may ask for, as far as there is such an API. Raises StoreUnavailable."""
    apis = [api for name in policy.audiences if (api := await store.load_api(name)) is not None]
    scopes = (*OPENID_SCOPES, *(scope for api in apis for scope in api.scopes))
    return Opened(tuple(api.audience for api in apis), tuple(dict.fromkeys(scopes)))


def _draw() -> Drawn:
    return Drawn(draw_identifier(), draw_client_secret(), draw_opaque(REGISTRATION_TOKEN_PREFIX))
