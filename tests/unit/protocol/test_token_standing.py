"""When an access token of ours is good for nothing any more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.support.samples import NOW, PUBLIC_CLIENT, SESSION, USER

from lingpai_server.core.flow_records import SessionFacts
from lingpai_server.core.records import AccountStatus
from lingpai_server.protocol.token_standing import TokenFacts, has_our_shape, why_not_good

CLAIMS: dict[str, Any] = {
    "aud": "https://orders.example",
    "client_id": "app",
    "exp": NOW + 300,
    "jti": "j",
    "scope": "openid orders:read",
    "sid": "s-1",
    "sub": "u-alice",
}
SESSION_FACTS = SessionFacts(SESSION, USER, PUBLIC_CLIENT)
FACTS = TokenFacts(CLAIMS, PUBLIC_CLIENT, SESSION_FACTS)
DISABLED = replace(PUBLIC_CLIENT, disabled=True)


def in_session(**changes: Any) -> TokenFacts:
    return replace(FACTS, session=replace(SESSION_FACTS, **changes))


def test_token_of_a_live_session_is_good() -> None:
    assert why_not_good(FACTS, now=NOW) is None


def test_clients_own_token_needs_no_session() -> None:
    own = {name: value for name, value in CLAIMS.items() if name != "sid"}
    assert why_not_good(TokenFacts(own, PUBLIC_CLIENT, None), now=NOW) is None


@pytest.mark.parametrize(("now", "reason"), [(NOW + 299.9, None), (NOW + 300, "token_expired")])
def test_on_its_expiry_it_is_too_late(now: float, reason: str | None) -> None:
    assert why_not_good(FACTS, now=now) == reason  # RFC 7519 section 4.1.4


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (replace(FACTS, is_denied=True), "token_denied"),
        (replace(FACTS, client=None), "client_disabled"),
        (replace(FACTS, client=DISABLED), "client_disabled"),
        (replace(FACTS, session=None), "session_unknown"),
        (in_session(session=replace(SESSION, ended_at=NOW)), "session_ended"),
        (in_session(session=replace(SESSION, idle_deadline=NOW)), "session_deadline_passed"),
        (in_session(session=replace(SESSION, absolute_deadline=NOW)), "session_deadline_passed"),
        (in_session(user=replace(USER, status=AccountStatus.LOCKED)), "account_not_active"),
        (in_session(client=DISABLED), "client_disabled"),
    ],
)
def test_token_that_nobody_stands_behind_is_not_good(facts: TokenFacts, reason: str) -> None:
    assert why_not_good(facts, now=NOW) == reason


def test_scopes_are_those_of_the_claim() -> None:
    assert FACTS.scopes == ("openid", "orders:read")
    assert TokenFacts({}, None, None).scopes == ()


@pytest.mark.parametrize("name", ["aud", "client_id", "exp", "jti", "sub"])
def test_claims_that_every_token_of_ours_has_are_asked_for(name: str) -> None:
    assert has_our_shape(CLAIMS)
    assert not has_our_shape({n: v for n, v in CLAIMS.items() if n != name})


@pytest.mark.parametrize(
    ("name", "value"),
    [("exp", "1"), ("exp", True), ("exp", 1.5), ("sid", 1), ("scope", []), ("aud", ["a"])],
)
def test_claims_of_another_type_are_not_ours(name: str, value: object) -> None:
    assert not has_our_shape(CLAIMS | {name: value})
