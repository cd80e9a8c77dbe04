"""Whatever a stranger sends to be registered is registered or refused, and never a fault."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from hypothesis import given
from hypothesis import strategies as st
from tests.support.stores import a_client
from tests.unit.protocol.test_client_metadata import EVERYTHING, OFFER

from lingpai_server.app.outgoing import FetchRefused, OutgoingPolicy, check_url
from lingpai_server.core.client_settings import ClientSettings, SecurityProfile
from lingpai_server.protocol.client_metadata import read_settings, show_settings
from lingpai_server.protocol.errors import Refusal
from lingpai_server.protocol.grants import AUTHORIZATION_CODE, REFRESH_TOKEN
from lingpai_server.protocol.metadata_document import parse_document, parse_document_url
from lingpai_server.protocol.registered_uris import why_not_redirect
from lingpai_server.protocol.registration_request import (
    ALL_METHODS,
    Choices,
    Registration,
    parse_registration,
)

CHOICES = Choices(
    tuple(SecurityProfile), (AUTHORIZATION_CODE, REFRESH_TOKEN), ALL_METHODS, ("RS256",)
)
URL_PARTS = (
    *("https:", "http:", "//", "/", "\\", "@", ":", "443", "[", "::1", "]", "%2e", "..", "?", "#"),
    *("127.0.0.1", "localhost", "app.example", "com.example.app:", "javascript:", "ä", " ", "\t"),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
URLS = st.lists(st.sampled_from(URL_PARTS) | st.text(max_size=3), max_size=10).map("".join)
NAMES = (*EVERYTHING, "client_name", "scope", "grant_types", "response_types", "lingpai_profile")


@st.composite
def metadata(draw: st.DrawFn) -> dict[str, Any]:
    """Good values for some names, anything for others."""
    members: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=8)):
        good = st.just(EVERYTHING[name]) if name in EVERYTHING else st.nothing()
        members[name] = draw(good | JSON | URLS | st.lists(URLS, max_size=2))
    return members


@given(metadata())
def test_metadata_is_read_or_refused_and_comes_back_as_it_was_read(members: dict[str, Any]) -> None:
    settings = read_settings(members, ClientSettings(), OFFER)
    if isinstance(settings, Refusal):
        return
    shown = json.loads(json.dumps(show_settings(a_client(settings=settings))))
    assert read_settings(shown, ClientSettings(), OFFER) == settings


@given(metadata())
def test_registration_is_accepted_or_refused(members: dict[str, Any]) -> None:
    registration = parse_registration(members, ClientSettings(), CHOICES)
    assert isinstance(registration, Registration | Refusal)


@given(st.binary(max_size=64) | metadata().map(lambda members: json.dumps(members).encode()))
def test_document_is_accepted_or_refused(body: bytes) -> None:
    read = parse_document(body, "https://app.example/x", CHOICES)
    assert isinstance(read, Registration | Refusal)


@given(URLS)
def test_identifier_has_one_reading(text: str) -> None:
    url = parse_document_url(text)
    if url is not None:
        assert text.startswith(f"https://{url.authority}/")
        assert url.target == text.removeprefix(f"https://{url.authority}")


@given(URLS)
def test_redirect_that_is_accepted_has_no_fragment_and_no_scheme_that_runs(text: str) -> None:
    if why_not_redirect(text, None) is None:
        parts = urlsplit(text)
        assert parts.scheme in {"https", "http"} or "." in parts.scheme
        assert "#" not in text


@given(URLS)
def test_url_to_fetch_is_https_or_refused(text: str) -> None:
    try:
        url = check_url(text, OutgoingPolicy())
    except FetchRefused:
        return
    assert (url.scheme, url.fragment) == ("https", None)
    assert "@" not in url.authority
