"""Whatever a client sends to prove itself or to ask for more is read or refused, never a fault."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st
from tests.support import proofs as dpop
from tests.support.assertions import CLIENT_ID, assertion
from tests.support.samples import API, CONFIDENTIAL, ISSUER, NOW, PUBLIC_CLIENT
from tests.support.tokens import private_key

from lingpai.errors import InvalidKey
from lingpai.jose.key_set import KeySet
from lingpai.jwt.dpop import DPOP_ALGORITHMS, VerifiedProof
from lingpai_server.app.certificates import CertificateReader, canonical_subject
from lingpai_server.core.flow_effects import Spend
from lingpai_server.protocol.authorization_details import check_authorization_details
from lingpai_server.protocol.client_assertion import (
    ASSERTION_ALGORITHMS,
    check_assertion,
    read_assertion_subject,
)
from lingpai_server.protocol.client_auth import parse_client
from lingpai_server.protocol.client_certificate import ClientCertificate, parse_certificate_header
from lingpai_server.protocol.client_jwks import read_client_jwks
from lingpai_server.protocol.device import (
    USER_CODE_ALPHABET,
    parse_device_authorization,
    parse_user_code,
)
from lingpai_server.protocol.dpop import check_dpop
from lingpai_server.protocol.errors import Refusal
from lingpai_server.protocol.requests import (
    Arrival,
    DeviceAuthorizationRequest,
    ExchangeRequest,
    PresentedClient,
)
from lingpai_server.protocol.token.exchange import parse_exchange_request

TEXT = st.text(st.characters(codec="utf-8"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=6,
)
CLAIM = st.sampled_from(["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "cnf", "status"])
PROOF_CLAIM = st.sampled_from(["htm", "htu", "iat", "jti", "nonce", "ath", "exp"])
KEYS = KeySet([private_key("ES256").public])


def _assertion(claims: dict[str, Any]) -> str:
    return assertion(**claims)


def _signed_json(value: object) -> bool:
    """What a JSON text may hold: no NaN, and numbers that a reader of 64 bits can hold."""
    try:
        json.dumps(value, allow_nan=False).encode("utf-8")
    except ValueError:
        return False
    return True


@given(TEXT | st.dictionaries(CLAIM, JSON.filter(_signed_json)).map(_assertion))
def test_any_assertion_is_good_or_refused(raw: str) -> None:
    checked = check_assertion(
        raw,
        CLIENT_ID,
        KEYS,
        audiences=(ISSUER,),
        algorithms=ASSERTION_ALGORITHMS,
        now=NOW,
    )
    assert isinstance(checked, Spend | Refusal)
    assert isinstance(read_assertion_subject(raw), str | None)


@given(
    st.dictionaries(
        st.sampled_from(
            ["client_id", "client_secret", "client_assertion", "client_assertion_type"]
        ),
        TEXT.filter(bool),
    )
)
def test_any_form_names_a_client_or_is_refused(parameters: dict[str, str]) -> None:
    assert isinstance(parse_client(parameters, None), PresentedClient | Refusal)


@given(
    TEXT
    | st.dictionaries(PROOF_CLAIM, JSON.filter(_signed_json)).map(lambda c: dpop.proof(**c))
    | st.dictionaries(st.sampled_from(["typ", "alg", "jwk"]), JSON.filter(_signed_json)).map(
        dpop.proof
    )
)
def test_any_proof_is_good_or_refused(raw: str) -> None:
    checked = check_dpop((raw,), method="POST", url=dpop.URL, algorithms=DPOP_ALGORITHMS, now=NOW)
    assert isinstance(checked, VerifiedProof | Refusal)


@given(st.binary().map(lambda der: quote(der)) | TEXT | TEXT.map(":{}:".format))
def test_any_certificate_header_is_a_certificate_or_none(header: str) -> None:
    assert isinstance(parse_certificate_header(header), bytes | None)
    assert isinstance(CertificateReader().read(header, now=NOW), ClientCertificate | None)


@given(TEXT | TEXT.map("CN={}".format))
def test_any_name_has_one_spelling_or_none(text: str) -> None:
    once = canonical_subject(text)
    assert once is None or canonical_subject(once) == once


@given(TEXT | JSON.filter(_signed_json).map(lambda keys: json.dumps({"keys": keys})))
def test_any_jwks_is_read_or_refused(text: str) -> None:
    try:
        assert isinstance(read_client_jwks(text), KeySet)
    except InvalidKey:
        return


@given(TEXT | JSON.filter(_signed_json).map(json.dumps))
def test_any_details_are_kept_or_refused(text: str) -> None:
    checked = check_authorization_details(text, PUBLIC_CLIENT, API)
    assert isinstance(checked, str | Refusal)


@given(TEXT)
def test_any_user_code_is_canonical_or_none(typed: str) -> None:
    code = parse_user_code(typed)
    assert code is None or (len(code) == 8 and set(code) <= set(USER_CODE_ALPHABET))


@given(st.dictionaries(st.sampled_from(["client_id", "scope", "resource"]), TEXT.filter(bool)))
def test_any_form_is_a_devices_or_refused(parameters: dict[str, str]) -> None:
    parsed = parse_device_authorization(parameters, Arrival())
    assert isinstance(parsed, DeviceAuthorizationRequest | Refusal)


@given(
    st.dictionaries(
        st.sampled_from(
            ["subject_token", "subject_token_type", "requested_token_type", "audience", "scope"]
        ),
        TEXT.filter(bool) | st.just("urn:ietf:params:oauth:token-type:access_token"),
    )
)
def test_any_form_is_an_exchange_or_refused(parameters: dict[str, str]) -> None:
    parsed = parse_exchange_request(parameters, CONFIDENTIAL, Arrival())
    assert isinstance(parsed, ExchangeRequest | Refusal)
