"""Pushed authorization requests (RFC 9126): checked like any other, before a browser comes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.support.samples import API, NOW
from tests.unit.protocol.test_authorize import GOOD, WEB, with_settings

from lingpai_server.core.client_settings import SecurityProfile
from lingpai_server.core.decision import Decision
from lingpai_server.core.flow_effects import StorePushed
from lingpai_server.core.flow_records import AuthorizeFacts
from lingpai_server.core.records import Access, Client
from lingpai_server.protocol.authorize.request import REQUEST_URI_PREFIX, Asked
from lingpai_server.protocol.errors import Refusal
from lingpai_server.protocol.par import (
    Pushed,
    decide_push,
    is_pushed_uri,
    read_kept,
    without_credentials,
)
from lingpai_server.protocol.requests import ClientAuthMethod, PresentedClient, Sender

PRESENTED = PresentedClient("web", ClientAuthMethod.NONE)


def push(
    client: Client = WEB, *, sender: Sender | None = None, **changes: Any
) -> Decision[Pushed | Refusal]:
    parameters = {name: value for name, value in (GOOD | changes).items() if value is not None}
    return decide_push(
        PRESENTED,
        Asked(parameters, int(NOW), being_pushed=True),
        AuthorizeFacts(client, API, None, None, Access(), None),
        sender or Sender(),
        reference="r" * 43,
        now=NOW,
    )


@pytest.mark.parametrize("client", [WEB, with_settings(require_par=True)])
def test_a_request_in_order_gets_a_reference(client: Client) -> None:
    """Section 2.2; also for a client that may ask in no other way."""
    decision = push(client, sender=Sender(jkt="k" * 43))
    assert decision.reply == Pushed(REQUEST_URI_PREFIX + "r" * 43, 90)
    (stored,) = decision.effects
    assert isinstance(stored, StorePushed)
    assert stored.pushed.client_id == "web"
    assert stored.pushed.jkt == "k" * 43
    assert stored.pushed.expires_at == int(NOW) + 90
    assert read_kept(stored.pushed).parameters == GOOD
    assert b"r" * 43 not in stored.pushed.request_sha256


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"redirect_uri": "https://evil.example/"}, "invalid_request"),
        ({"scope": "admin"}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"resource": "https://other.example"}, "invalid_target"),
        ({"client_id": "another"}, "invalid_request"),
    ],
)
def test_what_is_wrong_is_told_at_once(changes: dict[str, Any], code: str) -> None:
    """Section 2.3."""
    decision = push(**changes)
    assert isinstance(decision.reply, Refusal)
    assert decision.reply.code == code
    assert decision.effects == ()


def test_a_proof_of_another_key_than_the_request_names_is_refused() -> None:
    """RFC 9449 section 10.1."""
    decision = push(sender=Sender(jkt="k" * 43), dpop_jkt="o" * 43)
    assert isinstance(decision.reply, Refusal)
    assert decision.reply.code == "invalid_dpop_proof"


@pytest.mark.parametrize("client", [None, replace(WEB, disabled=True)])
def test_a_client_that_is_none_pushes_nothing(client: Client | None) -> None:
    facts = AuthorizeFacts(client, API, None, None, Access(), None)
    decision = decide_push(
        PRESENTED, Asked(GOOD, int(NOW)), facts, Sender(), reference="r", now=NOW
    )
    assert isinstance(decision.reply, Refusal)
    assert decision.reply.code == "invalid_client"


def test_a_fapi2_client_without_a_strong_method_pushes_nothing() -> None:
    assert isinstance(push(with_settings(profile=SecurityProfile.FAPI2)).reply, Refusal)


def test_credentials_are_no_part_of_the_request() -> None:
    sent = {"scope": "openid", "client_secret": "s", "client_assertion": "a"}
    assert without_credentials(sent) == {"scope": "openid"}


def test_a_request_elsewhere_is_not_a_pushed_one() -> None:
    assert is_pushed_uri(REQUEST_URI_PREFIX + "x")
    assert not is_pushed_uri("https://rp.example/request.jwt")
