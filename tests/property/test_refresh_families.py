"""Refresh families under any order of presentations, pauses and races: a model, and an oracle.

The model keeps one family and applies effects as a store does, with a compare-and-set that can be
lost. A presentation is two steps, deciding and applying, so that any number of them can overlap.
The oracle knows only which tokens were given out when, and says what must have happened.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.support.samples import (
    CONFIDENTIAL,
    CONFIDENTIAL_CLIENT,
    FAMILY,
    FAMILY_FACTS,
    FRESH,
    KEYS,
    NOW,
    POLICY,
    PUBLIC,
    PUBLIC_CLIENT,
    SESSION,
)

from lingpai_server.core.decision import Decision
from lingpai_server.core.effects import (
    Effects,
    EndSession,
    Record,
    RequireVersion,
    RevokeFamily,
    RotateFamily,
)
from lingpai_server.core.ports import FamilyFacts, StaleState
from lingpai_server.core.records import Client
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.errors import Refusal
from lingpai_server.protocol.facts import RefreshTokenFacts
from lingpai_server.protocol.replies import TokenReply
from lingpai_server.protocol.requests import PresentedClient, RefreshRequest
from lingpai_server.protocol.token.refresh import decide_refresh
from lingpai_server.sessions.families import why_over
from lingpai_server.sessions.refresh_token import (
    PresentedRefreshToken,
    derive_refresh_token,
    verify_refresh_token,
)

GRACE = POLICY.sessions.grace_seconds


@dataclass(slots=True)
class World:
    """One family and its session, as a store holds them, and a clock."""

    client: Client = PUBLIC_CLIENT
    presented_client: PresentedClient = PUBLIC
    now: float = float(NOW)
    facts: FamilyFacts = FAMILY_FACTS
    rotated_at: dict[int, float] = field(default_factory=dict)  # generation -> when it came to be

    def start(self) -> str:
        """A family at its first generation, as after a login; its first token."""
        family = replace(FAMILY, client_id=self.client.client_id, generation=0, rotated_at=self.now)
        session = replace(SESSION, client_id=self.client.client_id)
        self.facts = replace(FAMILY_FACTS, family=family, session=session, client=self.client)
        token = derive_refresh_token(
            KEYS, version=family.key_version, family_id=family.family_id, generation=0
        )
        return token.reveal()

    def decide(self, token: str) -> Decision[TokenReply | Refusal]:
        """What the server decides on what it reads at this moment."""
        return decide_refresh(
            RefreshRequest(self.presented_client, Secret(token)),
            RefreshTokenFacts(self.client, verify_refresh_token(token, KEYS), self.facts),
            POLICY,
            refresh_keys=KEYS,
            now=self.now,
            fresh=FRESH,
        )

    def apply(self, effects: Effects) -> None:
        """All or nothing, as every store must; raises StaleState."""
        facts, rotated_at = self.facts, dict(self.rotated_at)
        for effect in effects:
            match effect:
                case RotateFamily():
                    facts = _rotate(facts, effect)
                    rotated_at[facts.family.generation] = effect.rotated_at
                case RevokeFamily(_, at, reason):
                    family = facts.family
                    if family.revoked_at is None:
                        family = replace(family, revoked_at=at, revoked_reason=reason)
                    facts = replace(facts, family=family)
                case EndSession(_, at, reason):
                    session = facts.session
                    if session.ended_at is None:
                        session = replace(session, ended_at=at, end_reason=reason)
                    facts = replace(facts, session=session)
                case RequireVersion() | Record():
                    pass  # nothing else changes in this world
                case _:
                    raise AssertionError(f"a refresh has no business with {effect}")
        self.facts, self.rotated_at = facts, rotated_at

    def settle(self, token: str, decision: Decision[TokenReply | Refusal]) -> TokenReply | Refusal:
        """Applies a decision, however old; when that is lost, decides anew, as the server does."""
        while True:
            try:
                self.apply(decision.effects)
            except StaleState:
                decision = self.decide(token)
            else:
                return decision.reply

    @property
    def revoked(self) -> bool:
        """Whether the user was logged out."""
        assert (self.facts.family.revoked_at is None) == (self.facts.session.ended_at is None)
        return self.facts.family.revoked_at is not None

    @property
    def expired(self) -> bool:
        """Whether a deadline has passed by this world's clock."""
        family = self.facts.family
        return self.now >= min(family.idle_deadline, family.absolute_deadline)


def _rotate(facts: FamilyFacts, effect: RotateFamily) -> FamilyFacts:
    family, session = facts.family, facts.session
    over = family.revoked_at is not None or session.ended_at is not None
    if over or family.generation != effect.generation:
        raise StaleState
    moved = replace(
        family,
        generation=effect.generation + 1,
        rotated_at=effect.rotated_at,
        idle_deadline=effect.idle_deadline,
    )
    return replace(facts, family=moved)


def _generation(token: str) -> int:
    reading = verify_refresh_token(token, KEYS)
    assert isinstance(reading, PresentedRefreshToken)
    return reading.generation


def _successor(reply: TokenReply | Refusal) -> str | None:
    """The refresh token of an answer; None of a refusal."""
    if isinstance(reply, Refusal):
        return None
    assert reply.refresh_token is not None
    return reply.refresh_token.reveal()


class RefreshFamilies(RuleBasedStateMachine):
    """Any number of holders of any tokens ever given out, at any time, in any overlap."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.tokens: list[str] = []  # every token that was ever given out
        self.open: list[tuple[str, Decision[TokenReply | Refusal]]] = []
        self.reuse_allowed = False  # whether something happened that may log the user out

    @initialize(confidential=st.booleans())
    def log_in(self, confidential: bool) -> None:
        if confidential:
            self.world.client, self.world.presented_client = CONFIDENTIAL_CLIENT, CONFIDENTIAL
        self.tokens = [self.world.start()]

    @rule(seconds=st.one_of(st.floats(0, 2 * GRACE), st.sampled_from([GRACE, 990, 1000])))
    def wait(self, seconds: float) -> None:
        self.world.now += seconds

    @rule(back=st.integers(0, 3))
    def decide(self, back: int) -> None:
        """One of the last tokens is presented; its decision is left open for a while."""
        token = self.tokens[max(0, len(self.tokens) - 1 - back)]
        self._expect(token)
        self.open.append((token, self.world.decide(token)))

    @precondition(lambda self: self.open)
    @rule(which=st.integers(0, 100))
    def settle(self, which: int) -> None:
        """Any of the open decisions is applied, or lost and made anew."""
        token, decision = self.open.pop(which % len(self.open))
        self._expect(token)
        self._check(token, self.world.settle(token, decision))

    @rule(back=st.integers(0, 3))
    def present(self, back: int) -> None:
        """The same without an overlap: what must happen is known exactly."""
        token = self.tokens[max(0, len(self.tokens) - 1 - back)]
        dead = self.world.revoked or self.world.expired
        is_reuse = not dead and self._is_reuse(token)
        self._expect(token)
        reply = self.world.settle(token, self.world.decide(token))
        self._check(token, reply)
        assert isinstance(reply, TokenReply) == (not dead and not is_reuse)
        assert self.world.revoked or not is_reuse  # reuse outside the window always revokes

    @invariant()
    def nobody_is_logged_out_without_reuse(self) -> None:
        assert self.reuse_allowed or not self.world.revoked

    @invariant()
    def no_deadline_moves_past_the_absolute_one(self) -> None:
        family = self.world.facts.family
        assert family.idle_deadline <= family.absolute_deadline == FAMILY.absolute_deadline

    def _is_reuse(self, token: str) -> bool:
        """From what was given out when, and nothing that the code under test computed."""
        newest = max(self.world.rotated_at, default=0)
        age = newest - _generation(token)
        if age <= 0 or (age == 1 and not self.world.client.is_public):
            return False
        return age > 1 or self.world.now - self.world.rotated_at[newest] >= GRACE

    def _expect(self, token: str) -> None:
        if why_over(self.world.facts.family, self.world.facts.session, now=self.world.now) is None:
            self.reuse_allowed |= self._is_reuse(token)

    def _check(self, token: str, reply: TokenReply | Refusal) -> None:
        """Every answer to one token is one and the same successor."""
        successor = _successor(reply)
        if successor is None:
            return
        generation = _generation(token) + 1
        assert _generation(successor) == generation
        if generation < len(self.tokens):
            assert successor == self.tokens[generation]
        else:
            self.tokens.append(successor)
            assert len(self.tokens) == generation + 1


RefreshFamilies.TestCase.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None
)
TestRefreshFamilies = RefreshFamilies.TestCase


@given(st.data(), st.integers(2, 12))
@settings(max_examples=200, deadline=None)
def test_any_number_of_tabs_with_one_token_get_one_successor_and_stay_logged_in(
    data: st.DataObject, tabs: int
) -> None:
    world = World()
    token = world.start()
    waiting, deciding = list(range(tabs)), dict[int, Decision[TokenReply | Refusal]]()
    successors = set[str | None]()
    while waiting or deciding:
        world.now += data.draw(st.floats(0, GRACE / (3 * tabs)))  # all of it within the window
        if waiting and (not deciding or data.draw(st.booleans())):
            deciding[waiting.pop()] = world.decide(token)
        else:
            tab = data.draw(st.sampled_from(sorted(deciding)))
            successors.add(_successor(world.settle(token, deciding.pop(tab))))
    assert len(successors) == 1
    assert None not in successors
    assert world.facts.family.generation == 1
    assert not world.revoked


@given(st.integers(2, 30), st.floats(0, GRACE - 0.001))
@settings(deadline=None)
def test_a_thief_and_his_victim_cannot_both_keep_rotating(steps: int, pause: float) -> None:
    """Both hold one token. Whoever is second outside of the window ends the family for both."""
    world = World()
    stolen = mine = world.start()
    for _ in range(steps):
        world.now += pause
        successor = _successor(world.settle(mine, world.decide(mine)))
        assert successor is not None
        mine = successor
    world.now += GRACE
    assert _successor(world.settle(stolen, world.decide(stolen))) is None
    assert world.revoked
    assert _successor(world.settle(mine, world.decide(mine))) is None
