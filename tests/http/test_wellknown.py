"""Metadata, keys and health: what anyone may read, where it is, and how it may be kept."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.support.house import House, with_server
from tests.support.stores import an_api

from lingpai_server.core.effects import CreateApi, StoreKey
from lingpai_server.core.secret import Secret
from lingpai_server.keys.making import SealedKeyMaker
from lingpai_server.keys.sealing import SealingKey

OAUTH = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"


def with_issuer(house: House, issuer: str) -> House:
    house.config = with_server(house.config, issuer=issuer)
    house.app = house.open()
    return house


@pytest.mark.parametrize("path", [OAUTH, OPENID])
def test_metadata_names_this_issuer_and_its_endpoints(house: House, path: str) -> None:
    document = house.ask("GET", path).json
    assert document["issuer"] == "https://id.example"
    assert document["token_endpoint"] == "https://id.example/token"
    assert document["jwks_uri"] == "https://id.example/jwks"
    assert document["revocation_endpoint"] == "https://id.example/revoke"


def test_every_endpoint_in_the_metadata_answers(house: House) -> None:
    document: dict[str, Any] = house.ask("GET", OAUTH).json
    for name, url in document.items():
        if name.endswith(("_endpoint", "_uri")):
            path = str(url).removeprefix("https://id.example")
            assert house.ask("OPTIONS", path).status == 204, name


def test_scopes_of_a_new_api_are_in_the_metadata_at_once(house: House) -> None:
    assert "new:scope" not in house.ask("GET", OAUTH).json["scopes_supported"]
    api = an_api("https://new.example", scopes=("new:scope",))
    asyncio.run(house.store.apply([CreateApi(api)]))
    assert "new:scope" in house.ask("GET", OAUTH).json["scopes_supported"]


@pytest.mark.parametrize(
    "path",
    [
        "/.well-known/oauth-authorization-server/tenant",  # RFC 8414 section 3.1
        "/.well-known/openid-configuration/tenant",  # RFC 8414 section 5
        "/tenant/.well-known/openid-configuration",  # OpenID Connect Discovery section 4.1
        "/tenant/.well-known/oauth-authorization-server",
        "/tenant/jwks",
        "/healthz",
    ],
)
def test_issuer_with_a_path_is_found(house: House, path: str) -> None:
    assert with_issuer(house, "https://id.example/tenant").ask("GET", path).status == 200


def test_endpoints_of_an_issuer_with_a_path_are_below_it(house: House) -> None:
    with_issuer(house, "https://id.example/tenant")
    assert house.ask("POST", "/tenant/token").status == 415
    assert house.ask("POST", "/token").status == 404


@pytest.mark.parametrize("path", ["/jwks", OAUTH, OPENID])
def test_document_may_be_kept_and_asked_for_by_its_tag(house: House, path: str) -> None:
    first = house.ask("GET", path)
    assert first.header("cache-control") == "public, max-age=300"
    tag = str(first.header("etag"))
    for wanted in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        again = house.ask("GET", path, (("if-none-match", wanted),))
        assert again.status == 304
        assert again.body == b""
        assert again.header("etag") == tag
    assert house.ask("GET", path, (("if-none-match", '"other"'),)).status == 200


def test_key_made_meanwhile_is_published_after_a_look(house: House) -> None:
    before = house.ask("GET", "/jwks")
    key = SealedKeyMaker(SealingKey(Secret(bytes(32)))).make_signing_key("ES256", now=1)
    asyncio.run(house.store.apply([StoreKey(key)]))
    asyncio.run(house.keys.follow())
    after = house.ask("GET", "/jwks", (("if-none-match", str(before.header("etag"))),))
    assert after.status == 200
    assert {member["kid"] for member in after.json["keys"]} >= {key.kid}


def test_healthy_and_ready(house: House) -> None:
    assert house.ask("GET", "/healthz").json == {"status": "ok"}
    assert house.ask("GET", "/readyz").json == {"status": "ready"}


def test_without_its_store_it_is_healthy_and_not_ready(house: House) -> None:
    asyncio.run(house.store.close())
    assert house.ask("GET", "/healthz").status == 200
    reply = house.ask("GET", "/readyz")
    assert reply.status == 503
    assert reply.json["reason"].startswith("storage:")
    assert house.ask("GET", "/jwks").status == 200


def test_with_keys_that_do_not_open_it_is_not_ready(house: House) -> None:
    foreign = SealedKeyMaker(SealingKey(Secret(b"\x01" * 32))).make_signing_key("ES256", now=1)
    asyncio.run(house.store.apply([StoreKey(foreign)]))
    asyncio.run(house.keys.follow())
    reply = house.ask("GET", "/readyz")
    assert reply.status == 503
    assert reply.json["reason"].startswith("keys:")
    assert house.login().status == 200


def test_asking_for_readiness_in_a_hurry_asks_the_store_once(house: House) -> None:
    """A readiness check writes; a stranger must not be able to make it write without end."""
    house.ask("GET", "/readyz")
    before = house.version()
    for _ in range(20):
        house.ask("GET", "/readyz")
    assert house.version() == before
