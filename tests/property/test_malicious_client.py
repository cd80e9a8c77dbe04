"""Whatever clients send, in whatever order, no token comes out that its inputs do not justify.

The model knows what was really granted: which code is whose, what it was asked for with, what has
ended since. It does not say when tokens have to be given, only when they must not be.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from hypothesis import event, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, multiple, rule
from tests.support.given_keys import GivenKeys
from tests.support.house import START
from tests.support.memory_store import MemoryStore
from tests.support.stores import ORDERS, a_client, a_user, an_api

from lingpai_server.app.authorize import Authorize
from lingpai_server.app.issuing import ACCESS_TOKEN_TYP, IssuedTokens
from lingpai_server.app.par import PushRequest
from lingpai_server.app.proofs import Proofs
from lingpai_server.app.token import GrantTokens
from lingpai_server.core.client_settings import ClientSettings
from lingpai_server.core.effects import (
    CreateApi,
    CreateClient,
    CreateUser,
    SetAccountStatus,
    StoreKey,
)
from lingpai_server.core.flow_effects import EndBrowser, StartBrowser
from lingpai_server.core.flow_records import BrowserSession
from lingpai_server.core.records import AccountStatus
from lingpai_server.core.secret import Secret
from lingpai_server.keys.making import ISSUER_SECRETS, SealedKeyMaker
from lingpai_server.keys.sealing import SealingKey
from lingpai_server.keys.signer import LiveKeyRing
from lingpai_server.protocol.authorize.outcomes import AuthorizationResponse, NeedsConsent
from lingpai_server.protocol.client_secret import client_secret_sha256
from lingpai_server.protocol.errors import Refusal
from lingpai_server.protocol.par import Pushed
from lingpai_server.protocol.parameters import parse_parameters
from lingpai_server.protocol.policy import IssuePolicy
from lingpai_server.protocol.requests import Arrival
from lingpai_server.protocol.token.request import parse_token_request
from lingpai_server.sessions.browsers import browser_id_of

ISSUER: Final = "https://id.example"
_SEALING = SealingKey(Secret(bytes(32)))
_MAKER = SealedKeyMaker(_SEALING)
_KEYS = (
    _MAKER.make_refresh_key(1, now=0),
    _MAKER.make_signing_key("ES256", now=0),
    _MAKER.make_signing_key("RS256", now=0),
    *(_MAKER.make_issuer_secret(purpose, now=0) for purpose in ISSUER_SECRETS),
)
SECRET = Secret("a secret of the web client, long enough")
# what each client registered: its redirect, its most scopes, whether people are asked about it
REDIRECTS = {
    "spa": "https://spa.example/cb",
    "web": "https://web.example/cb",
    "third": "https://third.example/cb",
}
SCOPES = {
    "spa": ("openid", "orders:read"),
    "web": ("openid", "offline_access", "orders:read", "orders:write"),
    "third": ("openid", "orders:read", "orders:write"),
}
GRACE_SECONDS = 10
CODE_SECONDS = 60

clients = st.sampled_from(sorted(REDIRECTS))
users = st.sampled_from(["ming", "lan"])
scopes = st.sampled_from(
    [["openid", "orders:read"], ["orders:read"], ["openid", "offline_access"], ["openid"], []]
) | st.lists(
    st.sampled_from(["openid", "orders:read", "orders:write", "offline_access", "admin"]),
    unique=True,
    max_size=4,
)
# mostly right, or nothing would ever come of anything
redirects = st.sampled_from(
    [*["right"] * 6, *REDIRECTS.values(), "https://evil.example/cb", "", None]
)
askers = st.sampled_from([*["owner"] * 5, *sorted(REDIRECTS)])
mostly = st.sampled_from([True, True, True, True, False])


@dataclass
class Session:
    """What one code bought."""

    client: str
    user: str
    scopes: frozenset[str]
    offline: bool
    alive: bool = True
    generation: int = 0
    rotated_at: float = 0.0


@dataclass
class Code:
    """A code as the model knows it."""

    text: str
    client: str
    user: str
    browser: int
    redirect: str
    verifier: str
    scopes: frozenset[str]
    expires_at: float
    session: Session | None = None


@dataclass(frozen=True)
class Refresh:
    """A refresh token that was given out, and its place in its family."""

    text: str
    session: Session = field(compare=False, hash=False)
    generation: int = 0


@dataclass(frozen=True)
class PushedOne:
    """A reference, whose it is, and the parameters behind it."""

    uri: str
    client: str
    parameters: Any = field(compare=False, hash=False)


class MaliciousClients(RuleBasedStateMachine):
    """Three clients, two people, and everything they might try."""

    codes = Bundle("codes")
    refreshes = Bundle("refreshes")
    pushed = Bundle("pushed")

    @initialize()
    def build(self) -> None:
        self.now = START
        self.store = MemoryStore()
        self.locked: set[str] = set()
        self.browsers: dict[str, int] = {"ming": 0, "lan": 0}
        self.sessions: list[tuple[Session, int]] = []
        self.used_uris: set[str] = set()
        policy = IssuePolicy(ISSUER)
        keys = LiveKeyRing(self.store, _SEALING, _KEYS, issuer=ISSUER)
        self.keys = keys
        proofs = Proofs(self.store, keys, GivenKeys(), policy, self.clock)
        self.authorize_ = Authorize(self.store, keys, GivenKeys(), policy, self.clock)
        self.grant = GrantTokens(self.store, keys, GivenKeys(), proofs, policy, self.clock)
        self.push_ = PushRequest(self.store, keys, GivenKeys(), proofs, policy, self.clock)
        self.run(self.store.apply([*map(StoreKey, _KEYS), *self.people_and_clients()]))
        for user in self.browsers:
            self.sign_in(user)

    def people_and_clients(self) -> list[Any]:
        made: list[Any] = [CreateUser(a_user(user)) for user in self.browsers]
        made.append(CreateApi(an_api(ORDERS, scopes=("orders:read", "orders:write"))))
        for name, redirect in REDIRECTS.items():
            client = a_client(
                name,
                first_party=name != "third",
                grant_types=("authorization_code", "refresh_token"),
                scopes=SCOPES[name],
                audiences=(ORDERS,),
                secret_sha256=client_secret_sha256(SECRET) if name == "web" else None,
                settings=ClientSettings(redirect_uris=(redirect,)),
            )
            made.append(CreateClient(client))
        return made

    def clock(self) -> float:
        return self.now

    def run(self, awaitable: Any) -> Any:
        return asyncio.run(awaitable)

    def cookie(self, user: str) -> Secret[str]:
        return Secret(f"cookie of {user} number {self.browsers[user]}")

    # --- people -------------------------------------------------------------------------------

    def sign_in(self, user: str) -> None:
        self.browsers[user] += 1
        browser = BrowserSession(
            browser_id_of(self.cookie(user)),
            f"id-of-{user}",
            int(self.now),
            ("pwd",),
            "urn:lingpai:acr:password",
            int(self.now) + 10_000,
            int(self.now) + 100_000,
        )
        self.run(self.store.apply([StartBrowser(browser)]))

    @rule(user=users)
    def log_out_and_in(self, user: str) -> None:
        """Ends what hangs on the browser, and nothing that is offline."""
        ended = EndBrowser(browser_id_of(self.cookie(user)), int(self.now), "logout")
        self.run(self.store.apply([ended]))
        for session, browser in self.sessions:
            if session.user == user and browser == self.browsers[user] and not session.offline:
                session.alive = False
        self.sign_in(user)

    @rule(user=users, locked=st.sampled_from([True, False, False, False]))
    def lock(self, user: str, locked: bool) -> None:
        status = AccountStatus.LOCKED if locked else AccountStatus.ACTIVE
        self.run(self.store.apply([SetAccountStatus(f"id-of-{user}", status)]))
        (self.locked.add if locked else self.locked.discard)(user)

    @rule(seconds=st.sampled_from([0.5, 0.5, 0.5, 9, 11, 61]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    # --- authorization requests ---------------------------------------------------------------

    def request(
        self, client: str, asked: list[str], redirect: str | None, method: str | None, number: int
    ) -> tuple[dict[str, str], str]:
        verifier = f"verifier-{number}".ljust(43, "x")
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
        parameters = {
            "client_id": client,
            "response_type": "code",
            "scope": " ".join(asked),
            "redirect_uri": REDIRECTS[client] if redirect == "right" else redirect,
            "code_challenge": challenge.rstrip(b"=").decode() if method == "S256" else verifier,
            "code_challenge_method": method,
            "state": str(number),
        }
        return {name: value for name, value in parameters.items() if value}, verifier

    def follow(self, outcome: Any, user: str, *, allow: bool) -> Any:
        if isinstance(outcome, NeedsConsent):
            assert outcome.client.client_id == "third"
            return self.run(
                self.authorize_.consent(
                    outcome.ticket, allow=allow, browser_secret=self.cookie(user), address=None
                )
            )
        return outcome

    def note_code(
        self, outcome: Any, client: str, user: str, parameters: dict[str, str], verifier: str
    ) -> Code | None:
        """A code was given out only for what may be given; then the model knows it."""
        if not isinstance(outcome, AuthorizationResponse):
            return None
        assert outcome.redirect_uri == REDIRECTS[client]
        assert outcome.parameters["iss"] == ISSUER
        if "code" not in outcome.parameters:
            return None
        asked = set(parameters.get("scope", "").split())
        assert asked <= set(SCOPES[client])
        assert user not in self.locked
        assert parameters.get("code_challenge_method") == "S256"
        return Code(
            outcome.parameters["code"],
            client,
            user,
            self.browsers[user],
            parameters.get("redirect_uri", ""),
            verifier,
            frozenset(asked or set(SCOPES[client])),
            self.now + CODE_SECONDS,
        )

    @rule(
        target=codes,
        client=clients,
        user=users,
        asked=scopes,
        redirect=redirects,
        method=st.sampled_from(["S256", "S256", "S256", "plain", None]),
        number=st.integers(0, 99),
        allow=mostly,
    )
    def authorize(
        self,
        client: str,
        user: str,
        asked: list[str],
        redirect: str | None,
        method: str | None,
        number: int,
        allow: bool,
    ) -> Any:
        parameters, verifier = self.request(client, asked, redirect, method, number)
        outcome = self.run(
            self.authorize_.start(parameters, browser_secret=self.cookie(user), address=None)
        )
        code = self.note_code(
            self.follow(outcome, user, allow=allow), client, user, parameters, verifier
        )
        return multiple() if code is None else code

    @rule(target=codes, client=clients, user=users, number=st.integers(0, 99))
    def authorize_honestly(self, client: str, user: str, number: int) -> Any:
        """So that there is always something to steal."""
        asked = list(SCOPES[client])
        return self.authorize(client, user, asked, "right", "S256", number, True)

    @rule(target=refreshes, client=clients, user=users, number=st.integers(0, 99))
    def get_tokens_honestly(self, client: str, user: str, number: int) -> Any:
        code = self.authorize(client, user, list(SCOPES[client]), "right", "S256", number, True)
        if not isinstance(code, Code):
            return multiple()
        return self.redeem(code, "owner", "right", "right", True)

    @rule(
        client=clients,
        user=users,
        number=st.integers(0, 99),
        between=st.sampled_from(["locked", "logged out", "too late", "nothing"]),
    )
    def redeem_after_what_ends_a_code(
        self, client: str, user: str, number: int, between: str
    ) -> None:
        """A code is only as good as the login behind it: `note_redemption` says when that ended."""
        code = self.authorize_honestly(client, user, number)
        if not isinstance(code, Code):
            return
        if between == "locked":
            self.lock(user, True)
        elif between == "logged out":
            self.log_out_and_in(user)
        elif between == "too late":
            self.wait(CODE_SECONDS)
        self.redeem(code, "owner", "right", "right", True)
        self.lock(user, False)

    @rule(
        target=pushed,
        client=clients,
        asked=scopes,
        redirect=redirects,
        number=st.integers(0, 99),
        proven=mostly,
    )
    def push(
        self, client: str, asked: list[str], redirect: str | None, number: int, proven: bool
    ) -> Any:
        parameters, verifier = self.request(client, asked, redirect, "S256", number)
        sent = dict(parameters)
        if client == "web" and proven:
            sent["client_secret"] = SECRET.reveal()
        reply = self.run(self.push_(sent, Arrival()))
        if not isinstance(reply, Pushed):
            return multiple()
        assert client != "web" or proven
        assert parameters.get("redirect_uri", REDIRECTS[client]) == REDIRECTS[client]
        return PushedOne(reply.request_uri, client, (parameters, verifier))

    @rule(target=codes, one=pushed, client=askers, user=users, allow=mostly)
    def authorize_pushed(self, one: PushedOne, client: str, user: str, allow: bool) -> Any:
        client = one.client if client == "owner" else client
        outcome = self.run(
            self.authorize_.start(
                {"client_id": client, "request_uri": one.uri, "scope": "admin"},
                browser_secret=self.cookie(user),
                address=None,
            )
        )
        parameters, verifier = one.parameters
        outcome = self.follow(outcome, user, allow=allow)
        code = self.note_code(outcome, one.client, user, parameters, verifier)
        if code is not None:
            assert client == one.client, "a reference of another client was used"
            assert one.uri not in self.used_uris, "a reference was used twice"
            self.used_uris.add(one.uri)
            event("a pushed request gave a code")
        return multiple() if code is None else code

    # --- token requests -----------------------------------------------------------------------

    def ask(self, client: str, *, proven: bool, **form: str | None) -> Any:
        sent = {name: value for name, value in form.items() if value is not None}
        sent["client_id"] = client
        if client == "web" and proven:
            sent["client_secret"] = SECRET.reveal()
        parameters = parse_parameters(urlencode(sent).encode())
        assert isinstance(parameters, dict)
        cmd = parse_token_request(parameters, Arrival(), issuer=ISSUER)
        if isinstance(cmd, Refusal):
            return cmd
        return self.run(self.grant(cmd, Arrival()))

    def check(self, tokens: IssuedTokens, session: Session, *, at_most: frozenset[str]) -> None:
        """What every token has to fulfil."""
        claims = self.run(
            self.keys.read_own_token(tokens.access_token.reveal(), typ=ACCESS_TOKEN_TYP)
        )
        assert claims is not None
        assert claims["sub"] == f"id-of-{session.user}"
        assert claims["client_id"] == session.client
        assert set(claims.get("scope", "").split()) <= at_most
        assert claims["exp"] <= self.now + 300
        assert session.alive
        assert session.user not in self.locked

    @rule(
        target=refreshes,
        code=codes,
        client=askers,
        redirect=st.sampled_from(["right", "right", "right", "wrong", None]),
        verifier=st.sampled_from(["right", "right", "right", "right", "wrong", None]),
        proven=mostly,
    )
    def redeem(
        self, code: Code, client: str, redirect: str | None, verifier: str | None, proven: bool
    ) -> Any:
        client = code.client if client == "owner" else client
        reply = self.redeem_text(code.text, code, client, redirect, verifier, proven)
        return self.note_redemption(code, client, redirect, verifier, proven, reply)

    @rule(client=clients, proven=mostly)
    def redeem_what_was_never_issued(self, client: str, proven: bool) -> None:
        reply = self.redeem_text("lp_ac_invented", None, client, None, None, proven)
        assert not isinstance(reply, IssuedTokens)

    def redeem_text(
        self,
        text: str,
        code: Code | None,
        client: str,
        redirect: str | None,
        verifier: str | None,
        proven: bool,
    ) -> Any:
        used = REDIRECTS[code.client] if code is not None else None
        right = None if code is None else code.verifier
        return self.ask(
            client,
            proven=proven,
            grant_type="authorization_code",
            code=text,
            redirect_uri={"right": used, "wrong": "https://evil.example/cb", None: None}[redirect],
            code_verifier={"right": right, "wrong": "w" * 43, None: None}[verifier],
        )

    def note_redemption(
        self,
        code: Code,
        client: str,
        redirect: str | None,
        verifier: str | None,
        proven: bool,
        reply: Any,
    ) -> Any:
        is_owner = (
            client == code.client
            and verifier == "right"
            and redirect != "wrong"
            and (client != "web" or proven)
        )
        if is_owner and code.session is not None:
            assert not isinstance(reply, IssuedTokens), "a code was redeemed twice"
            code.session.alive = False
            return multiple()
        if not isinstance(reply, IssuedTokens):
            return multiple()
        assert is_owner, "somebody else redeemed a code"
        assert self.now < code.expires_at
        assert code.browser == self.browsers[code.user], "the browser session is over"
        code.session = Session(
            client, code.user, code.scopes, "offline_access" in code.scopes, rotated_at=self.now
        )
        self.sessions.append((code.session, code.browser))
        self.check(reply, code.session, at_most=code.scopes)
        event("a code was redeemed")
        if reply.refresh_token is None:
            return multiple()
        return Refresh(reply.refresh_token.reveal(), code.session, 0)

    @rule(
        target=refreshes,
        token=refreshes,
        client=askers,
        asked=scopes,
        proven=mostly,
    )
    def refresh(self, token: Refresh, client: str, asked: list[str], proven: bool) -> Any:
        client = token.session.client if client == "owner" else client
        session = token.session
        reply = self.ask(
            client,
            proven=proven,
            grant_type="refresh_token",
            refresh_token=token.text,
            scope=" ".join(asked) or None,
        )
        owned = client == session.client and (client != "web" or proven)
        behind = session.generation - token.generation
        in_grace = behind == 1 and (
            client == "web" or self.now - session.rotated_at <= GRACE_SECONDS
        )
        if not isinstance(reply, IssuedTokens):
            if owned and behind > 0 and not in_grace:
                session.alive = False  # reuse: the family has ended
            return multiple()
        assert owned, "somebody else used a refresh token"
        assert behind == 0 or in_grace, "an old refresh token was taken"
        at_most = session.scopes if not asked else session.scopes & set(asked)
        self.check(reply, session, at_most=at_most)
        event(f"a refresh token was taken, {behind} behind")
        if behind == 0:
            session.generation += 1
            session.rotated_at = self.now
        assert reply.refresh_token is not None
        return Refresh(reply.refresh_token.reveal(), session, session.generation)


TestMaliciousClients = MaliciousClients.TestCase
TestMaliciousClients.settings = settings(
    max_examples=60, stateful_step_count=50, deadline=None, derandomize=False
)
