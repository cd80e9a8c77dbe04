"""Which URIs a client may register: for browsers, for people, for the server to call."""

from __future__ import annotations

import pytest

from lingpai_server.protocol.registered_uris import (
    NATIVE,
    WEB,
    why_not_called,
    why_not_page,
    why_not_redirect,
)


@pytest.mark.parametrize("kind", [None, WEB, NATIVE])
@pytest.mark.parametrize(
    "uri",
    [
        "https://app.example/cb",
        "https://app.example:8443/cb?fixed=1",
        "http://127.0.0.1/cb",
        "http://127.0.0.1:49152/cb",
        "http://[::1]:49152/cb",
        "http://localhost:3000/cb",
    ],
)
def test_https_and_loopback_are_for_every_client(uri: str, kind: str | None) -> None:
    assert why_not_redirect(uri, kind) is None  # RFC 8252 section 7.3 for loopback


def test_private_scheme_is_for_native_applications() -> None:  # RFC 8252 section 7.1
    assert why_not_redirect("com.example.app:/cb", NATIVE) is None
    assert why_not_redirect("com.example.app:/cb", None) is None
    assert why_not_redirect("com.example.app:/cb", WEB) is not None


def test_refusal_says_what_would_do_instead() -> None:
    assert "com.example.app:/callback" in (why_not_redirect("myapp:/cb", NATIVE) or "")
    assert "web application" in (why_not_redirect("com.example.app:/cb", WEB) or "")


@pytest.mark.parametrize("kind", [None, NATIVE])
@pytest.mark.parametrize(
    "uri",
    [
        "http://app.example/cb",
        "https://app.example/cb#part",  # RFC 6749 section 3.1.2
        "https://app.example/cb#",
        "https://user@app.example/cb",
        "https://*.example/cb",
        "https:///cb",
        "/cb",
        "app.example/cb",
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "urn:ietf:wg:oauth:2.0:oob",
        "myapp:/cb",
        "com..example:/cb",
        ".example:/cb",
        "com.example.app:",
        "com.example.app:/cb#part",
        "com.example.app:/a b",
        "Com.Example.App:/cb",
        "https://app.example/\u00fc",
        "",
    ],
)
def test_what_is_no_redirect(uri: str, kind: str | None) -> None:
    assert why_not_redirect(uri, kind) is not None


def test_pages_are_on_https() -> None:
    assert why_not_page("https://app.example/#about") is None
    assert why_not_page("http://app.example/") is not None
    assert why_not_page("javascript:alert(1)") is not None


def test_what_the_server_calls_is_on_https_or_on_its_own_machine() -> None:
    assert why_not_called("https://app.example/jwks", loopback=False) is None
    assert why_not_called("https://app.example/jwks#x", loopback=False) is not None
    assert why_not_called("http://127.0.0.1:9000/jwks", loopback=True) is None
    assert why_not_called("http://127.0.0.1:9000/jwks", loopback=False) is not None
    assert why_not_called("http://app.example/jwks", loopback=True) is not None
