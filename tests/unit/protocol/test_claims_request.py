"""The `claims` parameter: OpenID Connect Core section 5.5."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.samples import PUBLIC_CLIENT, USER

from lingpai_server.protocol.claims_request import (
    NO_CLAIMS,
    ClaimsRequest,
    ClaimWish,
    parse_claims_request,
    read_claims_request,
    released_claims,
)
from lingpai_server.protocol.errors import ErrorCode, Refusal

ALICE = replace(
    USER, claims={"name": "Alice", "email": "alice@example.org", "email_verified": True}
)
CLIENT = replace(PUBLIC_CLIENT, scopes=("openid", "profile", "email"))


def parsed(text: str) -> ClaimsRequest:
    request = parse_claims_request(text)
    assert isinstance(request, ClaimsRequest)
    return request


def test_nothing_sent_asks_for_nothing() -> None:
    assert parse_claims_request(None) == NO_CLAIMS


def test_null_asks_for_a_claim_in_the_default_manner() -> None:  # section 5.5.1
    assert parsed('{"userinfo": {"name": null}}').userinfo == {"name": ClaimWish()}


def test_essential_value_and_values_are_read() -> None:  # section 5.5.1
    request = parsed(
        '{"id_token": {"a": {"essential": true}, "b": {"value": 1}, "c": {"values": [1, "2"]}}}'
    )
    assert request.id_token == {
        "a": ClaimWish(essential=True),
        "b": ClaimWish(values=(1,)),
        "c": ClaimWish(values=(1, "2")),
    }


def test_members_that_are_not_understood_are_ignored() -> None:  # section 5.5
    request = parsed('{"verified": [], "userinfo": {"name": {"purpose": "x"}}}')
    assert request == ClaimsRequest(userinfo={"name": ClaimWish()})


def test_member_that_is_null_is_as_good_as_absent() -> None:
    assert parsed('{"userinfo": null}') == NO_CLAIMS


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"userinfo": []}',
        '{"userinfo": {"name": "Alice"}}',
        '{"userinfo": {"name": {"essential": 1}}}',
        '{"userinfo": {"name": {"values": "x"}}}',
        '{"userinfo": {"name": {"value": 1, "values": [1]}}}',
        '{"userinfo": {"name": null, "name": null}}',
        '{"userinfo": {"name": NaN}}',
        '{"userinfo": ' + '{"a":' * 100 + "null" + "}" * 101,
        '{"x": "' + "y" * 5000 + '"}',
        '{"userinfo": {' + ",".join(f'"c{n}": null' for n in range(65)) + "}}",
    ],
)
def test_text_that_is_not_such_an_object_is_refused(text: str) -> None:
    refusal = parse_claims_request(text)
    assert isinstance(refusal, Refusal)
    assert refusal.code is ErrorCode.INVALID_REQUEST


def test_what_is_asked_for_by_name_is_named_by_its_scopes() -> None:
    request = parsed('{"userinfo": {"name": null, "shoe": null}, "id_token": {"email": null}}')
    assert request.scopes == {"profile", "email"}


def test_kept_text_that_no_longer_parses_asks_for_nothing() -> None:
    assert read_claims_request("[]") == NO_CLAIMS


class TestReleasedClaims:
    """Section 5.4, and 5.5 within what the client registered."""

    def test_granted_scope_releases_its_claims_and_no_other(self) -> None:
        assert released_claims(ALICE, CLIENT, ("openid", "email")) == {
            "email": "alice@example.org",
            "email_verified": True,
        }

    def test_username_is_what_somebody_prefers_who_said_nothing_else(self) -> None:
        assert released_claims(ALICE, CLIENT, ("profile",)) == {
            "name": "Alice",
            "preferred_username": "alice",
        }

    def test_preferred_username_of_the_person_wins(self) -> None:
        user = replace(USER, claims={"preferred_username": "ali"})
        assert released_claims(user, CLIENT, ("profile",)) == {"preferred_username": "ali"}

    def test_claim_asked_for_by_name_is_released_without_its_scope(self) -> None:
        assert released_claims(ALICE, CLIENT, ("openid",), {"email": ClaimWish()}) == {
            "email": "alice@example.org"
        }

    def test_claim_beyond_the_clients_own_scopes_is_not_released(self) -> None:
        client = replace(CLIENT, scopes=("openid",))
        assert released_claims(ALICE, client, ("openid",), {"email": ClaimWish()}) == {}

    def test_scopes_of_an_api_release_nothing(self) -> None:
        assert released_claims(ALICE, CLIENT, ("openid", "orders:read")) == {}
