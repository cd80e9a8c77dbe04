"""Clients that are known by the URL of their metadata: which URLs, which documents."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.support.stores import NOW, ORDERS

from lingpai.jose.keys import Key, PrivateKey
from lingpai_server.core.client_settings import ClientOrigin, SecurityProfile
from lingpai_server.core.records import Client
from lingpai_server.protocol.errors import Refusal
from lingpai_server.protocol.grants import AUTHORIZATION_CODE, REFRESH_TOKEN
from lingpai_server.protocol.metadata_document import (
    DOCUMENT_METHODS,
    document_client,
    is_json,
    is_url,
    kept_seconds,
    merge_document,
    parse_document,
    parse_document_url,
)
from lingpai_server.protocol.registration import Opened
from lingpai_server.protocol.registration_request import Choices, Registration

URL = "https://app.example/client.json"
KEY = Key.generate("ES256")
assert isinstance(KEY, PrivateKey)
CHOICES = Choices(
    profiles=(SecurityProfile.OAUTH21,),
    grant_types=(AUTHORIZATION_CODE, REFRESH_TOKEN),
    auth_methods=DOCUMENT_METHODS,
    signing=("ES256", "RS256"),
)
OPENED = Opened((ORDERS,), ("openid", "orders:read"))
DOCUMENT = {"client_id": URL, "client_name": "Planner", "redirect_uris": ["https://app.example/cb"]}


def parse(**members: Any) -> Registration | Refusal:
    return parse_document(json.dumps(DOCUMENT | members).encode(), URL, CHOICES)


def client_of(expires_at: int = NOW + 60, **members: Any) -> Client:
    registration, url = parse(**members), parse_document_url(URL)
    assert isinstance(registration, Registration), registration
    assert url is not None
    return document_client(url, URL, registration, OPENED, expires_at=expires_at, now=NOW)


@pytest.mark.parametrize(
    "url",
    [
        URL,
        "https://app.example/a",
        "https://app.example/a/",
        "https://app.example:8443/a",
        "https://app.example/a?b=c",  # a query SHOULD NOT be there, and may
        "https://app.example/..a/.b/c.",
        "https://[2001:db8::1]/a",
    ],
)
def test_url_that_can_be_an_identifier(url: str) -> None:
    assert parse_document_url(url) is not None


@pytest.mark.parametrize(
    "url",
    [
        "http://app.example/a",
        "https://app.example",
        "https://app.example/",
        "https://app.example?a=b",
        "https://app.example/a#b",
        "https://app.example/a#",
        "https://user@app.example/a",
        "https://user:word@app.example/a",
        "https://app.example/a/./b",
        "https://app.example/a/../b",
        "https://app.example/..",
        "https://app.example/a/%2e%2E/b",
        "https://app.example/a/.%2e/b",
        "https://App.example/a",
        "HTTPS://app.example/a",
        "https://app.example:443/a",
        "https:///a",
        "https://app.example/a b",
        "https://app.example\\a",
        "https://äpp.example/a",
        "https://app.example/" + "a" * 500,
    ],
)
def test_url_that_cannot_be_an_identifier(url: str) -> None:
    assert parse_document_url(url) is None


def test_only_what_looks_like_a_url_is_looked_at() -> None:
    assert is_url(URL)
    assert is_url("http://app.example/a")
    assert not is_url("app")
    assert not is_url("httpsapp")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("application/json", True),
        ("application/client+json", True),
        ("text/html", False),
        ("text/json", False),
        ("application/jsonp", False),
        ("", False),
    ],
)
def test_document_is_json(kind: str, expected: bool) -> None:
    assert is_json(kind) is expected


def test_document_describes_a_public_third_party() -> None:
    client = client_of()
    assert (client.client_id, client.name, client.is_public) == (URL, "Planner", True)
    assert (client.first_party, client.audiences) == (False, (ORDERS,))
    assert client.scopes == ("openid", "orders:read")
    assert client.settings.origin is ClientOrigin.METADATA_DOCUMENT
    assert client.settings.document_expires_at == NOW + 60


def test_client_without_a_name_is_called_by_its_host() -> None:
    assert client_of(client_name=None).name == "app.example"


def test_client_may_prove_itself_with_a_key() -> None:
    method: dict[str, Any] = {"token_endpoint_auth_method": "private_key_jwt"}
    client = client_of(NOW, jwks={"keys": [KEY.public.to_jwk()]}, **method)
    assert client.settings.auth_method == "private_key_jwt"
    assert isinstance(parse(**method), Refusal)


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"client_id": "https://app.example/client.json/"}, "client_id_invalid"),
        ({"client_id": None}, "client_id_invalid"),
        ({"client_secret": "a"}, "client_secret_invalid"),
        ({"client_secret_expires_at": 0}, "client_secret_expires_at_invalid"),
        ({"jwks": {"keys": [KEY.to_jwk(private=True)]}}, "jwks_invalid"),
        ({"redirect_uris": []}, "redirect_uris_invalid"),
        ({"redirect_uris": ["http://app.example/cb"]}, "redirect_uris_invalid"),
        ({"grant_types": ["client_credentials"]}, "grant_types_invalid"),
    ],
)
def test_document_that_describes_no_client(members: dict[str, Any], reason: str) -> None:
    refusal = parse(**members)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == reason


@pytest.mark.parametrize(
    "method", ["client_secret_basic", "client_secret_post", "client_secret_jwt", "tls_client_auth"]
)
def test_client_of_a_document_shares_no_secret(method: str) -> None:
    refusal = parse(token_endpoint_auth_method=method)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "token_endpoint_auth_method_invalid"


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'{"a":1,"a":2}', b"\xff{}"])
def test_what_is_no_json_object_is_no_document(body: bytes) -> None:
    assert isinstance(parse_document(body, URL, CHOICES), Refusal)


def test_document_that_says_nothing_new_changes_nothing() -> None:
    known = replace(client_of(), access_version=7, created_at=NOW - 5)
    assert merge_document(known, client_of(expires_at=NOW + 999)) is None


def test_document_that_changed_replaces_what_was_known() -> None:
    known = replace(client_of(), access_version=7, created_at=NOW - 5, disabled=True)
    merged = merge_document(known, client_of(client_name="Planner 2"))
    assert merged is not None
    assert (merged.name, merged.access_version) == ("Planner 2", 7)
    assert (merged.created_at, merged.disabled) == (NOW - 5, True)


@pytest.mark.parametrize(
    ("said", "kept"), [(None, 3600), (0, 60), (61, 61), (86_400, 86_400), (10**9, 86_400)]
)
def test_document_is_kept_as_it_says_within_bounds(said: int | None, kept: int) -> None:
    assert kept_seconds(said) == kept
