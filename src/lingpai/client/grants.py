"""Token requests as flows: they yield what to send and are sent what came. Open no connection.

One flow, a blocking and an asynchronous driver, and tests that play the issuer with `send`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from lingpai.client.credentials import ClientCredential
from lingpai.client.dpop import DpopKey
from lingpai.client.transport import Reply, Request, RequestFailed
from lingpai.jose import strict_json
from lingpai.verifier.flows import metadata_urls
from lingpai.verifier.urls import check_fetch_url

__all__ = ["Exchange", "Grant", "Refresh", "TokenRefused", "TokenResponse", "request_token"]

T = TypeVar("T")
Flow: TypeAlias = Generator[Request, Reply, T]

ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"  # RFC 8693 section 3
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
DEFAULT_LIFETIME_SECONDS = 60  # where the issuer does not say, which RFC 6749 allows
LONGEST_LIFETIME_SECONDS = 2**31


class TokenRefused(Exception):
    """The issuer answered no. `code` is that of RFC 6749 section 5.2, "" for no such answer.

    `retry_after_seconds` is set where it said when to come back.
    """

    def __init__(
        self, code: str, description: str, status: int, retry_after_seconds: int | None = None
    ) -> None:
        super().__init__(f"{code or 'refused'} (status {status}): {description}")
        self.code = code
        self.status = status
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, slots=True)
class TokenResponse:
    """RFC 6749 section 5.1. `token_type` is Bearer or DPoP."""

    access_token: str = field(repr=False)
    token_type: str
    expires_in_seconds: float
    refresh_token: str | None = field(default=None, repr=False)
    scopes: frozenset[str] | None = None
    id_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Refresh:
    """The refresh token grant (RFC 6749 section 6)."""

    refresh_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Exchange:
    """Token exchange (RFC 8693): on behalf of whom `subject_token` speaks for."""

    subject_token: str = field(repr=False)


Grant: TypeAlias = Refresh | Exchange | None  # None: the client's own credentials, section 4.4


@dataclass(frozen=True, slots=True)
class Wish:
    """What a token is asked for."""

    issuer: str
    client: ClientCredential
    resource: str | None = None
    scopes: tuple[str, ...] = ()
    dpop: DpopKey | None = None


def find_token_endpoint(issuer: str) -> Flow[str]:
    """RFC 8414, then OpenID Connect Discovery. Raises RequestFailed."""
    problems = []
    for url in metadata_urls(issuer):
        reply = yield Request("GET", url, {"Accept": "application/json"})
        try:
            return _read_endpoint(reply, issuer)
        except ValueError as error:
            problems.append(f"{url}: {error}")
    raise RequestFailed("; ".join(problems))


def request_token(
    wish: Wish, grant: Grant, endpoint: str, clock: Callable[[], float]
) -> Flow[TokenResponse]:
    """One grant. A nonce that the issuer asks for is taken up once (RFC 9449 section 8).

    Raises TokenRefused, RequestFailed.
    """
    for is_last in (False, True):
        reply = yield _make_request(wish, grant, endpoint, clock())
        if wish.dpop is not None:
            wish.dpop.learn(endpoint, reply.headers)
        if reply.status == 200:
            return _read_token(reply)
        refused = _read_refusal(reply)
        if is_last or wish.dpop is None or refused.code != "use_dpop_nonce":
            raise refused
    raise AssertionError("the second try returns or raises")


def _make_request(wish: Wish, grant: Grant, endpoint: str, now: float) -> Request:
    form = _parameters(grant) | wish.client.parameters(wish.issuer, now)
    if wish.resource is not None:
        form["resource"] = wish.resource
    if wish.scopes:
        form["scope"] = " ".join(wish.scopes)
    headers = {"Accept": "application/json", **wish.client.headers()}
    if wish.dpop is not None:
        headers["DPoP"] = wish.dpop.prove("POST", endpoint, now=now)
    return Request("POST", endpoint, headers, form)


def _parameters(grant: Grant) -> dict[str, str]:
    match grant:
        case None:
            return {"grant_type": "client_credentials"}
        case Refresh(refresh_token):
            return {"grant_type": "refresh_token", "refresh_token": refresh_token}
        case Exchange(subject_token):
            return {
                "grant_type": EXCHANGE,
                "subject_token": subject_token,
                "subject_token_type": ACCESS_TOKEN_TYPE,
            }


def _read_endpoint(reply: Reply, issuer: str) -> str:
    if reply.status != 200:
        raise ValueError(f"status {reply.status}")
    document = strict_json.decode_object(reply.body)
    if document.get("issuer") != issuer:
        raise ValueError("the document is of another issuer")
    endpoint = document.get("token_endpoint")
    if not isinstance(endpoint, str):
        raise ValueError("the document has no token_endpoint")
    check_fetch_url(endpoint, issuer=issuer)
    return endpoint


def _read_token(reply: Reply) -> TokenResponse:
    try:
        members = strict_json.decode_object(reply.body)
        return TokenResponse(
            access_token=_text(members, "access_token"),
            token_type=_text(members, "token_type"),
            expires_in_seconds=_seconds(members.get("expires_in", DEFAULT_LIFETIME_SECONDS)),
            refresh_token=_optional(members, "refresh_token"),
            scopes=None
            if (scope := _optional(members, "scope")) is None
            else frozenset(scope.split()),
            id_token=_optional(members, "id_token"),
        )
    except ValueError as error:
        raise RequestFailed(f"the token response cannot be read: {error}") from None


def _read_refusal(reply: Reply) -> TokenRefused:
    try:
        members: Mapping[str, object] = strict_json.decode_object(reply.body)
    except ValueError:
        members = {}
    code, description = members.get("error"), members.get("error_description")
    wait = reply.headers.get("retry-after", "")
    return TokenRefused(
        code if isinstance(code, str) else "",
        description if isinstance(description, str) else "no description",
        reply.status,
        int(wait) if wait.isascii() and wait.isdigit() and len(wait) < 10 else None,
    )


def _text(members: Mapping[str, object], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} is not text")
    return value


def _optional(members: Mapping[str, object], name: str) -> str | None:
    return _text(members, name) if members.get(name) is not None else None


def _seconds(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError("expires_in is not a number")
    if not 0 <= value <= LONGEST_LIFETIME_SECONDS:
        raise ValueError("expires_in is not a number of seconds")
    return float(value)
