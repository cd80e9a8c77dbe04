"""Whatever is sent: the right status, the right code, never a 500, and nothing written."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.house import BACKEND_SECRET, FORM, JSON, PASSWORD, Headers, House, Reply, basic

LOGIN = b'{"username":"mei","password":"' + PASSWORD.encode() + b'","client_id":"app"}'
REFRESH = b"grant_type=refresh_token&client_id=app&refresh_token=x"
REVOKE = b"client_id=app&token=x"
LOGOUT = b"refresh_token=x"

POSTS = ("/login", "/token", "/revoke", "/logout")
GETS = (
    "/jwks",
    "/healthz",
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
)
BODIES = {"/login": LOGIN, "/token": REFRESH, "/revoke": REVOKE, "/logout": LOGOUT}
TYPES = {"/login": JSON, "/token": FORM, "/revoke": FORM, "/logout": FORM}


@pytest.fixture(autouse=True)
def _nothing_is_written(house: House) -> Iterator[None]:
    before = house.version()
    yield
    assert house.version() == before


def refused(reply: Reply, status: int, code: str = "invalid_request") -> Reply:
    assert reply.status == status, reply.body
    assert reply.error == code
    assert reply.header("cache-control") == "no-store"
    assert reply.header("content-type") == "application/json"
    return reply


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE", "BREW"])
def test_wrong_method_on_a_post_endpoint(house: House, path: str, method: str) -> None:
    reply = house.ask(method, path, (TYPES[path],), BODIES[path])
    assert reply.status == 405
    assert "POST" in str(reply.header("allow"))
    assert "GET" not in str(reply.header("allow"))


@pytest.mark.parametrize("path", GETS)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_wrong_method_on_a_get_endpoint(house: House, path: str, method: str) -> None:
    reply = refused(house.ask(method, path), 405, "method_not_allowed")
    assert {"GET", "HEAD"} <= set(str(reply.header("allow")).split(", "))


@pytest.mark.parametrize("path", ["/", "/x", "/token/x", "/login/..", "/.well-known", "/jwks.json"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_unknown_path(house: House, path: str, method: str) -> None:
    refused(house.ask(method, path), 404, "not_found")


@pytest.mark.parametrize("path", ["//token", "/token/", "/%74oken", "/x/../token", "/TOKEN"])
def test_path_has_one_spelling(house: House, path: str) -> None:
    """A filter in front of us would not know the others."""
    refused(house.ask("POST", path, (FORM,), REFRESH), 404, "not_found")


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/json, application/x-www-form-urlencoded",
        "application/xml",
        "*/*",
        ";",
        "application/json; charset=utf-16",
        "application/x-www-form-urlencoded; charset=latin-1",
        "application/x-www-form-urlencoded; boundary=x",
    ],
)
def test_wrong_content_type(house: House, path: str, content_type: str) -> None:
    refused(house.ask("POST", path, (("content-type", content_type),), BODIES[path]), 415)


@pytest.mark.parametrize("path", POSTS)
def test_body_without_content_type(house: House, path: str) -> None:
    refused(house.ask("POST", path, (), BODIES[path]), 415)


def test_login_takes_no_form(house: House) -> None:  # a form needs no consent of the browser
    refused(house.ask("POST", "/login", (FORM,), LOGIN), 415)


def test_token_takes_no_json(house: House) -> None:
    refused(house.ask("POST", "/token", (JSON,), b"{}"), 415)


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "gzip, identity"])
def test_compressed_body(house: House, path: str, coding: str) -> None:
    headers = (TYPES[path], ("content-encoding", coding))
    refused(house.ask("POST", path, headers, BODIES[path]), 415)


@pytest.mark.parametrize("path", POSTS)
def test_body_announced_too_long_is_not_read(house: House, path: str) -> None:
    headers = (TYPES[path], ("content-length", "65537"))
    refused(house.ask("POST", path, headers, []), 413)


@pytest.mark.parametrize("path", POSTS)
def test_body_that_grows_too_long(house: House, path: str) -> None:
    chunks = [BODIES[path], *[b"&" * 8192] * 9]
    refused(house.ask("POST", path, (TYPES[path],), chunks), 413)


@pytest.mark.parametrize("path", POSTS)
def test_body_that_grows_longer_than_announced(house: House, path: str) -> None:
    headers = (TYPES[path], ("content-length", "10"))
    refused(house.ask("POST", path, headers, [b"&" * 70000]), 413)


@pytest.mark.parametrize("path", POSTS)
def test_client_that_goes_away_in_the_middle(house: House, path: str) -> None:
    reply = house.ask("POST", path, (TYPES[path],), [])
    assert reply.status == 400


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/token", REFRESH + b"&grant_type=refresh_token"),
        ("/token", REFRESH + b"&client_id=app"),
        ("/token", REFRESH + b"&refresh_token="),
        ("/token", REFRESH + b"&x=1&x=1"),
        ("/revoke", REVOKE + b"&token=y"),
        ("/logout", LOGOUT + b"&refresh_token=x"),
        ("/token", REFRESH + b"&grant%5Ftype=refresh_token"),
    ],
)
def test_repeated_parameter(house: House, path: str, body: bytes) -> None:
    refused(house.ask("POST", path, (FORM,), body), 400)  # RFC 6749 section 3.2


def test_repeated_resource(house: House) -> None:  # RFC 8707 section 2
    body = b"grant_type=client_credentials&client_id=app&resource=a:b&resource=c:d"
    refused(house.ask("POST", "/token", (FORM,), body), 400, "invalid_target")


@pytest.mark.parametrize("path", ["/token", "/revoke", "/logout"])
@pytest.mark.parametrize("body", [b"a=%ff", b"a=%", b"a=%zz", b"%00=a", b"a=\xff\xfe", b"a=%c3%28"])
def test_form_that_is_not_utf8(house: House, path: str, body: bytes) -> None:
    refused(house.ask("POST", path, (FORM,), body), 400)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"1",
        b"{}",
        b"\xef\xbb\xbf" + LOGIN,
        LOGIN + b"x",
        LOGIN[:-1] + b',"username":"eve"}',
        LOGIN[:-1] + b',"x":NaN}',
        LOGIN[:-1] + b',"x":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"username":"\\ud800","password":"x","client_id":"app"}',
        b'{"username":"\xff","password":"x","client_id":"app"}',
        b'{"username":["mei"],"password":"x","client_id":"app"}',
        b'{"username":"mei","password":1,"client_id":"app"}',
        b'{"username":"mei","password":"x","client_id":{}}',
        b'{"username":"mei","password":"x","client_id":"app","cookie":"true"}',
        b'{"username":"mei","password":"x","client_id":"app","scope":["a"]}',
        b'{"username":"","password":"x","client_id":"app"}',
        b'{"username":"mei","client_id":"app"}',
        b'{"username":"mei","password":"x"}',
        b'{"username":"a\\u0000b","password":"x","client_id":"app"}',
        b'{"username":"' + b"a" * 600 + b'","password":"x","client_id":"app"}',
    ],
)
def test_broken_json(house: House, body: bytes) -> None:
    refused(house.ask("POST", "/login", (JSON,), body), 400)


@pytest.mark.parametrize("grant_type", ["password", "implicit", "x", "令牌"])
def test_unknown_grant(house: House, grant_type: str) -> None:
    reply = house.post_form("/token", grant_type=grant_type, client_id="app")
    refused(reply, 400, "unsupported_grant_type")


def test_missing_grant(house: House) -> None:
    refused(house.post_form("/token", client_id="app"), 400)


def test_wrong_secret_in_the_form(house: House) -> None:
    reply = house.post_form(
        "/token", grant_type="client_credentials", client_id="backend", client_secret="x"
    )
    refused(reply, 401, "invalid_client")


@pytest.mark.parametrize(
    "authorization",
    [
        basic("backend", "x"),
        basic("nobody", BACKEND_SECRET),
        ("authorization", "Basic"),
        ("authorization", "Basic !!!"),
        ("authorization", "Bearer x"),
        ("authorization", "Basic \xff\xfe"),
        ("authorization", ""),
    ],
)
def test_wrong_basic_is_challenged(house: House, authorization: tuple[str, str]) -> None:
    """RFC 6749 section 5.2."""
    reply = house.post_form("/token", (authorization,), grant_type="client_credentials")
    refused(reply, 401, "invalid_client")
    assert str(reply.header("www-authenticate")).startswith("Basic ")


def test_two_ways_to_authenticate(house: House) -> None:  # RFC 6749 section 2.3
    reply = house.post_form(
        "/token",
        (basic("backend", BACKEND_SECRET),),
        grant_type="client_credentials",
        client_secret=BACKEND_SECRET,
    )
    refused(reply, 400)


def test_secret_in_the_query_does_not_count(house: House) -> None:  # RFC 6749 section 2.3.1
    query = f"?grant_type=client_credentials&client_id=backend&client_secret={BACKEND_SECRET}"
    reply = house.ask("POST", "/token" + query.replace(" ", "%20"), (FORM,), b"x=1")
    refused(reply, 400)


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    "headers",
    [
        (basic("backend", BACKEND_SECRET), basic("backend", "x")),
        (("origin", "https://id.example"), ("origin", "https://evil.example")),
        (("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")),
        (("cookie", "__Host-lingpai-refresh=a; __Host-lingpai-refresh=b"),),
        (("cookie", "__Host-lingpai-refresh=a"), ("cookie", "__Host-lingpai-refresh=a")),
    ],
    ids=["authorization", "origin", "sec-fetch-site", "cookie twice", "two cookie headers"],
)
def test_header_with_two_readings(house: House, path: str, headers: Headers) -> None:
    refused(house.ask("POST", path, (TYPES[path], *headers), BODIES[path]), 400)


@pytest.mark.parametrize("path", POSTS)
def test_two_content_types(house: House, path: str) -> None:
    headers = (TYPES[path], TYPES[path])
    refused(house.ask("POST", path, headers, BODIES[path]), 400)


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "lp_rt_",
        "lp_rt_1.AAAAAAAAAAAAAAAAAAAAAA.0." + "A" * 43,
        "lp_rt_99.AAAAAAAAAAAAAAAAAAAAAA.0." + "A" * 43,
        "a.b.c",
        "令牌",
        "x" * 60000,
    ],
)
def test_token_that_is_none_of_ours(house: House, token: str) -> None:
    refused(house.refresh(token), 400, "invalid_grant")
    assert house.post_form("/revoke", client_id="app", token=token).status == 200
    assert house.post_form("/logout", refresh_token=token).status == 204


@pytest.mark.parametrize("scope", ["orders:read orders:nothing", "a  b", 'a"b', "a\\b", "é"])
def test_scope_that_cannot_be_had(house: House, scope: str) -> None:
    refused(house.login(scope=scope), 400, "invalid_scope")


@pytest.mark.parametrize("resource", ["https://nobody.example", "orders", "https://a.example#x"])
def test_resource_that_cannot_be_had(house: House, resource: str) -> None:
    refused(house.login(resource=resource), 400, "invalid_target")


def test_client_that_may_take_no_passwords(house: House) -> None:
    refused(house.login(client_id="third"), 400, "unauthorized_client")


@pytest.mark.parametrize("client_id", ["nobody", "a\x00b", "x" * 5000])
def test_unknown_client(house: House, client_id: str) -> None:
    refused(house.login(client_id=client_id), 401, "invalid_client")


@pytest.mark.parametrize(
    "headers",
    [
        (("origin", "https://evil.example"),),
        (("origin", "null"),),
        (("origin", "https://id.example.evil.example"),),
        (("origin", "http://id.example"),),
        (("sec-fetch-site", "cross-site"),),
        (("sec-fetch-site", "same-site"),),
        (("sec-fetch-site", "SAME-ORIGIN"),),
        (("sec-fetch-site", "same-origin"), ("origin", "https://evil.example")),
    ],
)
def test_foreign_page_logs_nobody_in(house: House, headers: Headers) -> None:
    refused(house.login(headers=headers), 403, "access_denied")


def test_cookie_without_proof_of_origin(house: House) -> None:
    cookie = ("cookie", "__Host-lingpai-refresh=x")
    reply = house.post_form("/token", (cookie,), grant_type="refresh_token", client_id="app")
    refused(reply, 403, "access_denied")
    refused(house.ask("POST", "/logout", (cookie,)), 403, "access_denied")
