"""Back-Channel Logout OP: discovery, and a logout that a receiver of the tests' own is told of."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest
from tests.conformance.rp import LOGOUT_URI, REDIRECT_URI, Client, Flow, Provider
from tests.support.server import command

from lingpai import KeySet, Policy, verify
from lingpai.jwt.profiles import LOGOUT_TOKEN
from lingpai.jwt.verify import peek_unverified

pytestmark = pytest.mark.process

PATIENCE_SECONDS = 10.0
EVENT = "http://schemas.openid.net/event/backchannel-logout"


class Receiver:
    """Takes what the issuer posts, and answers with the statuses it was told to."""

    def __init__(self) -> None:
        self.told: queue.Queue[tuple[str, str]] = queue.Queue()
        self.statuses: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode("ascii")
                receiver.told.put((self.headers["content-type"], body))
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/backchannel"

    def logout_token(self) -> str:
        kind, body = self.told.get(timeout=PATIENCE_SECONDS)
        assert kind.startswith("application/x-www-form-urlencoded")
        (token,) = parse_qs(body, strict_parsing=True)["logout_token"]
        return token


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def flow(provider: Provider, receiver: Receiver) -> Iterator[Flow]:
    """A client that wants to be told, made while the issuer runs."""
    client_id = f"told-{receiver.server.server_address[1]}"
    ended = command(
        *("client", "create", client_id, "--profile", "oidc", "--scope", "openid"),
        *("--redirect-uri", REDIRECT_URI, "--post-logout-redirect-uri", LOGOUT_URI),
        *("--backchannel-logout-uri", receiver.url, "--confidential", "--json"),
        data=provider.data,
    )
    assert ended.returncode == 0, ended.stderr
    client = Client(client_id, json.loads(ended.stdout)["client_secret"])
    known = Provider(provider.url, provider.trust, {"told": client}, provider.data)
    made = Flow(known, name="told")
    yield made
    made.browser.close()


def check(flow: Flow, raw: str) -> dict[str, Any]:
    """Back-Channel Logout 1.0 section 2.6, claim by claim."""
    header, _ = peek_unverified(raw)
    assert (header.typ, header.alg) == ("logout+jwt", "RS256")
    keys = KeySet.from_jwks(flow.provider.get("/jwks").content)
    policy = Policy(
        issuer=flow.provider.url,
        audience=flow.client.client_id,
        typ="logout+jwt",
        profile=LOGOUT_TOKEN,
    )
    claims = dict(verify(raw, keys, policy).claims)
    assert claims["events"] == {EVENT: {}}
    assert "nonce" not in claims
    assert claims["exp"] - claims["iat"] <= 120
    assert claims["jti"]
    return claims


def test_oidcc_backchannel_rp_initiated_logout(flow: Flow, receiver: Receiver) -> None:
    tokens = flow.tokens()
    flow.browser.open("/end-session", {"id_token_hint": tokens["id_token"]})
    claims = check(flow, receiver.logout_token())
    assert claims["sub"] == tokens["claims"]["sub"]
    assert claims["sid"] == tokens["claims"]["sid"]


def test_a_client_that_is_away_is_told_again(flow: Flow, receiver: Receiver) -> None:
    receiver.statuses = [503]
    tokens = flow.tokens()
    flow.browser.open("/end-session", {"id_token_hint": tokens["id_token"]})
    first, second = check(flow, receiver.logout_token()), check(flow, receiver.logout_token())
    assert first["sid"] == second["sid"]
