"""Rich authorization requests: RFC 9396 sections 2 and 5."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.support.samples import API, PUBLIC_CLIENT

from lingpai_server.core.api_settings import ApiSettings
from lingpai_server.core.client_settings import ClientSettings
from lingpai_server.protocol.authorization_details import check_authorization_details
from lingpai_server.protocol.errors import ErrorCode, Refusal

KNOWING = replace(API, settings=ApiSettings(details_types=("payment", "account")))


def _refused(text: str, reason: str) -> None:
    refusal = check_authorization_details(text, PUBLIC_CLIENT, KNOWING)
    assert isinstance(refusal, Refusal)
    expected = (ErrorCode.INVALID_AUTHORIZATION_DETAILS, reason)
    assert (refusal.code, refusal.reason) == expected


def test_none_are_none() -> None:
    assert check_authorization_details(None, PUBLIC_CLIENT, API) is None


def test_a_type_that_the_api_declares_is_kept_in_one_spelling() -> None:
    text = '[ {"type": "payment", "amount": {"value": "1"}} ]'
    kept = check_authorization_details(text, PUBLIC_CLIENT, KNOWING)
    assert kept == '[{"type":"payment","amount":{"value":"1"}}]'


@pytest.mark.parametrize("one", [{}, {"type": "other"}, {"type": 7}, {"type": ["payment"]}])
def test_a_type_that_the_api_does_not_declare_is_refused(one: object) -> None:  # section 5
    _refused(json.dumps([{"type": "payment"}, one]), "authorization_details_type_unknown")


def test_a_client_that_registered_types_asks_for_no_others() -> None:  # section 10
    registered = ClientSettings(authorization_details_types=("account",))
    client = replace(PUBLIC_CLIENT, settings=registered)
    refused = check_authorization_details('[{"type":"payment"}]', client, KNOWING)
    assert isinstance(refused, Refusal)
    assert check_authorization_details('[{"type":"account"}]', client, KNOWING) is not None


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "null", "{}", "[]", "[1]", "[[]]", "[NaN]"),
        '[{"type":"payment","type":"payment"}]',
        '[{"type":"payment","x":"' + "a" * 4096 + '"}]',
        json.dumps([{"type": "payment"}] * 17),
    ],
)
def test_what_is_no_array_of_objects_is_refused(text: str) -> None:  # section 2
    _refused(text, "authorization_details_malformed")
