"""A token source asks once for all, in time, and gives up no token that is still good."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lingpai import Key, Policy, verify
from lingpai.client import (
    ClientCredential,
    DpopKey,
    Refresh,
    RequestFailed,
    TokenRefused,
    TokenSource,
)
from lingpai.client.transport import Reply, Request
from lingpai.jose import strict_json
from lingpai.jose.keys import PrivateKey
from lingpai.jwt.dpop import check_proof

ISSUER = "https://id.example"
API = "https://orders.example"
NOW = 1_800_000_000.0
SERVICE = ClientCredential("billing service", secret="s3cret/+")


class Issuer:
    """A transport that plays the issuer: counts, answers from `answers`, then with good tokens."""

    def __init__(self, *, expires_in: int = 300) -> None:
        self.expires_in = expires_in
        self.requests: list[Request] = []
        self.answers: list[Reply | Exception] = []
        self.gate: threading.Event | None = None
        self._lock = threading.Lock()

    def send(self, request: Request) -> Reply:
        if request.method == "GET":
            document = {"issuer": ISSUER, "token_endpoint": f"{ISSUER}/token"}
            return Reply(200, {}, strict_json.encode(document))
        if self.gate is not None:
            assert self.gate.wait(10)
        with self._lock:
            self.requests.append(request)
            answer = self.answers.pop(0) if self.answers else self.good()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def good(self, **more: Any) -> Reply:
        number = len(self.requests)
        members = {"access_token": f"token-{number}", "token_type": "Bearer"}
        return Reply(200, {}, strict_json.encode(members | {"expires_in": self.expires_in} | more))

    @property
    def forms(self) -> list[Mapping[str, str]]:
        return [request.form or {} for request in self.requests]


def refusal(code: str, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(400, named, strict_json.encode({"error": code, "error_description": "no"}))


class Clock:
    """A steady clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def a_source(
    issuer: Issuer, clock: Callable[[], float] | None = None, **options: Any
) -> TokenSource:
    given = {"client": SERVICE, "resource": API, **options}
    return TokenSource(
        issuer=ISSUER,
        transport=issuer,
        clock=lambda: NOW,
        steady_clock=clock or Clock(),
        **given,
    )


def test_client_credentials_go_by_basic_with_both_parts_encoded() -> None:
    """RFC 6749 section 2.3.1."""
    issuer = Issuer()
    assert a_source(issuer, scopes=["orders:read"]).token() == "token-1"
    (request,) = issuer.requests
    assert request.form == {
        "grant_type": "client_credentials",
        "resource": API,
        "scope": "orders:read",
    }
    scheme, encoded = request.headers["Authorization"].split()
    assert (scheme, base64.b64decode(encoded)) == ("Basic", b"billing+service:s3cret%2F%2B")


def test_a_client_with_a_key_signs_an_assertion_for_the_issuer_alone() -> None:
    """RFC 7523 section 3, RFC 10070."""
    key = Key.generate("ES256")
    assert isinstance(key, PrivateKey)
    issuer = Issuer()
    a_source(issuer, client=ClientCredential("billing", key=key)).token()
    (form,) = issuer.forms
    policy = Policy(issuer="billing", audience=ISSUER, typ="client-authentication+jwt")
    token = verify(form["client_assertion"], key.public, policy, now=NOW)
    assert token.claims["aud"] == ISSUER
    assert token.subject == "billing"
    assert token.expires_at <= NOW + 60


def test_one_request_serves_many_who_ask_at_once() -> None:
    issuer = Issuer()
    issuer.gate = threading.Event()
    source = a_source(issuer)
    with ThreadPoolExecutor(20) as threads:
        asking = [threads.submit(source.token) for _ in range(20)]
        issuer.gate.set()
        assert {one.result(10) for one in asking} == {"token-1"}
    assert len(issuer.requests) == 1


def test_a_token_is_renewed_before_it_ends() -> None:
    issuer, clock = Issuer(expires_in=300), Clock()
    source = a_source(issuer, clock)
    source.token()
    clock.seconds = 269.0
    assert source.token() == "token-1"
    clock.seconds = 271.0
    assert source.token() == "token-2"


def test_a_failed_renewal_leaves_the_token_that_is_still_good() -> None:
    issuer, clock = Issuer(), Clock()
    source = a_source(issuer, clock)
    source.token()
    clock.seconds = 280.0
    issuer.answers = [RequestFailed("nobody is there")]
    assert source.token() == "token-1"
    clock.seconds = 281.0
    assert source.token() == "token-1"
    assert len(issuer.requests) == 2  # not asked again at once
    clock.seconds = 299.0
    assert source.token() == "token-3"


def test_a_token_that_has_ended_is_not_given_out() -> None:
    issuer, clock = Issuer(), Clock()
    source = a_source(issuer, clock)
    source.token()
    clock.seconds = 299.0
    issuer.answers = [RequestFailed("nobody is there")]
    with pytest.raises(RequestFailed):
        source.token()


def test_a_refused_token_is_renewed_once_for_all_who_were_refused() -> None:
    issuer = Issuer()
    source = a_source(issuer)
    stale = source.token()
    with ThreadPoolExecutor(10) as threads:
        renewed = {
            one.result(10) for one in [threads.submit(source.renew, stale) for _ in range(10)]
        }
    assert renewed == {"token-2"}
    assert len(issuer.requests) == 2


def test_a_rotated_refresh_token_is_told_before_the_access_token_is_given_out() -> None:
    issuer = Issuer()
    kept: list[str] = []
    issuer.answers = [issuer.good(refresh_token="rt-2"), issuer.good(refresh_token="rt-2")]
    source = a_source(
        issuer, client=ClientCredential("app"), grant=Refresh("rt-1"), on_rotate=kept.append
    )
    source.renew(source.token())
    assert [form["refresh_token"] for form in issuer.forms] == ["rt-1", "rt-2"]
    assert kept == ["rt-2"]
    assert issuer.forms[0]["client_id"] == "app"


def test_an_exchange_asks_on_behalf_of_the_caller() -> None:
    """RFC 8693 section 2.1."""
    issuer = Issuer()
    a_source(issuer).exchange("subject-token").token()
    (form,) = issuer.forms
    assert form["grant_type"].endswith(":token-exchange")
    assert form["subject_token"] == "subject-token"
    assert form["resource"] == API


def test_a_refusal_says_what_the_issuer_said() -> None:
    issuer = Issuer()
    issuer.answers = [refusal("slow_down", retry_after="7")]
    with pytest.raises(TokenRefused, match="slow_down") as caught:
        a_source(issuer).token()
    assert (caught.value.code, caught.value.retry_after_seconds) == ("slow_down", 7)


def test_a_nonce_that_the_issuer_wants_is_taken_up_once() -> None:
    """RFC 9449 section 8."""
    issuer, dpop = Issuer(), DpopKey()
    issuer.answers = [refusal("use_dpop_nonce", dpop_nonce="n-1")]
    a_source(issuer, dpop=dpop).token()
    first, second = (request.headers["DPoP"] for request in issuer.requests)
    for proof, nonce in ((first, None), (second, "n-1")):
        checked = check_proof(proof, method="POST", url=f"{ISSUER}/token", now=NOW, nonce=nonce)
        assert checked.jkt == dpop.jkt
    issuer.answers = [refusal("use_dpop_nonce", dpop_nonce=f"n-{n}") for n in (2, 3)]
    with pytest.raises(TokenRefused, match="use_dpop_nonce"):
        a_source(issuer, dpop=dpop).token()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"access_token":1}',
        *(
            b'{"access_token":"a","token_type":"Bearer","expires_in":%b}' % seconds
            for seconds in (b'"x"', b"true", b"null", b"-1", b"1e99")
        ),
    ],
)
def test_an_answer_that_cannot_be_read_is_a_failure(body: bytes) -> None:
    issuer = Issuer()
    issuer.answers = [Reply(200, {}, body)]
    with pytest.raises(RequestFailed, match="cannot be read"):
        a_source(issuer).token()


def test_metadata_of_another_issuer_are_not_believed() -> None:
    class Impostor(Issuer):
        def send(self, request: Request) -> Reply:
            assert request.method == "GET"
            document = {"issuer": "https://evil.example", "token_endpoint": f"{ISSUER}/token"}
            return Reply(200, {}, strict_json.encode(document))

    with pytest.raises(RequestFailed, match="another issuer"):
        a_source(Impostor()).token()


def test_an_event_loop_gets_the_same_token() -> None:
    issuer = Issuer()
    source = a_source(issuer)

    async def ask() -> set[str]:
        return set(await asyncio.gather(*(source.token_async() for _ in range(8))))

    assert asyncio.run(ask()) == {"token-1"}
    assert asyncio.run(source.renew_async("token-1")) == "token-2"


def test_no_secret_is_in_a_repr() -> None:
    source = a_source(Issuer(), grant=Refresh("rt-secret"))
    source.token()
    shown = f"{source!r} {SERVICE!r} {source._held!r} {source._grant!r}"
    assert not [secret for secret in ("s3cret", "rt-secret", "token-1") if secret in shown]


def test_two_ways_to_prove_oneself_are_one_too_many() -> None:
    key = Key.generate("ES256")
    assert isinstance(key, PrivateKey)
    with pytest.raises(ValueError, match="one way"):
        ClientCredential("app", secret="s", key=key)
