"""SignedIn: somebody who is logged in at a client through a browser, by default in memory only.

For tests of what ends such a login. The clock stands still until a test moves it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

from tests.support.memory_store import MemoryStore
from tests.support.stores import NOW, a_client, a_session, a_user, fill

from lingpai_server.app.issuing import with_subject_of
from lingpai_server.core.client_settings import ClientSettings
from lingpai_server.core.effects import (
    CreateClient,
    CreateUser,
    EndSession,
    StartSession,
    StoreKey,
)
from lingpai_server.core.flow_effects import EndBrowser, StartBrowser
from lingpai_server.core.flow_records import BrowserSession
from lingpai_server.core.ports import Store
from lingpai_server.core.records import Client, Session, StoredKey
from lingpai_server.core.secret import Secret
from lingpai_server.keys.making import ISSUER_SECRETS, SealedKeyMaker
from lingpai_server.keys.sealing import SealingKey
from lingpai_server.keys.signer import LiveKeyRing
from lingpai_server.protocol.id_token import ID_TOKEN_TYP, build_id_token
from lingpai_server.protocol.policy import IssuePolicy
from lingpai_server.protocol.subjects import sector_of
from lingpai_server.sessions.browsers import browser_id_of

ISSUER = "https://id.example"
COOKIE = Secret("the cookie of ming's browser")
AFTERWARDS = "https://app.example/bye"
SETTINGS = ClientSettings(
    redirect_uris=("https://app.example/cb",), post_logout_redirect_uris=(AFTERWARDS,)
)
_SEALING = SealingKey(Secret(bytes(32)))
_MAKER = SealedKeyMaker(_SEALING)
_KEYS: list[StoredKey] = []


@dataclass
class SignedIn:
    """User `ming` in a browser, with session `session-1` at client `app`; `other` is a client too,
    and `wei` a user who has not logged in."""

    settings: ClientSettings = SETTINGS
    now: float = float(NOW)
    store: Store = field(default_factory=MemoryStore)
    keys: LiveKeyRing = field(init=False)

    def __post_init__(self) -> None:
        if not _KEYS:  # made once: RSA keys take their time
            secrets = [_MAKER.make_issuer_secret(purpose, now=0) for purpose in ISSUER_SECRETS]
            signing = [_MAKER.make_signing_key(name, now=0) for name in ("ES256", "RS256")]
            _KEYS.extend([_MAKER.make_refresh_key(1, now=0), *secrets, *signing])
        self.client = a_client(settings=self.settings)
        fill(
            self.store,
            map(StoreKey, _KEYS),
            (CreateUser(a_user()), CreateUser(a_user("wei"))),
            (CreateClient(self.client), CreateClient(a_client("other"))),
        )
        self.browser = self.sign_in(COOKIE)
        self.session = self.visit("session-1", self.browser)
        stored = asyncio.run(self.store.load_keys())
        self.keys = LiveKeyRing(self.store, _SEALING, stored, issuer=ISSUER)

    @property
    def policy(self) -> IssuePolicy:
        """What decisions are configured with."""
        return IssuePolicy(ISSUER)

    def clock(self) -> float:
        """The time, for use cases."""
        return self.now

    def sign_in(self, cookie: Secret[str], user: str = "ming") -> BrowserSession:
        """A browser session of a user."""
        browser = BrowserSession(
            browser_id=browser_id_of(cookie),
            user_id=f"id-of-{user}",
            auth_time=NOW,
            amr=("pwd",),
            acr="urn:lingpai:acr:password",
            idle_deadline=NOW + 1_000,
            absolute_deadline=NOW + 9_000,
        )
        fill(self.store, [StartBrowser(browser)])
        return browser

    def visit(self, session_id: str, browser: BrowserSession, **changes: Any) -> Session:
        """A client's session in a browser; the client is `app` unless said otherwise."""
        wants_to_hear = self.settings.backchannel_logout_uri is not None
        values = {
            "user_id": browser.user_id,
            "browser_id": browser.browser_id,
            "notify": wants_to_hear,
        }
        session = a_session(session_id, **(values | changes))
        fill(self.store, [StartSession(session)])
        return session

    def id_token(self, session: Session | None = None, client: Client | None = None) -> str:
        """The ID token that the client was given, of `session-1` unless said otherwise."""
        told, whom = session or self.session, client or self.client
        user = replace(a_user(), user_id=told.user_id)
        claims = build_id_token(ISSUER, whom, user, told, nonce=None, now=NOW).claims
        named = with_subject_of(sector_of(whom), claims, self.keys)
        return asyncio.run(
            self.keys.sign(named, algorithm="RS256", audience=whom.client_id, typ=ID_TOKEN_TYP)
        )

    def end_session(self, session_id: str = "session-1") -> None:
        """End one session as an operator would."""
        fill(self.store, [EndSession(session_id, int(self.now), "revoked")])

    def end_browser(self) -> None:
        """End the browser session, with all that came from it."""
        fill(self.store, [EndBrowser(self.browser.browser_id, int(self.now), "logout")])

    def is_signed_in(self, cookie: Secret[str] = COOKIE) -> bool:
        """Whether the browser session of that cookie goes on."""
        facts = asyncio.run(self.store.load_browser(browser_id_of(cookie)))
        return facts is not None and facts.browser.ended_at is None

    def events(self) -> list[str]:
        """The kinds of all events so far."""
        return [event.kind for _, event in asyncio.run(self.store.load_events(0, 1_000))]
