"""An operator calls back a session, a token, a key, or everything; and asks what is known."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from tests.support.grants import Grant
from tests.support.house import BACKEND_SECRET, ISSUER, START, House, basic
from tests.support.stores import ORDERS, a_session, an_api

from lingpai.jwt.status_list import Status
from lingpai.jwt.verify import peek_unverified
from lingpai_server.app.admin.keys import revoke_key
from lingpai_server.app.admin.knowledge import Knowledge, load_knowledge
from lingpai_server.app.admin.office import Office, Rejected
from lingpai_server.app.admin.sessions import end_session, find_session, list_sessions
from lingpai_server.app.admin.statuses import show_statuses, start_epoch
from lingpai_server.app.admin.tokens import deny, end_grant
from lingpai_server.core.api_settings import ApiSettings, TokenFormat
from lingpai_server.core.effects import EndSession, Record, StartSession, StoreKey
from lingpai_server.core.records import Event, KeyPurpose, KeyState
from lingpai_server.core.slots import MAX_DENIED, HeldSlot, SlotGrant, SlotRef
from lingpai_server.core.status_effects import DenyToken, TakeSlot
from lingpai_server.protocol.status_uri import status_claim

T = TypeVar("T")
NOW = int(START)


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.close()


@pytest.fixture
def office(house: House) -> Office:
    """At the time of the house."""
    return replace(house.office, clock=lambda: house.now)


def run(act: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(act)


def last(office: Office) -> Event:
    return run(office.store.load_events(0, 100))[-1][1]


def own_token(house: House) -> str:
    sent = (basic("backend", BACKEND_SECRET),)
    raw: str = house.post_form("/token", sent, grant_type="client_credentials").json["access_token"]
    return raw


class TestSession:
    def test_is_listed_with_the_newest_first(self, house: House, office: Office) -> None:
        Grant(house)
        later = a_session("later", user_id="id-of-lan", client_id="web", auth_time=NOW + 9)
        run(office.store.apply([StartSession(later), EndSession("later", NOW + 10, "logout")]))
        listed = run(list_sessions(office, "lan"))
        assert [session.session_id for session in listed] == ["later", "session-at-web"]
        assert run(list_sessions(office, "mei")) == ()

    def test_is_ended_once(self, house: House, office: Office) -> None:
        Grant(house)
        assert run(end_session(office, "session-at-web")).session.ended_at is None
        event = last(office)
        assert str(event.kind) == "session.ended"
        assert (event.user_id, event.client_id) == ("id-of-lan", "web")
        assert event.session_id == "session-at-web"
        before, version = run(find_session(office, "session-at-web")), house.version()
        assert before.session.end_reason == "ended_by_operator"
        assert run(end_session(office, "session-at-web")) == before
        assert house.version() == version

    @pytest.mark.parametrize("act", [find_session, end_session])
    def test_that_is_not_there_is_refused(self, office: Office, act: Any) -> None:
        with pytest.raises(Rejected, match="no session"):
            run(act(office, "nothing"))


class TestToken:
    def test_is_denied_alone(self, house: House, office: Office) -> None:
        denied = run(deny(office, house.keys, Grant(house).token(api=an_api(ORDERS))))
        assert (denied.token_id, denied.expires_at) == ("jti-of-lan", NOW + 300)
        assert run(office.store.is_denied("jti-of-lan"))
        assert str(last(office).kind) == "token.denied"
        assert run(find_session(office, "session-at-web")).session.ended_at is None

    @pytest.mark.parametrize("token_format", [TokenFormat.JWT, TokenFormat.OPAQUE])
    def test_twice_is_denied_once(
        self, house: House, office: Office, token_format: TokenFormat
    ) -> None:
        raw = Grant(house).token(api=an_api(ORDERS, settings=ApiSettings(token_format)))
        first = run(deny(office, house.keys, raw))
        version = house.version()
        assert run(deny(office, house.keys, raw)) == first
        assert house.version() == version

    def test_that_has_expired_is_not_denied(self, house: House, office: Office) -> None:
        raw = Grant(house).token(api=an_api(ORDERS))
        house.now += 300
        with pytest.raises(Rejected, match="expired"):
            run(deny(office, house.keys, raw))

    def test_of_somebody_else_is_refused_and_not_repeated(
        self, house: House, office: Office
    ) -> None:
        with pytest.raises(Rejected) as refused:
            run(deny(office, house.keys, "some.secret.text"))
        assert "secret" not in str(refused.value)

    def test_beyond_the_bound_is_refused_with_a_way_out(self, house: House, office: Office) -> None:
        full = [DenyToken(f"jti-{n}", NOW + 300, NOW) for n in range(MAX_DENIED)]
        run(office.store.apply(full))
        with pytest.raises(Rejected, match="--grant"):
            run(deny(office, house.keys, Grant(house).token(api=an_api(ORDERS))))

    def test_takes_its_session_with_it_on_request(self, house: House, office: Office) -> None:
        raw = Grant(house).token(api=an_api(ORDERS))
        assert run(end_grant(office, house.keys, raw)).session.session_id == "session-at-web"
        assert run(find_session(office, "session-at-web")).session.ended_at == NOW

    def test_without_a_session_names_what_to_do(self, house: House, office: Office) -> None:
        with pytest.raises(Rejected, match="lingpai client disable backend"):
            run(end_grant(office, house.keys, own_token(house)))


class TestKey:
    def test_that_signs_gets_a_successor_at_once(self, office: Office) -> None:
        (old,) = signing_keys(office)
        revoked = run(revoke_key(office, old))
        assert revoked.successor is not None
        assert signing_keys(office) == [revoked.successor.kid]
        event = last(office)
        assert str(event.kind) == "key.revoked"
        assert event.detail == {"kid": old, "successor": revoked.successor.kid}
        assert run(show_statuses(office)).kids == (old,)

    def test_is_followed_by_a_running_server(self, house: House, office: Office) -> None:
        before = own_token(house)
        (old,) = signing_keys(office)
        run(revoke_key(office, old))
        assert run(house.keys.follow())
        assert old.encode() not in house.keys.ring.jwks
        assert run(house.keys.read_own_token(before, typ="at+jwt")) is None
        header, _ = peek_unverified(own_token(house))
        assert header.kid in signing_keys(office)

    def test_that_only_was_published_gets_none(self, office: Office) -> None:
        (old,) = signing_keys(office)
        run(revoke_key(office, old))
        (new,) = signing_keys(office)
        spare = office.maker.make_signing_key("ES256", now=NOW)
        run(office.store.apply([StoreKey(replace(spare, state=KeyState.RETIRING))]))
        assert run(revoke_key(office, spare.kid)).successor is None
        assert signing_keys(office) == [new]

    def test_of_an_api_shows_its_new_secret(self, office: Office) -> None:
        stored, _ = office.maker.make_api_secret(ORDERS, "HS256", now=NOW)
        run(office.store.apply([StoreKey(stored)]))
        revoked = run(revoke_key(office, stored.kid))
        assert revoked.jwk is not None
        assert revoked.successor is not None
        assert revoked.successor.audience == ORDERS

    def test_that_signs_no_token_is_refused(self, office: Office) -> None:
        with pytest.raises(Rejected, match="signs no tokens"):
            run(revoke_key(office, "refresh-1"))

    def test_is_revoked_once(self, office: Office) -> None:
        (old,) = signing_keys(office)
        run(revoke_key(office, old))
        with pytest.raises(Rejected, match="already"):
            run(revoke_key(office, old))
        with pytest.raises(Rejected, match="not here"):
            run(revoke_key(office, "nothing"))


class TestEpoch:
    def test_ends_every_session_and_begins_the_lists_anew(
        self, house: House, office: Office
    ) -> None:
        login = house.login().json
        before = run(show_statuses(office))
        epoch = run(start_epoch(office))
        after = run(show_statuses(office))
        assert (after.epoch, before.epoch) != (before.epoch, epoch)
        assert after.epoch == epoch
        run(house.keys.follow())
        assert house.refresh(login["refresh_token"]).error == "invalid_grant"
        assert last(office).detail == {"epoch": epoch, "reason": "restored"}
        assert house.login().status == 200

    def test_has_a_refresh_key_of_its_own(self, office: Office) -> None:
        run(start_epoch(office))
        refresh = [k for k in run(office.store.load_keys()) if k.purpose is KeyPurpose.REFRESH]
        assert [key.version for key in refresh] == [1, 2]


class TestKnowledge:
    def test_of_a_token_is_all_that_stands_behind_it(self, house: House, office: Office) -> None:
        Grant(house)
        slot = take_slot(office)
        event = Event("x", START, session_id="session-at-web")
        run(office.store.apply([Record(event), DenyToken("j", NOW + 60, NOW)]))
        known = knowledge(house, office, jti="j", status=status_claim(ISSUER, slot))
        assert known.session is not None
        assert known.session.user.username == "lan"
        assert known.client is not None
        assert known.slot is not None
        assert (known.slot.index, known.slot.status) == (slot.index, Status.VALID)
        assert known.denied_until == NOW + 60
        assert known.key is not None
        assert [each for _, each in known.events] == [event]
        assert known.standing == "token_denied"

    def test_says_that_a_slot_has_flipped(self, house: House, office: Office) -> None:
        Grant(house)
        slot = take_slot(office)
        run(end_session(office, "session-at-web"))
        known = knowledge(house, office, status=status_claim(ISSUER, slot))
        assert known.slot is not None
        assert known.slot.status is Status.INVALID
        assert known.standing == "session_ended"

    def test_says_that_a_slot_is_of_another_life(self, house: House, office: Office) -> None:
        known = knowledge(house, office, status=status_claim(ISSUER, SlotRef("gone", 1, 7)))
        assert known.slot is not None
        assert known.slot.status is None

    def test_of_nothing_is_nothing(self, office: Office) -> None:
        known = run(load_knowledge(office, ISSUER, None, {"sid": 7, "status": "x"}))
        assert (known.session, known.client, known.slot, known.key) == (None, None, None, None)
        assert known.events == ()


def signing_keys(office: Office) -> list[str]:
    keys = run(office.store.load_keys())
    kind = (KeyPurpose.SIGN, KeyState.ACTIVE, "ES256")
    return [key.kid for key in keys if (key.purpose, key.state, key.algorithm) == kind]


def take_slot(office: Office) -> SlotRef:
    slot = run(office.store.offer_slot([7]))
    grant = SlotGrant("web", "web", ORDERS, "session-at-web")
    held: HeldSlot | None = None
    run(office.store.apply([TakeSlot(slot, grant, held, NOW + 9_000, NOW)]))
    return slot


def knowledge(house: House, office: Office, **claims: Any) -> Knowledge:
    (kid,) = signing_keys(office)
    members = {
        "iss": ISSUER,
        "sub": "id-of-lan",
        "aud": ORDERS,
        "client_id": "web",
        "sid": "session-at-web",
        "jti": "another",
        "exp": NOW + 300,
        **claims,
    }
    return run(load_knowledge(office, ISSUER, kid, members))
