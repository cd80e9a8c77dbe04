"""Cross-site checks: Fetch Metadata first, then Origin; a cookie needs one of the two."""

from __future__ import annotations

import pytest
from tests.support.samples import ISSUER

from lingpai_server.protocol.errors import ErrorCode
from lingpai_server.protocol.origin_check import (
    check_ambient_request,
    check_same_origin,
    origin_of,
)
from lingpai_server.protocol.requests import Arrival


def _arrival(site: str | None = None, origin: str | None = None) -> Arrival:
    return Arrival(sec_fetch_site=site, origin=origin)


@pytest.mark.parametrize(
    ("issuer", "origin"),
    [
        ("https://id.example", "https://id.example"),
        ("https://ID.Example/", "https://id.example"),
        ("https://id.example:443/path", "https://id.example"),
        ("https://id.example:8443", "https://id.example:8443"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://localhost:80", "http://localhost"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_the_origin_of_an_issuer_is_what_a_browser_sends(issuer: str, origin: str) -> None:
    assert origin_of(issuer) == origin  # RFC 6454 section 6.2


@pytest.mark.parametrize("issuer", ["", "id.example", "urn:x", "https://", "ftp://id.example"])
def test_what_has_no_web_origin_is_no_issuer(issuer: str) -> None:
    with pytest.raises(ValueError):
        origin_of(issuer)


@pytest.mark.parametrize(
    "arrival",
    [
        _arrival("same-origin"),
        _arrival("none"),
        _arrival("same-origin", ISSUER),
        _arrival(None, ISSUER),
    ],
)
def test_a_request_of_our_own_page_passes(arrival: Arrival) -> None:
    assert check_same_origin(arrival, ISSUER) is None
    assert check_ambient_request(arrival, ISSUER) is None


@pytest.mark.parametrize(
    "site", ["cross-site", "same-site", "", "Same-Origin", "same-origin, cross-site"]
)
def test_any_other_fetch_site_is_refused_even_with_our_origin(site: str) -> None:
    for check in (check_same_origin, check_ambient_request):
        refusal = check(_arrival(site, ISSUER), ISSUER)
        assert refusal is not None
        assert (refusal.code, refusal.reason) == (ErrorCode.ACCESS_DENIED, "cross_site_fetch")


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "",
        "http://id.example",
        "https://id.example:8443",
        "https://id.example.evil.example",
        "https://id.example/",
        "https://sub.id.example",
    ],
)
@pytest.mark.parametrize("site", [None, "same-origin", "none"])
def test_a_foreign_origin_is_refused(site: str | None, origin: str) -> None:
    for check in (check_same_origin, check_ambient_request):
        refusal = check(_arrival(site, origin), ISSUER)
        assert refusal is not None
        assert (refusal.code, refusal.reason) == (ErrorCode.ACCESS_DENIED, "foreign_origin")


def test_a_request_with_credentials_of_its_own_needs_neither_header() -> None:
    assert check_same_origin(_arrival(), ISSUER) is None


def test_a_request_by_cookie_needs_one_of_the_headers() -> None:
    refusal = check_ambient_request(_arrival(), ISSUER)
    assert refusal is not None
    assert (refusal.code, refusal.reason) == (ErrorCode.ACCESS_DENIED, "no_proof_of_origin")
