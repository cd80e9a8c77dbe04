"""The public keys of clients: kept, asked for anew, and used a while longer when they are away."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from tests.support.assertions import jwks
from tests.support.stores import a_client
from tests.support.tokens import private_key

from lingpai.jose.key_set import KeySet
from lingpai_server.app.client_keys import (
    COOL_DOWN_SECONDS,
    DEFAULT_SECONDS,
    LONGEST_SECONDS,
    MAX_KNOWN,
    SHORTEST_SECONDS,
    STALE_SECONDS,
    LiveClientKeys,
)
from lingpai_server.app.fetching import Fetched
from lingpai_server.app.outgoing import FetchFailed
from lingpai_server.core.client_settings import ClientSettings
from lingpai_server.core.records import Client

URI = "https://client.example/jwks"
FIRST, SECOND = jwks(private_key("ES256")), jwks(private_key("ES384"))


@dataclass
class Publisher:
    """Answers every address alike, and counts how often it is asked. No answer: a failure."""

    text: str | None = FIRST
    status: int = 200
    max_age_seconds: int | None = None
    asked: list[str] = field(default_factory=list)

    async def get(self, url: str, *, accept: str, max_bytes: int) -> Fetched:
        """The current answer."""
        del accept, max_bytes
        self.asked.append(url)
        await asyncio.sleep(0)  # as any network does
        if self.text is None:
            raise FetchFailed("away")
        return Fetched(self.status, "application/json", self.text.encode(), self.max_age_seconds)


@dataclass
class Desk:
    """A publisher, and what keeps its keys by a clock of the test's."""

    publisher: Publisher = field(default_factory=Publisher)
    now: float = 1000.0

    def __post_init__(self) -> None:
        self.keys = LiveClientKeys(self.publisher, lambda: self.now)

    def algorithms(self, *, fresh: bool = False, client: Client | None = None) -> list[str] | None:
        found = asyncio.run(self.keys.keys_of(client or publishing(), fresh=fresh))
        return None if found is None else [key.alg for key in found]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def publishing(uri: str = URI) -> Client:
    return a_client(settings=ClientSettings(jwks_uri=uri))


def test_keys_by_value_are_never_fetched(desk: Desk) -> None:
    client = a_client(settings=ClientSettings(jwks=FIRST, jwks_uri=URI))
    assert desk.algorithms(client=client, fresh=True) == ["ES256"]
    assert desk.publisher.asked == []


def test_keys_by_value_are_read_once(desk: Desk) -> None:
    client = a_client(settings=ClientSettings(jwks=FIRST))

    async def twice() -> tuple[KeySet | None, KeySet | None]:
        return await desk.keys.keys_of(client), await desk.keys.keys_of(client)

    first, second = asyncio.run(twice())
    assert first is second


def test_a_client_without_keys_has_none(desk: Desk) -> None:
    assert desk.algorithms(client=a_client()) is None


def test_a_text_that_is_no_jwks_is_none(desk: Desk) -> None:
    assert desk.algorithms(client=a_client(settings=ClientSettings(jwks="{}"))) is None


def test_published_keys_are_kept(desk: Desk) -> None:
    assert desk.algorithms() == desk.algorithms() == ["ES256"]
    assert desk.publisher.asked == [URI]


@pytest.mark.parametrize(
    ("max_age", "kept"),
    [
        (None, DEFAULT_SECONDS),
        (0, SHORTEST_SECONDS),
        (900, 900),
        (10**9, LONGEST_SECONDS),
    ],
)
def test_they_are_kept_as_long_as_their_publisher_says_within_reason(
    desk: Desk, max_age: int | None, kept: int
) -> None:
    desk.publisher.max_age_seconds = max_age
    desk.algorithms()
    desk.now += kept - 1
    desk.algorithms()
    assert len(desk.publisher.asked) == 1
    desk.now += 1
    desk.algorithms()
    assert len(desk.publisher.asked) == 2


def test_a_key_that_is_missing_is_asked_for_at_once(desk: Desk) -> None:
    desk.algorithms()
    desk.publisher.text = SECOND
    desk.now += COOL_DOWN_SECONDS
    assert desk.algorithms(fresh=True) == ["ES384"]


def test_but_not_in_a_hurry(desk: Desk) -> None:
    desk.algorithms()
    desk.publisher.text = SECOND
    desk.now += COOL_DOWN_SECONDS - 1
    assert desk.algorithms(fresh=True) == ["ES256"]


def test_many_at_once_ask_once(desk: Desk) -> None:
    async def at_once() -> None:
        await asyncio.gather(*(desk.keys.keys_of(publishing(), fresh=True) for _ in range(20)))

    asyncio.run(at_once())
    assert desk.publisher.asked == [URI]


@pytest.mark.parametrize(("text", "status"), [(None, 200), ("{}", 200), (SECOND, 404)])
def test_a_publisher_that_is_away_takes_nothing_away(
    desk: Desk, text: str | None, status: int
) -> None:
    desk.algorithms()
    desk.publisher.text, desk.publisher.status = text, status
    desk.now += DEFAULT_SECONDS
    assert desk.algorithms() == ["ES256"]


def test_but_not_for_ever(desk: Desk) -> None:
    desk.algorithms()
    desk.publisher.text = None
    desk.now += DEFAULT_SECONDS + STALE_SECONDS
    assert desk.algorithms() is None


def test_a_publisher_that_was_away_is_left_alone_for_a_moment(desk: Desk) -> None:
    desk.publisher.text = None
    assert desk.algorithms() is desk.algorithms(fresh=True) is None
    assert len(desk.publisher.asked) == 1
    desk.publisher.text = FIRST
    desk.now += COOL_DOWN_SECONDS
    assert desk.algorithms() == ["ES256"]


def test_not_more_are_known_than_fit(desk: Desk) -> None:
    async def ask_many() -> None:
        for number in range(MAX_KNOWN + 1):
            await desk.keys.keys_of(publishing(f"{URI}/{number}"))
        await desk.keys.keys_of(publishing(f"{URI}/{MAX_KNOWN}"))
        await desk.keys.keys_of(publishing(f"{URI}/0"))

    asyncio.run(ask_many())
    assert len(desk.publisher.asked) == MAX_KNOWN + 2
