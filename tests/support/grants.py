"""A user's grant in a house, made without the way there: a session, and access tokens of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.house import House
from tests.support.samples import SLOT
from tests.support.stores import a_client, a_session, a_user, an_api

from lingpai_server.app.issuing import IssuedTokens, issue
from lingpai_server.core.client_settings import ClientSettings
from lingpai_server.core.effects import CreateApi, CreateClient, CreateUser, Effect, StartSession
from lingpai_server.core.ports import AlreadyExists
from lingpai_server.core.records import USERINFO_AUDIENCE, Access, Api, Client, Session, User
from lingpai_server.protocol.access_token import build_access_token
from lingpai_server.protocol.replies import TokenReply
from lingpai_server.protocol.requests import NO_SENDER, Sender

LAN_CLAIMS: Mapping[str, Any] = {
    "name": "Lan Wu",
    "email": "lan@example.org",
    "email_verified": True,
    "phone_number": "+8613800138000",
    "address": {"country": "CN"},
}


@dataclass
class Grant:
    """What Lan let a client have. `open` puts it into the house."""

    house: House
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    settings: ClientSettings = field(default_factory=ClientSettings)
    claims: str | None = None
    client_id: str = "web"

    def __post_init__(self) -> None:
        now = int(self.house.now)
        self.user: User = a_user("lan", claims=dict(LAN_CLAIMS))
        self.client: Client = a_client(
            self.client_id,
            first_party=False,
            scopes=("openid", "profile", "email", "phone"),
            settings=self.settings,
        )
        self.session: Session = a_session(
            f"session-at-{self.client_id}",
            user_id=self.user.user_id,
            client_id=self.client_id,
            auth_time=now,
            acr="urn:lingpai:acr:password",
            idle_deadline=now + 1_000,
            absolute_deadline=now + 9_000,
            claims=self.claims,
        )
        self._put(CreateApi(an_api(USERINFO_AUDIENCE, scopes=())))
        self._put(CreateUser(self.user))
        self._put(CreateClient(self.client))
        self._put(StartSession(self.session))

    def token(
        self,
        *,
        api: Api | None = None,
        sender: Sender = NO_SENDER,
        scopes: tuple[str, ...] | None = None,
        client: Client | None = None,
    ) -> str:
        """An access token, of the grant's own client and of this very second unless told."""
        access = build_access_token(
            self.house.config.server.issuer or "",
            self.client if client is None else client,
            an_api(USERINFO_AUDIENCE, scopes=()) if api is None else api,
            Access(),
            self.session,
            self.scopes if scopes is None else scopes,
            SLOT,
            now=self.house.now,
            jti="jti-of-lan",
            sender=sender,
        )
        issued = asyncio.run(issue(TokenReply(access, 300, ()), self.house.keys))
        assert isinstance(issued, IssuedTokens)
        return issued.access_token.reveal()

    def apply(self, *effects: Effect) -> None:
        """Change what the house remembers."""
        asyncio.run(self.house.store.apply(effects))

    def _put(self, effect: Effect) -> None:
        try:
            self.apply(effect)
        except AlreadyExists:
            return
