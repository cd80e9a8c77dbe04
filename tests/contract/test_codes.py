"""What is used once: codes, pushed requests, and marks of what was spent."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.stores import (
    CODE,
    NOW,
    PUSHED,
    a_browser,
    a_client,
    a_code,
    a_pushed_request,
    a_session,
    a_sign_in,
    an_api,
    fill,
    people_and_apis,
    run,
)

from lingpai_server.core.effects import (
    AssignRole,
    Effect,
    EndSessionsOfUser,
    PutRole,
    Record,
    StartSession,
)
from lingpai_server.core.flow_effects import (
    EndBrowser,
    RedeemCode,
    Spend,
    StoreCode,
    StorePushed,
    UsePushed,
)
from lingpai_server.core.flow_records import AuthorizationCode, CodeFacts, PushedRequest
from lingpai_server.core.ports import AlreadyExists, AlreadySpent, NotFound, StaleState, Store
from lingpai_server.core.records import Access, Event, Role

REDEEM = RedeemCode(CODE, NOW + 3, "session-1")
USE = UsePushed(PUSHED, NOW + 3)
SPEND = Spend("dpop", b"s" * 32, NOW + 60)


@pytest.fixture
def signed_in(store: Store) -> Store:
    """A store with one browser session."""
    fill(store, people_and_apis(), a_sign_in())
    return store


def code_of(store: Store) -> AuthorizationCode:
    """The code, which must be there."""
    facts = run(store.load_code(CODE))
    assert facts is not None
    return facts.code


def test_a_code_comes_back_as_it_went_in_with_all_that_its_redemption_needs(
    signed_in: Store,
) -> None:
    fill(
        signed_in,
        [PutRole(Role(an_api().audience, "auditor", ("orders:read", "orders:audit")))],
        [AssignRole("user", "id-of-ming", an_api().audience, "auditor")],
        [StoreCode(a_code())],
    )
    user = run(signed_in.load_user("ming"))
    assert user is not None
    assert run(signed_in.load_code(CODE)) == CodeFacts(
        a_code(),
        a_client(),
        user,
        an_api(),
        Access(("auditor", "clerk"), ("orders:audit", "orders:read")),
        a_browser(),
    )


def test_a_code_that_asks_for_little_comes_back_as_it_went_in(signed_in: Store) -> None:
    bare = a_code(
        scopes=(),
        redirect_uri=None,
        nonce=None,
        code_challenge=None,
        claims=None,
        authorization_details=None,
        jkt=None,
        amr=(),
        acr="",
    )
    fill(signed_in, [StoreCode(bare)])
    assert code_of(signed_in) == bare


def test_an_unknown_code_has_no_facts(store: Store) -> None:
    assert run(store.load_code(CODE)) is None


def test_the_facts_of_a_code_tell_that_its_browser_session_has_ended(signed_in: Store) -> None:
    fill(signed_in, [StoreCode(a_code())], [EndBrowser(a_browser().browser_id, NOW + 1, "out")])
    facts = run(signed_in.load_code(CODE))
    assert facts is not None
    assert facts.browser == a_browser(ended_at=NOW + 1, end_reason="out")


def test_a_code_is_stored_once(signed_in: Store) -> None:
    fill(signed_in, [StoreCode(a_code())])
    with pytest.raises(AlreadyExists):
        run(signed_in.apply((StoreCode(a_code(nonce="other")),)))


@pytest.mark.parametrize("missing", ["client_id", "user_id", "audience"])
def test_a_code_needs_all_that_it_names(signed_in: Store, missing: str) -> None:
    code = a_code(CODE, **{missing: "nobody"})
    with pytest.raises(NotFound):
        run(signed_in.apply((StoreCode(code),)))


def test_a_redeemed_code_stays_and_names_what_it_bought(signed_in: Store) -> None:
    """A replay is only seen, RFC 6749 section 4.1.2, while the code is remembered."""
    fill(signed_in, [StoreCode(a_code())], [REDEEM])
    assert code_of(signed_in) == a_code(redeemed_at=NOW + 3, session_id="session-1")


def test_a_code_is_redeemed_once(signed_in: Store) -> None:
    fill(signed_in, [StoreCode(a_code())], [REDEEM])
    with pytest.raises(StaleState):
        run(signed_in.apply((RedeemCode(CODE, NOW + 4, "session-2"),)))
    assert code_of(signed_in).session_id == "session-1"


@pytest.mark.parametrize(
    "end",
    [
        EndBrowser(a_browser().browser_id, NOW + 1, "logout"),
        EndSessionsOfUser("id-of-ming", NOW + 1, "ended by operator"),
    ],
)
def test_the_redemption_of_a_code_whose_browser_session_has_ended_is_lost(
    signed_in: Store, end: Effect
) -> None:
    """For an offline session, too: signing out everywhere raises no access version."""
    fill(signed_in, [StoreCode(a_code())], [end])
    with pytest.raises(StaleState):
        run(signed_in.apply((StartSession(a_session(offline=True)), REDEEM)))
    assert run(signed_in.load_session("session-1")) is None
    assert code_of(signed_in).redeemed_at is None


def test_the_redemption_of_an_unknown_code_is_lost(signed_in: Store) -> None:
    with pytest.raises(StaleState):
        run(signed_in.apply((REDEEM,)))


def test_a_lost_redemption_leaves_nothing_of_what_came_with_it(signed_in: Store) -> None:
    fill(signed_in, [StoreCode(a_code())], [REDEEM])
    with pytest.raises(StaleState):
        run(signed_in.apply((Record(Event("code.redeemed", NOW)), REDEEM)))
    assert run(signed_in.load_events(0, 10)) == ()


def test_a_code_of_a_user_whose_sessions_were_ended_cannot_be_stored(signed_in: Store) -> None:
    fill(signed_in, [EndSessionsOfUser("id-of-ming", NOW, "locked")])
    with pytest.raises(StaleState):
        run(signed_in.apply((StoreCode(a_code()),)))


@pytest.mark.parametrize("jkt", ["thumb", None])
def test_a_pushed_request_comes_back_as_it_went_in(store: Store, jkt: str | None) -> None:
    pushed = a_pushed_request(jkt=jkt, parameters='{"state":"令牌"}')
    fill(store, people_and_apis(), [StorePushed(pushed)])
    assert run(store.load_pushed(PUSHED)) == pushed


def test_an_unknown_pushed_request_is_none(store: Store) -> None:
    assert run(store.load_pushed(PUSHED)) is None


def test_a_pushed_request_is_stored_once(store: Store) -> None:
    fill(store, people_and_apis(), [StorePushed(a_pushed_request())])
    with pytest.raises(AlreadyExists):
        run(store.apply((StorePushed(a_pushed_request()),)))


def test_a_pushed_request_needs_its_client(store: Store) -> None:
    with pytest.raises(NotFound):
        run(store.apply((StorePushed(a_pushed_request()),)))


def test_a_pushed_request_is_used_once(store: Store) -> None:
    """RFC 9126 section 2.2: the request_uri is for one request."""
    fill(store, people_and_apis(), [StorePushed(a_pushed_request())], [USE])
    used = replace(a_pushed_request(), used_at=NOW + 3)
    assert run(store.load_pushed(PUSHED)) == used
    with pytest.raises(StaleState):
        run(store.apply((UsePushed(PUSHED, NOW + 4),)))
    assert run(store.load_pushed(PUSHED)) == used


def test_the_use_of_an_unknown_pushed_request_is_lost(store: Store) -> None:
    with pytest.raises(StaleState):
        run(store.apply((USE,)))


def test_a_pushed_request_is_not_used_when_its_code_cannot_be_stored(signed_in: Store) -> None:
    fill(signed_in, [StorePushed(a_pushed_request())])
    fill(signed_in, [EndBrowser(a_browser().browser_id, NOW, "logout")])
    with pytest.raises(StaleState):
        run(signed_in.apply((USE, StoreCode(a_code()))))
    pushed = run(signed_in.load_pushed(PUSHED))
    assert pushed == PushedRequest(PUSHED, "app", '{"scope":"openid"}', "thumb", NOW + 90)


def test_what_was_spent_cannot_be_spent_again(store: Store) -> None:
    fill(store, [SPEND])
    with pytest.raises(AlreadySpent, match=r"\Adpop\Z"):
        run(store.apply((replace(SPEND, expires_at=NOW + 999),)))


def test_another_digest_or_another_purpose_is_another_mark(store: Store) -> None:
    others = (replace(SPEND, digest=b"t" * 32), replace(SPEND, purpose="client_assertion"))
    fill(store, [SPEND], others)


def test_a_mark_twice_in_one_transaction_undoes_all_of_it(store: Store) -> None:
    with pytest.raises(AlreadySpent):
        run(store.apply((SPEND, SPEND)))
    fill(store, [SPEND])
