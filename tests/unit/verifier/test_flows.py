"""Discovery and the fetching of keys, played with `send`: no network, no clock."""

from __future__ import annotations

from typing import Any, TypeVar

import pytest

from lingpai.jose import strict_json
from lingpai.verifier.flows import (
    FetchFailed,
    Flow,
    Get,
    JwksAnswer,
    Metadata,
    Response,
    discover,
    drive,
    fetch_jwks,
    metadata_urls,
    parse_max_age,
)

T = TypeVar("T")

ISSUER = "https://id.example/tenant"
JWKS_URI = "https://id.example/tenant/jwks"
METADATA = Metadata(ISSUER, JWKS_URI)


def document(**changes: Any) -> Response:
    members = {"issuer": ISSUER, "jwks_uri": JWKS_URI, **changes}
    kept = {name: value for name, value in members.items() if value is not None}
    return Response(200, {}, strict_json.encode(kept))


def play(flow: Flow[T], *answers: Response) -> tuple[T, list[Get]]:
    """Run a flow with these answers; its result and what it asked for."""
    asked: list[Get] = []
    waiting = iter(answers)

    def get(request: Get) -> Response:
        asked.append(request)
        return next(waiting)

    return drive(flow, get), asked


def test_the_well_known_part_stands_between_host_and_path() -> None:  # RFC 8414 section 3.1
    assert metadata_urls(ISSUER)[0] == (
        "https://id.example/.well-known/oauth-authorization-server/tenant"
    )


def test_openid_connect_appends_the_well_known_part() -> None:  # Discovery 1.0 section 4
    assert metadata_urls(ISSUER)[1] == "https://id.example/tenant/.well-known/openid-configuration"


def test_a_slash_at_the_issuers_end_is_not_doubled() -> None:  # RFC 8414 section 3.1
    assert metadata_urls("https://id.example/") == (
        "https://id.example/.well-known/oauth-authorization-server",
        "https://id.example/.well-known/openid-configuration",
    )


def test_discovery_asks_once_where_the_first_place_answers() -> None:
    found, asked = play(discover(ISSUER), document())
    assert found == METADATA
    assert [get.url for get in asked] == [metadata_urls(ISSUER)[0]]


@pytest.mark.parametrize(
    "first",
    [
        Response(404),
        Response(500),
        Response(302, {"location": "https://evil.example"}),
        Response(200, {}, b"<html>a page for any path</html>"),
        Response(200, {}, b'{"issuer":"https://other.example"}'),
    ],
)
def test_a_document_that_does_not_count_is_passed_over(first: Response) -> None:
    found, asked = play(discover(ISSUER), first, document())
    assert found == METADATA
    assert [get.url for get in asked] == list(metadata_urls(ISSUER))


@pytest.mark.parametrize(
    "other", [ISSUER + "/", ISSUER.upper(), "https://id.example", None, [ISSUER]]
)
def test_the_documents_issuer_is_this_very_text(other: object) -> None:  # RFC 8414 section 3.3
    with pytest.raises(FetchFailed, match="of issuer"):
        play(discover(ISSUER), document(issuer=other), document(issuer=other))


@pytest.mark.parametrize(
    "jwks_uri", [None, 1, "", "http://127.0.0.1/jwks", "ftp://id.example/jwks", "//id.example"]
)
def test_the_keys_are_at_an_https_url(jwks_uri: object) -> None:
    with pytest.raises(FetchFailed):
        play(discover(ISSUER), document(jwks_uri=jwks_uri), document(jwks_uri=jwks_uri))


def test_a_document_with_a_name_twice_does_not_count() -> None:
    twice = Response(200, {}, b'{"issuer":"x",' + document().body[1:])
    with pytest.raises(FetchFailed):
        play(discover(ISSUER), twice, twice)


def test_an_issuer_that_cannot_be_reached_is_not_asked_at_another_place() -> None:
    asked = []

    def get(request: Get) -> Response:
        asked.append(request.url)
        raise FetchFailed("nobody is there")

    with pytest.raises(FetchFailed, match="nobody"):
        drive(discover(ISSUER), get)
    assert len(asked) == 1


def test_the_key_set_comes_as_it_is_with_its_etag_and_age() -> None:
    headers = {"etag": '"v1"', "cache-control": "public, max-age=600"}
    answer, asked = play(fetch_jwks(METADATA), Response(200, headers, b"{}"))
    assert answer == JwksAnswer(b"{}", '"v1"', 600)
    assert (asked[0].url, asked[0].etag) == (JWKS_URI, None)


def test_an_etag_is_sent_back_and_304_means_unchanged() -> None:  # RFC 9110 section 13.1.2
    answer, asked = play(
        fetch_jwks(METADATA, '"v1"'), Response(304, {"cache-control": "max-age=9"})
    )
    assert answer == JwksAnswer(None, '"v1"', 9)
    assert asked[0].etag == '"v1"'


@pytest.mark.parametrize("status", [204, 206, 301, 304, 400, 404, 500, 503])
def test_any_other_status_is_a_failure(status: int) -> None:  # 304 too: no ETag was sent
    with pytest.raises(FetchFailed, match=str(status)):
        play(fetch_jwks(METADATA), Response(status, {}, b'{"keys":[]}'))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"cache-control": "public"}, None),
        ({"cache-control": "max-age=60"}, 60),
        ({"cache-control": 'Public, Max-Age="60"'}, 60),
        ({"cache-control": "max-age=60", "age": "20"}, 40),
        ({"cache-control": "max-age=60", "age": "90"}, 0),
        ({"cache-control": "max-age=60", "age": "-90"}, 60),
        ({"cache-control": "no-store, max-age=60"}, 0),
        ({"cache-control": "no-cache"}, 0),
        ({"cache-control": "max-age=-1"}, None),
        ({"cache-control": "max-age=1e9"}, None),
        ({"cache-control": "max-age=٣"}, None),
        ({"cache-control": "max-age=" + "9" * 5000}, 99_999_999_999),
    ],
)
def test_freshness_is_read_as_rfc_9111_writes_it(
    headers: dict[str, str], seconds: int | None
) -> None:
    assert parse_max_age(headers) == seconds
