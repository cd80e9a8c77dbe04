"""Random input: whatever comes, the answer is no fault of ours and no token."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.house import FORM, JSON, House

PATHS = st.sampled_from(
    (
        *("/login", "/token", "/revoke", "/logout", "/jwks", "/healthz", "/.well-known/x", "/"),
        *("/userinfo", "/userinfo?access_token=x", "/introspect", "/device_authorization"),
    )
)
METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
NAMES = st.sampled_from(
    (
        "authorization",
        "cookie",
        "origin",
        "sec-fetch-site",
        "content-type",
        "content-length",
        "content-encoding",
        "x-forwarded-for",
        "if-none-match",
        "accept",
        "dpop",
        "access-control-request-method",
    )
)
LATIN = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=40)
TOKENS = ("Bearer x", "DPoP a.b.c", "Bearer lp_at_a.b.c.d.e", "Bearer", "e30.e30.e30")
VALUES = LATIN | st.sampled_from(
    ("Basic Og==", "Basic YTpi", "0", "-1", "__Host-lingpai-refresh=", *TOKENS)
)
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=6)
PARAMETERS = ("grant_type", "client_id", "scope", "resource", "token", "username", "password")
SIGNS = ("=", "&", "%", "+", '"', "{", "}", ":", ",")
WORDS = st.sampled_from(
    (*PARAMETERS, *SIGNS, "refresh_token", "client_credentials", "access_token", "app")
)
BODIES = st.binary(max_size=200) | st.lists(WORDS, max_size=20).map(lambda w: "".join(w).encode())
KINDS = st.sampled_from([(), (JSON,), (FORM,)])


@pytest.fixture(scope="module")
def shared() -> Iterator[House]:
    made = House()
    yield made
    made.close()


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    method=METHODS,
    path=PATHS,
    kind=KINDS,
    headers=HEADERS,
    bodies=st.lists(BODIES, min_size=1, max_size=3),
)
def test_no_input_is_a_fault_or_a_token(
    shared: House,
    method: str,
    path: str,
    kind: tuple[tuple[str, str], ...],
    headers: list[tuple[str, str]],
    bodies: list[bytes],
) -> None:
    reply = shared.ask(method, path, (*kind, *headers), bodies)
    assert reply.status < 500, reply.body
    assert b"access_token" not in reply.body
    if reply.status >= 400 and method != "HEAD":
        assert reply.error
