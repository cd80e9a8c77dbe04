"""Who sends a request: RFC 6749 section 2.3, RFC 7523, RFC 8705; an assertion is good once."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from tests.support import proofs as dpop
from tests.support.assertions import assertion, jwks, signing_client
from tests.support.certificates import Authority, name_of, self_signed
from tests.support.given_keys import GivenKeys
from tests.support.house import BACKEND_SECRET, House
from tests.support.proof_desk import PUBLIC, URL, Desk, asserting, proven, refused
from tests.support.stores import a_client
from tests.support.tokens import NOW, private_key

from lingpai.jose.key_set import KeySet
from lingpai.jose.keys import Key
from lingpai_server.app.certificates import CertificateReader
from lingpai_server.app.proofs import Proven
from lingpai_server.core.client_settings import ClientSettings
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.client_auth import authenticate_client
from lingpai_server.protocol.errors import ErrorCode, Refusal
from lingpai_server.protocol.requests import Arrival, ClientAuthMethod, PresentedClient, Sender

PAIR = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def desk() -> Iterator[Desk]:
    house = House()
    yield Desk(house)
    house.close()


# clients by name and by secret


def test_an_unknown_client_isrefused(desk: Desk) -> None:
    nobody = PresentedClient("nobody", ClientAuthMethod.NONE)
    assert refused(desk.prove(nobody)) == (ErrorCode.INVALID_CLIENT, "client_unknown")


def test_a_right_secret_passes_and_writes_nothing(desk: Desk) -> None:
    before = desk.house.version()
    method = ClientAuthMethod.CLIENT_SECRET_POST
    presented = PresentedClient("backend", method, Secret(BACKEND_SECRET))
    assert proven(desk.prove(presented)) == Proven(presented, Sender())
    assert desk.house.version() == before


def test_a_wrong_secret_spends_no_proof(desk: Desk) -> None:
    before = desk.house.version()
    wrong = PresentedClient("backend", ClientAuthMethod.CLIENT_SECRET_POST, Secret("wrong"))
    answer = desk.prove(wrong, Arrival(dpop=(dpop.proof(htu=URL),)))
    assert refused(answer) == (ErrorCode.INVALID_CLIENT, "client_secret_wrong")
    assert desk.house.version() == before


# assertions


def test_an_assertion_authenticates_where_it_is_decided(desk: Desk) -> None:
    client = signing_client()
    desk.add(client)
    answer = proven(desk.prove(asserting(assertion())))
    assert authenticate_client(answer.presented, client) is client


def test_an_assertion_is_good_once(desk: Desk) -> None:  # RFC 7523 section 3
    desk.add(signing_client())
    raw = assertion()
    proven(desk.prove(asserting(raw)))
    expected = (ErrorCode.INVALID_CLIENT, "client_assertion_replayed")
    assert refused(desk.prove(asserting(raw))) == expected


def test_an_identifier_is_good_once_whatever_else_is_said(desk: Desk) -> None:
    desk.add(signing_client())
    proven(desk.prove(asserting(assertion(jti="x"))))
    again = desk.prove(asserting(assertion(jti="x", exp=NOW + 90)))
    assert refused(again)[1] == "client_assertion_replayed"


def test_one_assertion_in_fifty_concurrent_requests_is_good_once(desk: Desk) -> None:
    desk.add(signing_client())
    proofs = desk.proofs()
    presented = asserting(assertion())

    async def at_once() -> list[Proven | Refusal]:
        asked = (proofs.prove(presented, Arrival(), endpoint_url=URL) for _ in range(50))
        return await asyncio.gather(*asked)

    answers = asyncio.run(at_once())
    assert sum(isinstance(answer, Proven) for answer in answers) == 1


@pytest.mark.parametrize("profile", ["oauth21", "fapi2"])
def test_an_assertion_for_the_token_endpoint_isrefused(  # RFC 10070
    desk: Desk, profile: str
) -> None:
    desk.add(signing_client(profile=profile))
    answer = desk.prove(asserting(assertion(aud=URL)))
    assert refused(answer)[0] is ErrorCode.INVALID_CLIENT


def test_certified_clients_may_still_name_the_endpoint(desk: Desk) -> None:
    desk.add(signing_client(profile="oidc"))
    proven(desk.prove(asserting(assertion(aud=URL))))


def test_an_algorithm_that_was_not_registered_isrefused(desk: Desk) -> None:
    desk.add(signing_client(auth_signing_alg="PS256"))
    answer = desk.prove(asserting(assertion()))
    assert refused(answer)[1] == "client_assertion_algorithm_refused"


def test_the_strict_profile_refuses_rs256(desk: Desk) -> None:  # FAPI 2.0 section 5.4
    pair = private_key("RS256")
    desk.add(signing_client(profile="fapi2", jwks=jwks(pair)))
    answer = desk.prove(asserting(assertion(signer=pair)))
    assert refused(answer)[1] == "client_assertion_algorithm_refused"


def test_a_client_that_did_not_register_for_assertions_isrefused(desk: Desk) -> None:
    desk.add(signing_client(auth_method=None))
    answer = desk.prove(asserting(assertion()))
    assert refused(answer)[1] == "client_auth_method_not_registered"


def test_keys_are_asked_for_anew_when_they_do_not_fit(desk: Desk) -> None:
    desk.add(signing_client())
    desk.client_keys = GivenKeys(
        KeySet([private_key("ES384").public]), KeySet([private_key("ES256").public])
    )
    proven(desk.prove(asserting(assertion())))


def test_without_keys_nothing_isproven(desk: Desk) -> None:
    desk.add(signing_client(jwks=None))
    assert refused(desk.prove(asserting(assertion())))[0] is ErrorCode.INVALID_CLIENT


# certificates


def _certificate(der: bytes) -> Arrival:
    return Arrival(certificate=f":{base64.b64encode(der).decode()}:")


def _add_tls_client(desk: Desk, **settings: Any) -> PresentedClient:
    desk.add(a_client("tls", first_party=False, settings=ClientSettings(**settings)))
    return PresentedClient("tls", ClientAuthMethod.NONE)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("authority"))


def _trusting(desk: Desk, authority: Authority) -> Desk:
    return replace(desk, certificates=CertificateReader(authority.file), now=time.time())


def test_a_certificate_of_the_registered_name_authenticates(  # RFC 8705 section 2.1
    desk: Desk, authority: Authority
) -> None:
    tls = _add_tls_client(desk, auth_method="tls_client_auth", tls_subject_dn="CN=billing")
    der = authority.vouch(name_of("CN=billing"), PAIR.public_key())
    answer = proven(_trusting(desk, authority).prove(tls, _certificate(der)))
    assert answer.presented.method is ClientAuthMethod.TLS_CLIENT_AUTH
    assert answer.sender.x5t is not None


def test_the_registered_name_in_a_certificate_of_ones_own_does_not(
    desk: Desk, authority: Authority
) -> None:
    tls = _add_tls_client(desk, auth_method="tls_client_auth", tls_subject_dn="CN=billing")
    arrival = _certificate(self_signed(name_of("CN=billing"), PAIR))
    answer = _trusting(desk, authority).prove(tls, arrival)
    assert refused(answer) == (ErrorCode.INVALID_CLIENT, "client_certificate_not_vouched_for")


def test_a_self_signed_certificate_over_a_registered_key_authenticates(  # RFC 8705 section 2.2
    desk: Desk,
) -> None:
    der = self_signed(name_of("CN=any"), PAIR)
    text = json.dumps({"keys": [Key.from_der(der).to_jwk()]})
    tls = _add_tls_client(desk, auth_method="self_signed_tls_client_auth", jwks=text)
    proven(desk.prove(tls, _certificate(der)))


def test_a_self_signed_certificate_over_another_key_does_not(desk: Desk) -> None:
    text = jwks(private_key("ES256"))
    tls = _add_tls_client(desk, auth_method="self_signed_tls_client_auth", jwks=text)
    answer = desk.prove(tls, _certificate(self_signed(name_of("CN=any"), PAIR)))
    assert refused(answer)[1] == "client_certificate_key_not_registered"


@pytest.mark.parametrize("method", ["tls_client_auth", "self_signed_tls_client_auth"])
def test_a_client_of_certificates_without_one_isrefused(desk: Desk, method: str) -> None:
    tls = _add_tls_client(desk, auth_method=method, tls_subject_dn="CN=billing")
    assert refused(desk.prove(tls))[0] is ErrorCode.INVALID_CLIENT


def test_a_certificate_that_cannot_be_read_is_not_taken_for_none(desk: Desk) -> None:
    answer = desk.prove(PUBLIC, Arrival(certificate=":AAAA:"))
    assert refused(answer) == (ErrorCode.INVALID_REQUEST, "client_certificate_unreadable")


def test_a_certificate_beside_another_method_names_the_sender(desk: Desk) -> None:  # RFC 8705 3
    answer = proven(desk.prove(PUBLIC, _certificate(self_signed(name_of("CN=any"), PAIR))))
    assert answer.presented == PUBLIC
    assert answer.sender.x5t is not None
