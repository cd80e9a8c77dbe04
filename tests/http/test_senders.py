"""Who sends a request, on the wire: RFC 9449 sections 5 and 8, RFC 8705, RFC 9440, RFC 7523."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from tests.support import proofs
from tests.support.assertions import assertion, signing_client
from tests.support.certificates import name_of, self_signed
from tests.support.house import (
    BACKEND_SECRET,
    FORM,
    ISSUER,
    JSON,
    PASSWORD,
    PEER,
    House,
    Reply,
    basic,
    with_server,
)
from tests.support.stores import a_client
from tests.support.tokens import decode, private_key

from lingpai.jose.keys import Key, certificate_thumbprint
from lingpai_server.config.model import Config, DpopSection, ServerSection
from lingpai_server.core.client_settings import ClientSettings
from lingpai_server.core.effects import CreateClient
from lingpai_server.core.records import Client
from lingpai_server.protocol.client_assertion import ASSERTION_TYPE

TOKEN_URL, LOGIN_URL = f"{ISSUER}/token", f"{ISSUER}/login"
PROXY = "192.0.2.80"
DER = self_signed(name_of("CN=billing"), ec.generate_private_key(ec.SECP256R1()))
CERTIFICATE = ("client-cert", f":{base64.b64encode(DER).decode()}:")


def claims_of(reply: Reply) -> dict[str, Any]:
    """What the access token says."""
    assert reply.status == 200, reply.body
    claims: dict[str, Any] = json.loads(decode(reply.json["access_token"].split(".")[1]))
    return claims


def proof(url: str = TOKEN_URL, /, **changes: Any) -> tuple[str, str]:
    """A DPoP header; the proofs of one test need names of their own."""
    return "dpop", proofs.proof(**({"htu": url} | changes))


def add(house: House, client: Client) -> None:
    asyncio.run(house.store.apply([CreateClient(client)]))


def as_backend(house: House, *headers: tuple[str, str]) -> Reply:
    caller = basic("backend", BACKEND_SECRET)
    return house.post_form("/token", (caller, *headers), grant_type="client_credentials")


# DPoP


def test_a_proof_makes_the_token_one_of_its_key(house: House) -> None:  # RFC 9449 section 5
    reply = as_backend(house, proof())
    assert claims_of(reply)["cnf"] == {"jkt": proofs.key().thumbprint()}
    assert reply.json["token_type"] == "DPoP"


def test_without_a_proof_the_token_is_a_bearers(house: House) -> None:
    reply = as_backend(house)
    assert "cnf" not in claims_of(reply)
    assert reply.json["token_type"] == "Bearer"


def test_two_proofs_are_one_too_many(house: House) -> None:  # RFC 9449 section 4.3
    reply = as_backend(house, proof(jti="a"), proof(jti="b"))
    assert (reply.status, reply.error) == (400, "invalid_dpop_proof")


def test_a_proof_that_was_used_is_refused(house: House) -> None:  # RFC 9449 section 11.1
    assert as_backend(house, proof()).status == 200
    assert as_backend(house, proof()).error == "invalid_dpop_proof"


def test_the_host_header_says_nothing_about_where_a_proof_is_for(house: House) -> None:
    forged = proof("https://evil.example/token")
    reply = as_backend(house, forged, ("host", "evil.example"))
    assert reply.error == "invalid_dpop_proof"
    assert as_backend(house, proof(), ("host", "evil.example")).status == 200


def test_a_public_apps_login_is_bound_to_its_key(house: House) -> None:  # RFC 9449 section 5
    login = house.login(headers=(proof(LOGIN_URL, jti="login"),))
    assert login.json["token_type"] == "DPoP"
    token = login.json["refresh_token"]
    assert house.refresh(token).error == "invalid_grant"
    again = house.refresh(token, headers=(proof(jti="refresh"),))
    assert claims_of(again)["cnf"] == {"jkt": proofs.key().thumbprint()}


def test_a_stolen_refresh_token_is_of_no_use_with_another_key(house: House) -> None:
    token = house.login(headers=(proof(LOGIN_URL, jti="login"),)).json["refresh_token"]
    thief = private_key("ES384")
    header = {"typ": "dpop+jwt", "alg": "ES384", "jwk": proofs.public_jwk(thief)}
    body = {"jti": "t", "htm": "POST", "htu": TOKEN_URL, "iat": int(house.now)}
    stolen = house.refresh(token, headers=(("dpop", proofs.forge(header, body, thief)),))
    assert (stolen.status, stolen.error) == (400, "invalid_grant")
    assert house.refresh(token, headers=(proof(jti="refresh"),)).status == 200


@pytest.fixture
def strict_house() -> Iterator[House]:
    """An issuer that wants nonces."""
    server = ServerSection(issuer=ISSUER)
    made = House(config=Config(server, dpop=DpopSection(require_nonce=True)))
    yield made
    made.close()


def test_a_proof_without_a_nonce_gets_one_and_another_try(strict_house: House) -> None:
    asked = as_backend(strict_house, proof(jti="a"))
    assert (asked.status, asked.error) == (400, "use_dpop_nonce")  # RFC 9449 section 8
    nonce = asked.header("dpop-nonce")
    reply = as_backend(strict_house, proof(jti="b", nonce=nonce))
    assert reply.status == 200
    assert reply.header("dpop-nonce")  # section 8.2


def test_a_refusal_of_the_grant_spends_the_proof_and_gives_no_token(house: House) -> None:
    refused = house.refresh("lp_rt_nonsense", headers=(proof(),))
    assert refused.error == "invalid_grant"
    assert house.refresh("lp_rt_nonsense", headers=(proof(),)).error == "invalid_dpop_proof"


# assertions


def as_signer(house: House, raw: str, *headers: tuple[str, str], **more: str) -> Reply:
    parameters = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": raw,
    }
    return house.post_form("/token", headers, **(parameters | more))


def test_a_client_proves_itself_with_its_key(house: House) -> None:  # RFC 7523 section 2.2
    add(house, signing_client())
    reply = as_signer(house, assertion())
    assert claims_of(reply)["sub"] == "signer"


def test_an_assertion_is_good_once(house: House) -> None:
    add(house, signing_client())
    assert as_signer(house, assertion()).status == 200
    again = as_signer(house, assertion())
    assert (again.status, again.error) == (401, "invalid_client")


def test_an_assertion_for_the_token_endpoint_is_refused(house: House) -> None:  # RFC 10070
    add(house, signing_client())
    assert as_signer(house, assertion(aud=TOKEN_URL)).error == "invalid_client"


def test_an_assertion_and_a_secret_are_two_methods(house: House) -> None:  # RFC 6749 section 2.3
    add(house, signing_client())
    reply = as_signer(house, assertion(), basic("backend", BACKEND_SECRET))
    assert (reply.status, reply.error) == (400, "invalid_request")


def test_a_first_party_app_may_log_in_with_its_key(house: House) -> None:
    add(house, signing_client())
    sent = {
        "username": "mei",
        "password": PASSWORD,
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion(),
    }
    assert house.ask("POST", "/login", (JSON,), json.dumps(sent).encode()).status == 200


# certificates


@pytest.fixture
def proxied_house() -> Iterator[House]:
    """An issuer behind a proxy that tells of client certificates."""
    server = ServerSection(issuer=ISSUER, trusted_proxies=(f"{PROXY}/32",))
    made = House(config=Config(replace(server, client_certificate_header="client-cert")))
    registered = json.dumps({"keys": [Key.from_der(DER).to_jwk()]})
    settings = ClientSettings(
        auth_method="self_signed_tls_client_auth", jwks=registered, tls_bound=True
    )
    grants = ("client_credentials",)
    add(made, a_client("billing", first_party=False, grant_types=grants, settings=settings))
    yield made
    made.close()


def as_billing(house: House, *headers: tuple[str, str], peer: str = PROXY) -> Reply:
    body = b"grant_type=client_credentials&client_id=billing"
    return house.ask("POST", "/token", (FORM, *headers), body, peer=peer)


def test_a_certificate_behind_the_proxy_authenticates_and_binds(proxied_house: House) -> None:
    reply = as_billing(proxied_house, CERTIFICATE)  # RFC 8705 sections 2.2 and 3
    assert claims_of(reply)["cnf"] == {"x5t#S256": certificate_thumbprint(DER)}
    assert reply.json["token_type"] == "Bearer"


def test_a_certificate_header_of_a_stranger_is_not_believed(proxied_house: House) -> None:
    reply = as_billing(proxied_house, CERTIFICATE, peer=PEER)
    assert (reply.status, reply.error) == (401, "invalid_client")


def test_a_stranger_behind_the_proxy_does_not_come_from_it(proxied_house: House) -> None:
    forwarded = ("x-forwarded-for", PROXY)
    assert as_billing(proxied_house, CERTIFICATE, forwarded, peer=PEER).status == 401


def test_two_certificates_are_one_too_many(proxied_house: House) -> None:
    reply = as_billing(proxied_house, CERTIFICATE, CERTIFICATE)
    assert (reply.status, reply.error) == (400, "invalid_request")


@pytest.mark.parametrize("value", [":AAAA:", "nonsense"])
def test_a_certificate_that_cannot_be_read_is_refused(proxied_house: House, value: str) -> None:
    reply = as_billing(proxied_house, ("client-cert", value))
    assert (reply.status, reply.error) == (400, "invalid_request")


@pytest.mark.parametrize("headers", [(), (("client-cert", ""),)])
def test_no_certificate_is_no_client(
    proxied_house: House, headers: tuple[tuple[str, str], ...]
) -> None:
    assert as_billing(proxied_house, *headers).error == "invalid_client"


def test_the_header_means_nothing_unless_it_is_configured(proxied_house: House) -> None:
    proxied_house.config = with_server(proxied_house.config, client_certificate_header="")
    proxied_house.app = proxied_house.open()
    assert as_billing(proxied_house, CERTIFICATE).error == "invalid_client"
