"""What a client is told of a session's end, and how often that is tried (Back-Channel Logout)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.stores import NOW, a_client, a_session

from lingpai_server.core.client_settings import ClientSettings
from lingpai_server.core.effects import Effects, Record
from lingpai_server.core.flow_effects import MoveNotice
from lingpai_server.core.flow_records import LogoutNotice
from lingpai_server.protocol.backchannel import (
    RETRY_SECONDS,
    NotTold,
    Told,
    build_logout_token,
    claim_notice,
    conclude_notice,
    read_status,
    where_to_tell,
)

URI = "https://app.example/backchannel"
CLIENT = a_client(settings=ClientSettings(backchannel_logout_uri=URI))
NOTICE = LogoutNotice(a_session(), CLIENT, attempts=0, due_at=NOW)
LAST = replace(NOTICE, attempts=len(RETRY_SECONDS))


def test_logout_token_says_what_section_2_4_asks() -> None:
    token = build_logout_token("https://id.example", CLIENT, a_session(), now=NOW + 0.9, jti="j")
    assert token == {
        "iss": "https://id.example",
        "sub": "id-of-ming",
        "aud": "app",
        "iat": NOW,
        "exp": NOW + 120,
        "jti": "j",
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        "sid": "session-1",
    }


def test_logout_token_has_no_nonce() -> None:  # section 2.4: so that it is never an ID token
    token = build_logout_token("https://id.example", CLIENT, a_session(), now=NOW, jti="j")
    assert "nonce" not in token


@pytest.mark.parametrize("status", [200, 204])
def test_answer_that_is_a_yes(status: int) -> None:  # section 2.8
    assert read_status(status) == Told()


def test_bad_request_is_the_clients_last_word() -> None:  # section 2.8
    assert read_status(400) == NotTold("status_400", final=True)


@pytest.mark.parametrize("status", [201, 302, 401, 404, 429, 500, 501, 503])
def test_any_other_answer_is_tried_again(status: int) -> None:
    assert read_status(status) == NotTold(f"status_{status}", final=False)


def test_client_without_an_address_or_disabled_is_not_told() -> None:
    assert where_to_tell(CLIENT) == URI
    assert where_to_tell(replace(CLIENT, disabled=True)) == NotTold("client_disabled", final=True)
    assert isinstance(where_to_tell(a_client()), NotTold)


def test_attempts_grow_apart_and_end_within_a_day() -> None:
    waits = [
        claim_notice(replace(NOTICE, attempts=n), now=NOW).due_at or 0
        for n in range(len(RETRY_SECONDS))
    ]
    assert [due - NOW for due in waits] == list(RETRY_SECONDS)
    assert list(RETRY_SECONDS) == sorted(RETRY_SECONDS)
    assert sum(RETRY_SECONDS) < 86_400


def test_claim_is_never_due_early() -> None:
    assert claim_notice(NOTICE, now=NOW + 0.5).due_at == NOW + 1 + RETRY_SECONDS[0]


def kinds(effects: Effects) -> list[str]:
    return [effect.event.kind for effect in effects if isinstance(effect, Record)]


def test_notice_that_was_told_is_done_with() -> None:
    effects = conclude_notice(NOTICE, Told(), now=NOW)
    assert effects[0] == MoveNotice("session-1", 1, None)
    assert kinds(effects) == ["logout.told"]


def test_notice_that_failed_waits_for_its_turn() -> None:
    assert conclude_notice(NOTICE, NotTold("no_answer_in_time"), now=NOW) == ()


@pytest.mark.parametrize(
    ("notice", "telling"),
    [(NOTICE, NotTold("status_400", final=True)), (LAST, NotTold("status_500"))],
)
def test_notice_is_given_up(notice: LogoutNotice, telling: NotTold) -> None:
    effects = conclude_notice(notice, telling, now=NOW)
    assert effects[0] == MoveNotice("session-1", notice.attempts + 1, None)
    (record,) = [effect for effect in effects if isinstance(effect, Record)]
    assert record.event.kind == "logout.not_told"
    assert record.event.detail == {"attempts": notice.attempts + 1, "reason": telling.reason}
