"""Clients that others wrote, unmodified: a person logs in, and everything after that works."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.clients.conftest import (
    SCOPE,
    House,
    application,
    ask,
    node,
    python,
    sign_in,
    sign_out,
)
from tests.support.browser import Chromium
from tests.support.peers import give_up
from tests.support.server import free_port

from lingpai import Key
from lingpai.jose.key_set import KeySet
from lingpai.jose.keys import PrivateKey

pytestmark = pytest.mark.process


@dataclass(frozen=True)
class Peer:
    """A client library, how the operator describes its application, and what it is set to."""

    program: str
    options: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    token_type: str = "bearer"


SECRET_POST = ("--auth-method", "client_secret_post")
PEERS = {
    "Authlib": Peer("authlib", ("--confidential",)),
    "openid-client": Peer("openid_client.mjs", SECRET_POST),
    "openid-client by oidc profile": Peer("openid_client.mjs", (*SECRET_POST, "--profile", "oidc")),
    "openid-client with private_key_jwt, PAR and DPoP": Peer(
        "openid_client.mjs",
        ("--auth-method", "private_key_jwt", "--require-par", "--dpop-bound"),
        {"par": True, "dpop": True, "private_key": True},
        "dpop",
    ),
    "openid-client by fapi2 profile": Peer(
        "openid_client.mjs",
        ("--auth-method", "private_key_jwt", "--dpop-bound", "--profile", "fapi2"),
        {"par": True, "dpop": True, "private_key": True},
        "dpop",
    ),
    "oauth4webapi": Peer("oauth4webapi.mjs", ("--auth-method", "none")),
}


@pytest.mark.parametrize("name", PEERS)
def test_a_person_logs_in_refreshes_and_logs_out(
    house: House, chromium: Chromium, name: str
) -> None:
    peer, port = PEERS[name], free_port()
    if peer.program.endswith(".mjs") and shutil.which("node") is None:
        give_up("node")
    settings = make_client(house, peer, port, client_id=name.split()[0] + f"-{port}")
    if peer.program == "authlib":
        command = python("tests.clients.authlib_app", port)
        environ = {"APPLICATION": json.dumps(settings)}
    else:
        command, environ = node(peer.program, settings), {}
    with application(command, port, environ=environ) as url, chromium.window() as window:
        claims = sign_in(window, url)
        assert claims["iss"] == house.issuer
        told = ask(window, f"{url}/userinfo")
        assert (told["sub"], told["name"]) == (claims["sub"], "Ming Li")
        refreshed = ask(window, f"{url}/refresh")
        assert refreshed["access_token_is_new"]
        assert refreshed["token_type"].lower() == peer.token_type
        assert refreshed["subject"] in (None, claims["sub"])
        assert ask(window, f"{url}/userinfo")["sub"] == claims["sub"]
        assert sign_out(window, url) == {"state": True}
        window.open(f"{url}/login")
        assert window.has("input[name=password]"), "the issuer's session is over, too"


def make_client(house: House, peer: Peer, port: int, *, client_id: str) -> dict[str, Any]:
    """The settings of the application, once the operator has made its client."""
    settings: dict[str, Any] = {"issuer": house.issuer, "port": port, "scope": SCOPE}
    options = list(peer.options)
    if peer.settings.get("private_key"):
        key = Key.generate("ES256", kid="client-key")
        assert isinstance(key, PrivateKey)
        file = house.folder / f"{port}.json"
        file.write_text(json.dumps(KeySet([key.public]).to_jwks()), encoding="utf-8")
        options += ["--jwks", str(file)]
        settings["private_jwk"] = key.to_jwk(private=True)
    made = house.create_client(client_id, port, *options)
    return settings | {
        "client_id": client_id,
        "client_secret": made.get("client_secret"),
        "par": peer.settings.get("par", False),
        "dpop": peer.settings.get("dpop", False),
        "metadata": {},
    }
