"""How an issuer's metadata and keys are fetched, as generators. Opens no connection itself.

A flow yields a `Get` and is sent a `Response`; `drive` feeds it from any function that can fetch.
So the rules are here once, and a test can play the issuer with `send`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlsplit

from lingpai.errors import quote
from lingpai.jose import strict_json
from lingpai.verifier.urls import check_fetch_url

__all__ = [
    "FetchFailed",
    "Flow",
    "Get",
    "JwksAnswer",
    "Metadata",
    "Response",
    "discover",
    "drive",
    "fetch_jwks",
    "metadata_urls",
    "parse_max_age",
]

T = TypeVar("T")

MAX_BODY_BYTES = 1024 * 1024


class FetchFailed(Exception):
    """The issuer could not be asked, or gave no usable answer. It says nothing of any token."""


@dataclass(frozen=True, slots=True)
class Get:
    """One request to make: no redirect followed, no cookie sent, no more than `max_bytes` read."""

    url: str
    accept: str = "application/json"
    etag: str | None = None
    max_bytes: int = MAX_BODY_BYTES


@dataclass(frozen=True, slots=True)
class Response:
    """One answer. Header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


Flow = Generator[Get, Response, T]


@dataclass(frozen=True, slots=True)
class Metadata:
    """What discovery tells that a verifier needs (RFC 8414 section 2)."""

    issuer: str
    jwks_uri: str
    status_stream_uri: str | None = None


@dataclass(frozen=True, slots=True)
class JwksAnswer:
    """A key set as it came. `body` is None when the issuer said that nothing changed (304)."""

    body: bytes | None
    etag: str | None
    max_age_seconds: int | None


def drive(flow: Flow[T], get: Callable[[Get], Response]) -> T:
    """Run a flow to its end with a blocking `get`. Raises FetchFailed."""
    try:
        request = next(flow)
        while True:
            try:
                response = get(request)
            except FetchFailed as error:
                request = flow.throw(error)
            else:
                request = flow.send(response)
    except StopIteration as stop:
        result: T = stop.value
        return result


def metadata_urls(issuer: str) -> tuple[str, str]:
    """Where an issuer publishes its metadata: RFC 8414 section 3.1, then OpenID Connect Discovery.

    The first inserts the well-known part between host and path, the second appends it.
    """
    parts = urlsplit(issuer)
    origin, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
    return (
        f"{origin}/.well-known/oauth-authorization-server{path}",
        f"{origin}{path}/.well-known/openid-configuration",
    )


def discover(issuer: str, metadata_url: str | None = None) -> Flow[Metadata]:
    """Find where the keys of `issuer` are, at `metadata_url` if given. Raises FetchFailed.

    A document counts only if its `issuer` is this very text (RFC 8414 section 3.3); one that does
    not count is passed over for the next place, for some servers answer any path with a page.
    """
    problems = []
    for url in metadata_urls(issuer) if metadata_url is None else (metadata_url,):
        response = yield Get(url)
        try:
            return _read_metadata(response, issuer)
        except ValueError as error:
            problems.append(f"{url}: {error}")
    raise FetchFailed("; ".join(problems))


def fetch_jwks(metadata: Metadata, etag: str | None = None) -> Flow[JwksAnswer]:
    """Fetch the key set (RFC 7517 section 5); the keys themselves are not read here.

    Raises FetchFailed for any status but 200, and 304 where an ETag was sent.
    """
    accept = "application/jwk-set+json, application/json"
    response = yield Get(metadata.jwks_uri, accept=accept, etag=etag)
    max_age = parse_max_age(response.headers)
    if response.status == 304 and etag is not None:
        return JwksAnswer(None, etag, max_age)
    if response.status != 200:
        raise FetchFailed(f"{metadata.jwks_uri}: status {response.status}")
    return JwksAnswer(response.body, response.headers.get("etag"), max_age)


def parse_max_age(headers: Mapping[str, str]) -> int | None:
    """For how many seconds more the answer is fresh (RFC 9111 section 4.2), or None if not said.

    `no-store` and `no-cache` count as 0. An `Age` that a cache on the way added is taken off.
    """
    directives = dict(_directives(headers.get("cache-control", "")))
    if "no-store" in directives or "no-cache" in directives:
        return 0
    max_age = _parse_seconds(directives.get("max-age", ""))
    if max_age is None:
        return None
    return max(0, max_age - (_parse_seconds(headers.get("age", "")) or 0))


def _directives(value: str) -> Generator[tuple[str, str], None, None]:
    for part in value.split(","):
        name, _, argument = part.partition("=")
        yield name.strip().lower(), argument.strip().strip('"')


def _parse_seconds(text: str) -> int | None:
    """Digits only, and not more than a clock needs: 2**31 seconds are 68 years."""
    if not (text.isascii() and text.isdigit()):
        return None
    return int(text[:11])


def _read_metadata(response: Response, issuer: str) -> Metadata:
    if response.status != 200:
        raise ValueError(f"status {response.status}")
    document = strict_json.decode_object(response.body)
    if document.get("issuer") != issuer:
        raise ValueError(f"the document is of issuer {quote(document.get('issuer'))}")
    jwks_uri = document.get("jwks_uri")
    if type(jwks_uri) is not str:
        raise ValueError("the document has no jwks_uri")
    check_fetch_url(jwks_uri, issuer=issuer)
    return Metadata(issuer, jwks_uri, _read_stream_uri(document, issuer))


def _read_stream_uri(document: Mapping[str, object], issuer: str) -> str | None:
    """Where statuses are streamed, for an issuer that does; a broken place counts as none."""
    uri = document.get("status_list_stream_endpoint")
    if type(uri) is not str:
        return None
    try:
        check_fetch_url(uri, issuer=issuer)
    except ValueError:
        return None
    return uri
