"""Client certificates behind a proxy: RFC 9440 section 2.1, RFC 8705 section 2."""

from __future__ import annotations

import base64
from dataclasses import replace
from urllib.parse import quote

import pytest
from tests.support.tokens import private_key

from lingpai.jose.key_set import KeySet
from lingpai_server.protocol.client_certificate import (
    ClientCertificate,
    check_registered_key,
    check_trusted_subject,
    parse_certificate_header,
)
from lingpai_server.protocol.errors import ErrorCode, Refusal

DER = bytes(range(256))
BASE64 = base64.b64encode(DER).decode()
PEM = f"-----BEGIN CERTIFICATE-----\n{BASE64}\n-----END CERTIFICATE-----\n"
PAIR = private_key("ES256")
SEEN = ClientCertificate("x", "CN=billing,O=Bank", PAIR.thumbprint(), is_vouched=True)


def _reason(refusal: Refusal | None) -> str | None:
    if refusal is None:
        return None
    assert refusal.code is ErrorCode.INVALID_CLIENT
    assert refusal.description == "The client is not authenticated."
    return refusal.reason


def test_a_byte_sequence_is_read() -> None:  # RFC 9440 section 2.1
    assert parse_certificate_header(f":{BASE64}:") == DER


def test_escaped_pem_is_read() -> None:
    assert parse_certificate_header(quote(PEM, safe="")) == DER


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "::",
        BASE64,
        f":{BASE64}",
        f"{BASE64}:",
        f":{BASE64}:;a=b",
        f":{BASE64}:, :{BASE64}:",
        ":!!!!:",
        ":YWJj",
        ":令牌:",
        quote(PEM + PEM, safe=""),
        quote(PEM.replace("BEGIN CERTIFICATE", "BEGIN PRIVATE KEY"), safe=""),
        f":{'A' * 20_000}:",
    ],
)
def test_anything_else_is_none(text: str) -> None:
    assert parse_certificate_header(text) is None


def test_the_registered_name_under_a_trusted_authority_authenticates() -> None:  # RFC 8705 2.1
    assert check_trusted_subject(SEEN, "CN=billing,O=Bank") is None


@pytest.mark.parametrize("subject", [None, "", "CN=billing", "CN=billing,O=Bank,C=DE"])
def test_another_name_does_not(subject: str | None) -> None:
    assert _reason(check_trusted_subject(SEEN, subject)) == "client_certificate_subject_differs"


def test_a_certificate_without_a_name_is_nobodys() -> None:
    nameless = replace(SEEN, subject="")
    reason = "client_certificate_subject_differs"
    assert _reason(check_trusted_subject(nameless, "")) == reason


def test_a_name_that_nobody_vouches_for_proves_nothing() -> None:
    own = replace(SEEN, is_vouched=False)
    reason = _reason(check_trusted_subject(own, own.subject))
    assert reason == "client_certificate_not_vouched_for"


def test_a_registered_key_authenticates_its_certificate() -> None:  # RFC 8705 section 2.2
    keys = KeySet([PAIR.public])
    assert check_registered_key(replace(SEEN, is_vouched=False), keys) is None


@pytest.mark.parametrize("keys", [None, KeySet([]), KeySet([private_key("ES384").public])])
def test_a_key_that_is_not_registered_does_not(keys: KeySet | None) -> None:
    reason = "client_certificate_key_not_registered"
    assert _reason(check_registered_key(SEEN, keys)) == reason
    assert _reason(check_registered_key(replace(SEEN, key_thumbprint=None), keys)) == reason
