"""Sign in at the login page: attempt, decide, apply. Refuses to know HTML and HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field

from lingpai_server.accounts.passwords import PasswordProblem, normal_password
from lingpai_server.accounts.throttle import ThrottlePolicy
from lingpai_server.accounts.usernames import UsernameProblem, canonical_username
from lingpai_server.app.clock import Clock, now
from lingpai_server.app.entropy import draw_browser_secret
from lingpai_server.app.password_check import PasswordAttempt, PasswordCheck
from lingpai_server.app.ports import BoundedHasher
from lingpai_server.core.decision import Decision
from lingpai_server.core.flow_records import BrowserSession
from lingpai_server.core.ports import Store
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.errors import Refusal
from lingpai_server.protocol.login import refuse_credentials
from lingpai_server.protocol.policy import IssuePolicy
from lingpai_server.protocol.sign_in import SignedIn, SignInFacts, decide_sign_in
from lingpai_server.sessions.browsers import browser_id_of


@dataclass(slots=True)
class SignIn:
    """The use case. One instance serves every request."""

    store: Store
    hasher: BoundedHasher
    policy: IssuePolicy
    throttle: ThrottlePolicy
    clock: Clock = now
    _passwords: PasswordCheck = field(init=False)

    def __post_init__(self) -> None:
        self._passwords = PasswordCheck(self.store, self.hasher, self.throttle, self.clock)

    async def __call__(
        self,
        username: str,
        password: Secret[str],
        address: str | None,
        old_browser_secret: Secret[str] | None,
    ) -> SignedIn | Refusal:
        """A browser session, or why not. `username` and `password` are as they were typed. Raises
        StoreUnavailable."""
        name, normal = canonical_username(username), normal_password(password.reveal())
        if isinstance(name, UsernameProblem):  # no such user can exist, and none is looked for
            return refuse_credentials(name.value)
        if isinstance(normal, PasswordProblem):
            return refuse_credentials("password_not_text")

        async def decide(attempt: PasswordAttempt) -> Decision[SignedIn | Refusal]:
            user = await self.store.load_user(name)
            return decide_sign_in(
                name,
                SignInFacts(user, await self._load_browser(old_browser_secret)),
                await attempt.matches(user),
                self.policy,
                secret=draw_browser_secret(),
                address=address,
                now=self.clock(),
            )

        return await self._passwords.attempt(name, normal, address, decide)

    async def _load_browser(self, secret: Secret[str] | None) -> BrowserSession | None:
        if secret is None:
            return None
        facts = await self.store.load_browser(browser_id_of(secret))
        return None if facts is None else facts.browser
