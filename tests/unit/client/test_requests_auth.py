"""requests and urllib3 against a real API: the token goes along, is renewed once, and goes nowhere
else."""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

import pytest
import requests
import urllib3

from lingpai.client import ClientCredential, DpopKey, TokenSource
from lingpai.client.requests_auth import TokenAuth, send
from lingpai.client.transport import Reply, Request
from lingpai.jose import strict_json
from lingpai.jwt.dpop import check_proof

ISSUER = "https://id.example"
STALE = 'Bearer realm="orders", error="invalid_token", error_description="token_stale"'
REVOKED = STALE.replace("token_stale", "token_revoked")
BARE = 'Bearer error="invalid_token"'
WANTS_NONCE = 'DPoP error="use_dpop_nonce"'


class Issuer:
    """Answers each token request with the next token."""

    def __init__(self) -> None:
        self.asked = 0

    def send(self, request: Request) -> Reply:
        if request.method == "GET":
            document = {"issuer": ISSUER, "token_endpoint": f"{ISSUER}/token"}
            return Reply(200, {}, strict_json.encode(document))
        self.asked += 1
        kind = "DPoP" if "DPoP" in request.headers else "Bearer"
        members: dict[str, Any] = {"access_token": f"token-{self.asked}", "token_type": kind}
        return Reply(200, {}, strict_json.encode(members | {"expires_in": 300}))


@dataclass
class Seen:
    """A request as it reached an API. Header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def token(self) -> str | None:
        return self.headers.get("authorization", " ").partition(" ")[2] or None


@dataclass
class Said:
    """What an API answers."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Api(ThreadingHTTPServer):
    """Answers each request as `answer` says."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[Seen] = []
        self.answer: Callable[[Seen], Said] = lambda _: Said()

    def url(self, path: str = "/orders?x=1") -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"

    def takes(self, *tokens: str, challenge: str = STALE, **headers: str) -> None:
        """Refuse all other tokens with this challenge."""
        refusal = Said(401, {"WWW-Authenticate": challenge, **headers})
        self.answer = lambda seen: Said() if seen.token in tokens else refusal

    @property
    def tokens(self) -> list[str | None]:
        return [seen.token for seen in self.seen]


class _Handler(BaseHTTPRequestHandler):
    server: Api
    protocol_version = (
        "HTTP/1.1"  # connections stay open: an answer left unread would be in the way
    )
    timeout = 10

    def answer(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = Seen(self.command, self.path, headers, self._read_body(headers))
        self.server.seen.append(seen)
        said = self.server.answer(seen)
        body = b"token: %b" % (seen.token or "none").encode()
        self.send_response(said.status)
        for name, value in {**said.headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer  # noqa: N815 - the names are the base class's

    def _read_body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(headers.get("content-length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, *_: Any) -> None:
        """Tests are quiet."""


def _serve() -> Iterator[Api]:
    with Api() as served:
        thread = threading.Thread(target=served.serve_forever, args=(0.02,))
        thread.start()
        yield served
        served.shutdown()
        thread.join()


@pytest.fixture
def api() -> Iterator[Api]:
    yield from _serve()


@pytest.fixture
def elsewhere() -> Iterator[Api]:
    yield from _serve()


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def source(issuer: Issuer) -> TokenSource:
    return a_source(issuer)


@pytest.fixture
def bound(issuer: Issuer) -> TokenSource:
    return a_source(issuer, dpop=DpopKey())


def a_source(issuer: Issuer, **options: Any) -> TokenSource:
    client = ClientCredential("app", secret="s")
    return TokenSource(issuer=ISSUER, client=client, transport=issuer, **options)


class Send(Protocol):
    """One request by one of the two libraries; the status and the body of its answer."""

    def __call__(
        self,
        source: TokenSource,
        url: str,
        body: Any = None,
        *,
        method: str = "POST",
        headers: dict[str, str] | None = None,
        follow: bool = False,
    ) -> tuple[int, bytes]: ...


def by_requests(
    source: TokenSource,
    url: str,
    body: Any = None,
    *,
    method: str = "POST",
    headers: dict[str, str] | None = None,
    follow: bool = False,
) -> tuple[int, bytes]:
    with requests.Session() as session:
        session.trust_env = False
        answer = session.request(
            method,
            url,
            data=body,
            headers=headers,
            auth=TokenAuth(source),
            allow_redirects=follow,
            timeout=10,
        )
        return answer.status_code, answer.content


def by_urllib3(
    source: TokenSource,
    url: str,
    body: Any = None,
    *,
    method: str = "POST",
    headers: dict[str, str] | None = None,
    follow: bool = False,
) -> tuple[int, bytes]:
    options: dict[str, Any] = {"redirect": True} if follow else {}
    with urllib3.PoolManager(timeout=10) as pool:
        answer = send(pool, source, method, url, body=body, headers=headers, **options)
        return answer.status, answer.data


both = pytest.mark.parametrize("send_one", [by_requests, by_urllib3])


# --- one request --------------------------------------------------------------------------------


@both
def test_a_request_carries_the_token(send_one: Send, api: Api, source: TokenSource) -> None:
    assert send_one(source, api.url(), b"{}") == (200, b"token: token-1")
    (seen,) = api.seen
    assert seen.headers["authorization"] == "Bearer token-1"
    assert (seen.method, seen.path, seen.body) == ("POST", "/orders?x=1", b"{}")
    assert "dpop" not in seen.headers


@both
def test_the_callers_headers_are_kept_but_for_one_in_the_tokens_place(
    send_one: Send, api: Api, source: TokenSource
) -> None:
    api.takes("token-2")
    given = {"X-Trace": "7", "authorization": "Bearer mine"}
    assert send_one(source, api.url(), headers=given)[0] == 200
    assert [seen.headers["x-trace"] for seen in api.seen] == ["7", "7"]
    assert api.tokens == ["token-1", "token-2"]
    assert given == {"X-Trace": "7", "authorization": "Bearer mine"}


def test_the_pools_own_headers_are_kept(api: Api, source: TokenSource) -> None:
    with urllib3.PoolManager(headers={"X-Trace": "7"}) as pool:
        send(pool, source, "GET", api.url())
    assert api.seen[0].headers["x-trace"] == "7"


# --- refused ------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("challenge", [STALE, BARE])
def test_a_stale_token_is_renewed_once_and_the_request_sent_again(
    send_one: Send, api: Api, issuer: Issuer, source: TokenSource, challenge: str
) -> None:
    api.takes("token-2", challenge=challenge)
    assert send_one(source, api.url(), b'{"id":1}') == (200, b"token: token-2")
    assert api.tokens == ["token-1", "token-2"]
    assert [seen.body for seen in api.seen] == [b'{"id":1}'] * 2
    assert issuer.asked == 2


@both
def test_the_second_refusal_is_the_callers(
    send_one: Send, api: Api, issuer: Issuer, source: TokenSource
) -> None:
    api.takes()
    assert send_one(source, api.url(), b"{}")[0] == 401
    assert (api.tokens, issuer.asked) == (["token-1", "token-2"], 2)


@both
@pytest.mark.parametrize(
    ("status", "challenge"), [(401, REVOKED), (401, "Bearer"), (403, STALE), (500, STALE)]
)
def test_what_a_new_token_would_not_help_is_not_tried_again(
    send_one: Send, api: Api, issuer: Issuer, source: TokenSource, status: int, challenge: str
) -> None:
    api.answer = lambda _: Said(status, {"WWW-Authenticate": challenge})
    assert send_one(source, api.url(), b"{}")[0] == status
    assert (len(api.seen), issuer.asked) == (1, 1)


@both
def test_many_that_are_refused_at_once_ask_for_one_new_token(
    send_one: Send, api: Api, issuer: Issuer, source: TokenSource
) -> None:
    api.takes("token-2")
    source.token()
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda: answers.append(send_one(source, api.url(), b"{}")[0]))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (answers, issuer.asked) == ([200] * 8, 2)


def test_both_answers_are_in_the_history_of_requests(api: Api, source: TokenSource) -> None:
    api.takes("token-2")
    answer = requests.get(api.url(), auth=TokenAuth(source), timeout=10)
    assert [(r.status_code, r.request.headers["Authorization"]) for r in answer.history] == [
        (401, "Bearer token-1")
    ]
    assert answer.request.headers["Authorization"] == "Bearer token-2"


def test_a_prepared_request_is_renewed_each_time_that_it_is_sent(
    api: Api, issuer: Issuer, source: TokenSource
) -> None:
    api.takes("token-2")
    with requests.Session() as session:
        prepared = session.prepare_request(
            requests.Request("GET", api.url(), auth=TokenAuth(source))
        )
        assert [session.send(prepared).status_code for _ in range(2)] == [200, 200]
    assert api.tokens == ["token-1", "token-2"] * 2
    assert issuer.asked == 2


# --- bodies -------------------------------------------------------------------------------------


@both
def test_a_file_is_sent_again_from_where_it_stood(
    send_one: Send, api: Api, source: TokenSource
) -> None:
    api.takes("token-2")
    file = io.BytesIO(b"header body")
    file.seek(7)
    assert send_one(source, api.url(), file)[0] == 200
    assert [seen.body for seen in api.seen] == [b"body", b"body"]


@both
def test_a_body_that_can_be_read_once_is_sent_once_and_the_next_request_has_the_new_token(
    send_one: Send, api: Api, issuer: Issuer, source: TokenSource
) -> None:
    api.takes("token-2")
    assert send_one(source, api.url(), iter([b"one", b"two"])) == (401, b"token: token-1")
    assert send_one(source, api.url(), iter([b"three"])) == (200, b"token: token-2")
    assert [seen.body for seen in api.seen] == [b"onetwo", b"three"]
    assert issuer.asked == 2


@both
def test_a_pipe_is_sent_once(send_one: Send, api: Api, source: TokenSource) -> None:
    api.takes("token-2")
    reading, writing = os.pipe()
    os.write(writing, b"x")
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        body: Any = iter(lambda: pipe.read(1), b"")
        assert send_one(source, api.url(), body)[0] == 401
    assert len(api.seen) == 1


@both
def test_a_file_that_was_closed_meanwhile_is_not_sent_again(
    send_one: Send, api: Api, source: TokenSource
) -> None:
    read_out = threading.Event()

    class Read(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            piece = super().read(size)
            if not piece:
                read_out.set()
            return piece

    file = Read(b"body")

    def close_and_refuse(seen: Seen) -> Said:
        read_out.wait(1)  # the sender still looks whether there is more
        file.close()
        return Said(401, {"WWW-Authenticate": STALE})

    api.answer = close_and_refuse
    assert send_one(source, api.url(), file)[0] == 401
    assert len(api.seen) == 1


# --- DPoP ---------------------------------------------------------------------------------------


def proof_of(api: Api, seen: Seen, nonce: str | None = None) -> str:
    """The proof of a request, checked as RFC 9449 section 4.3 asks; its `jti`."""
    return check_proof(
        seen.headers["dpop"],
        method=seen.method,
        url=api.url(seen.path),
        now=time.time(),
        access_token=seen.token,
        nonce=nonce,
    ).jti


@both
def test_a_bound_token_comes_with_a_proof_for_this_very_request(
    send_one: Send, api: Api, bound: TokenSource
) -> None:
    assert send_one(bound, api.url(), b"{}")[0] == 200
    (seen,) = api.seen
    assert seen.headers["authorization"] == "DPoP token-1"
    assert proof_of(api, seen)


@both
def test_a_nonce_that_the_api_wants_is_taken_up_and_kept(
    send_one: Send, api: Api, issuer: Issuer, bound: TokenSource
) -> None:  # RFC 9449 section 9
    def answer(seen: Seen) -> Said:
        if len(api.seen) == 1:
            return Said(401, {"WWW-Authenticate": WANTS_NONCE, "DPoP-Nonce": "n-1"})
        return Said()

    api.answer = answer
    for _ in range(2):
        assert send_one(bound, api.url(), b"{}")[0] == 200
    first, second, third = api.seen
    proofs = {proof_of(api, first), proof_of(api, second, "n-1"), proof_of(api, third, "n-1")}
    assert len(proofs) == 3
    assert issuer.asked == 1


@both
def test_a_nonce_that_another_request_learnt_meanwhile_is_taken_up_too(
    send_one: Send, api: Api, bound: TokenSource
) -> None:
    dpop = bound.dpop
    assert dpop is not None

    def answer(seen: Seen) -> Said:
        if len(api.seen) == 1:
            dpop.learn(api.url(), {"dpop-nonce": "n-1"})
            return Said(401, {"WWW-Authenticate": WANTS_NONCE, "DPoP-Nonce": "n-1"})
        return Said()

    api.answer = answer
    assert send_one(bound, api.url(), b"{}")[0] == 200
    assert proof_of(api, api.seen[1], "n-1")


@both
def test_an_api_that_always_wants_another_nonce_is_asked_twice(
    send_one: Send, api: Api, bound: TokenSource
) -> None:
    api.answer = lambda _: Said(
        401, {"WWW-Authenticate": WANTS_NONCE, "DPoP-Nonce": f"n-{len(api.seen)}"}
    )
    assert send_one(bound, api.url(), b"{}")[0] == 401
    assert len(api.seen) == 2


@both
def test_a_stale_bound_token_is_renewed_with_a_proof_of_its_own(
    send_one: Send, api: Api, bound: TokenSource
) -> None:
    api.takes("token-2", challenge=STALE.replace("Bearer", "DPoP"))
    assert send_one(bound, api.url(), b"{}")[0] == 200
    first, second = api.seen
    assert proof_of(api, first) != proof_of(api, second)


# --- redirects ----------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("status", [302, 307])
@pytest.mark.parametrize("kind", ["source", "bound"])
def test_no_redirect_brings_a_token_or_a_proof_to_another_origin(
    send_one: Send,
    api: Api,
    elsewhere: Api,
    issuer: Issuer,
    status: int,
    kind: str,
    request: pytest.FixtureRequest,
) -> None:
    api.answer = lambda _: Said(status, {"Location": elsewhere.url()})
    elsewhere.answer = lambda _: Said(
        401, {"WWW-Authenticate": f"{BARE}, {WANTS_NONCE}", "DPoP-Nonce": "evil"}
    )
    answer = send_one(request.getfixturevalue(kind), api.url(), b"{}", follow=True)
    assert answer == (401, b"token: none")
    assert api.tokens == ["token-1"]
    (seen,) = elsewhere.seen
    assert "authorization" not in seen.headers
    assert "dpop" not in seen.headers
    assert issuer.asked == 1  # nor can the other origin make us renew


@both
def test_a_second_request_that_is_redirected_takes_no_token_along_either(
    send_one: Send, api: Api, elsewhere: Api, bound: TokenSource
) -> None:
    refusal = Said(401, {"WWW-Authenticate": STALE})
    away = Said(307, {"Location": elsewhere.url()})
    api.answer = lambda seen: away if seen.token == "token-2" else refusal
    send_one(bound, api.url(), b"{}", follow=True)
    (seen,) = elsewhere.seen
    assert not {"authorization", "dpop"} & seen.headers.keys()


@both
def test_a_redirect_is_not_followed_unasked(
    send_one: Send, api: Api, elsewhere: Api, source: TokenSource
) -> None:
    api.answer = lambda _: Said(307, {"Location": elsewhere.url()})
    assert send_one(source, api.url(), b"{}")[0] == 307
    assert not elsewhere.seen


@both
def test_within_the_origin_a_redirect_takes_the_token_along(
    send_one: Send, api: Api, source: TokenSource
) -> None:
    api.answer = lambda seen: Said() if seen.path == "/new" else Said(307, {"Location": "/new"})
    assert send_one(source, api.url(), b"{}", follow=True)[0] == 200
    assert api.tokens == ["token-1"] * 2


def test_within_the_origin_a_redirect_gets_a_proof_for_its_url(
    api: Api, issuer: Issuer, bound: TokenSource
) -> None:
    def answer(seen: Seen) -> Said:
        if seen.path != "/new":
            return Said(307, {"Location": "/new"})
        return Said(200 if "dpop" in seen.headers else 401)

    api.answer = answer
    assert by_requests(bound, api.url(), b"{}", follow=True)[0] == 200
    assert [seen.path for seen in api.seen] == ["/orders?x=1", "/new", "/new"]
    assert proof_of(api, api.seen[0]) != proof_of(api, api.seen[2])
    assert issuer.asked == 1


@both
def test_asking_to_follow_redirects_changes_nothing_where_there_are_none(
    send_one: Send, api: Api, source: TokenSource
) -> None:
    api.takes("token-2")
    assert send_one(source, api.url(), b"{}", follow=True)[0] == 200
