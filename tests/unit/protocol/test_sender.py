"""Sender-constrained tokens: RFC 9449 section 5, RFC 8705 sections 3 and 4."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.support.samples import CONFIDENTIAL_CLIENT, PUBLIC_CLIENT

from lingpai_server.core.client_settings import ClientSettings, SecurityProfile
from lingpai_server.core.records import Client
from lingpai_server.protocol.errors import ErrorCode, Refusal
from lingpai_server.protocol.requests import NO_SENDER, Sender
from lingpai_server.protocol.sender import bind_access, bind_family, check_sender

BY_KEY, BY_CERTIFICATE = Sender(jkt="j"), Sender(x5t="x")
FAPI2 = SecurityProfile.FAPI2


def _client(client: Client = CONFIDENTIAL_CLIENT, **settings: Any) -> Client:
    return replace(client, settings=ClientSettings(**settings))


def _code(refusal: Refusal | None) -> ErrorCode | None:
    return None if refusal is None else refusal.code


def test_nothing_is_asked_of_a_client_that_registered_nothing() -> None:
    assert check_sender(PUBLIC_CLIENT, NO_SENDER) is None


def test_a_client_registered_for_dpop_needs_a_proof() -> None:  # RFC 9449 section 5.2
    client = _client(dpop_bound=True)
    assert _code(check_sender(client, NO_SENDER)) is ErrorCode.INVALID_DPOP_PROOF
    assert _code(check_sender(client, BY_CERTIFICATE)) is ErrorCode.INVALID_DPOP_PROOF
    assert check_sender(client, BY_KEY) is None


def test_a_client_registered_for_bound_tokens_needs_its_certificate() -> None:  # RFC 8705 3.4
    client = _client(tls_bound=True)
    assert _code(check_sender(client, BY_KEY)) is ErrorCode.INVALID_REQUEST
    assert check_sender(client, BY_CERTIFICATE) is None


@pytest.mark.parametrize("sender", [NO_SENDER, BY_CERTIFICATE])
def test_the_strict_profile_issues_no_bearer_token(sender: Sender) -> None:  # FAPI 2.0 5.3.2.1
    assert _code(check_sender(_client(profile=FAPI2), sender)) is ErrorCode.INVALID_DPOP_PROOF


def test_the_strict_profile_is_content_with_either_binding() -> None:
    assert check_sender(_client(profile=FAPI2), BY_KEY) is None
    assert check_sender(_client(profile=FAPI2, tls_bound=True), BY_CERTIFICATE) is None


def test_a_token_is_bound_to_the_key_of_a_proof_whoever_sent_it() -> None:
    assert bind_access(PUBLIC_CLIENT, BY_KEY) == BY_KEY
    assert bind_access(CONFIDENTIAL_CLIENT, BY_KEY) == BY_KEY


def test_a_certificate_binds_only_where_the_client_asked_for_that() -> None:  # RFC 8705 3.4
    assert bind_access(CONFIDENTIAL_CLIENT, BY_CERTIFICATE) == NO_SENDER
    assert bind_access(_client(tls_bound=True), BY_CERTIFICATE) == BY_CERTIFICATE


def test_refresh_tokens_of_public_clients_are_bound_and_others_are_not() -> None:  # RFC 9449 5
    assert bind_family(PUBLIC_CLIENT, BY_KEY) == BY_KEY
    assert bind_family(CONFIDENTIAL_CLIENT, BY_KEY) == NO_SENDER
    assert bind_family(_client(PUBLIC_CLIENT, tls_bound=True), BY_CERTIFICATE) == BY_CERTIFICATE
