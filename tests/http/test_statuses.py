"""Status lists and their stream over HTTP (draft-ietf-oauth-status-list sections 8 and 9)."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.house import House, Reply

from lingpai.jwt.status_list import open_status_list
from lingpai.jwt.status_stream import open_batch
from lingpai_server.core.effects import EndSessionsOfUser

DIRECTORY = "/status-lists"
STREAM = "/status-lists/stream?nonce=a-nonce"


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    made.open()
    yield made
    made.close()


def slot_of(raw: str) -> tuple[int, str]:
    """The index and the list's path in an access token."""
    payload = raw.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    reference = claims["status"]["status_list"]
    return reference["idx"], reference["uri"].removeprefix("https://id.example")


def decode(token: bytes, index: int) -> int:
    """One status, by the draft alone: section 4.1 to 4.2."""
    payload = token.split(b".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
    bits, lst = claims["status_list"]["bits"], claims["status_list"]["lst"]
    packed = zlib.decompress(base64.urlsafe_b64decode(lst + "=" * (-len(lst) % 4)))
    place = index * bits
    return int(packed[place // 8] >> place % 8 & (1 << bits) - 1)


def logged_in(house: House) -> tuple[str, int, str]:
    raw = house.login().json["access_token"]
    return raw, *slot_of(raw)


def test_an_access_token_points_into_a_list_that_is_there(house: House) -> None:
    _, index, path = logged_in(house)
    reply = house.ask("GET", path)
    assert reply.status == 200
    assert reply.header("content-type") == "application/statuslist+jwt"
    assert decode(reply.body, index) == 0


def test_what_was_revoked_is_invalid_in_the_list_and_its_neighbours_are_not(house: House) -> None:
    _, index, path = logged_in(house)
    _, other, _ = logged_in(house)
    asyncio.run(house.store.apply([EndSessionsOfUser("id-of-mei", int(house.now), "ended")]))
    _, third, _ = logged_in(house)
    token = house.ask("GET", path).body
    assert [decode(token, place) for place in (index, other, third)] == [1, 1, 0]


def test_a_list_is_signed_and_says_how_long_it_is_good(house: House) -> None:  # section 5.1
    _, index, path = logged_in(house)
    token = open_status_list(
        house.ask("GET", path).body,
        house.keys.ring.signing["ES256"].public,
        uri=f"https://id.example{path}",
        issuer="https://id.example",
        now=house.now,
    )
    assert token.statuses.lookup(index) == 0
    assert token.ttl_seconds == 60
    assert token.expires_at == house.now + 900
    assert {"seq", "epoch"} <= token.claims.keys()


def test_a_list_is_sent_again_only_when_it_differs(house: House) -> None:
    _, _, path = logged_in(house)
    etag = house.ask("GET", path).header("etag") or ""
    again = house.ask("GET", path, headers=[("if-none-match", etag)])
    assert (again.status, again.body) == (304, b"")
    assert again.header("cache-control") == "public, max-age=60"
    asyncio.run(house.store.apply([EndSessionsOfUser("id-of-mei", int(house.now), "ended")]))
    changed = house.ask("GET", path, headers=[("if-none-match", etag)])
    assert changed.status == 200


def test_a_list_is_compressed_for_who_takes_it_so(house: House) -> None:
    _, _, path = logged_in(house)
    plain = house.ask("GET", path)
    packed = house.ask("GET", path, headers=[("accept-encoding", "br, gzip;q=0.5")])
    assert packed.header("content-encoding") == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    refused = house.ask("GET", path, headers=[("accept-encoding", "gzip;q=0")])
    assert refused.header("content-encoding") is None
    assert refused.header("etag") == plain.header("etag") != packed.header("etag")


@pytest.mark.parametrize("name", ["unknown", "0000000000000000-2", "%30", "../jwks", "1"])
def test_there_is_no_other_list(house: House, name: str) -> None:
    reply = house.ask("GET", f"{DIRECTORY}/{name}")
    assert (reply.status, reply.header("cache-control")) == (404, "no-store")


def test_the_directory_names_every_list(house: House) -> None:  # section 9.3
    _, _, path = logged_in(house)
    reply = house.ask("GET", DIRECTORY)
    assert reply.json == {"status_lists": [f"https://id.example{path}"]}


def test_metadata_says_where_all_of_it_is(house: House) -> None:
    for name in ("openid-configuration", "oauth-authorization-server"):
        document = house.ask("GET", f"/.well-known/{name}").json
        assert document["status_list_aggregation_endpoint"] == f"https://id.example{DIRECTORY}"
        assert document["status_list_stream_endpoint"] == f"https://id.example{DIRECTORY}/stream"


def test_a_stream_begins_with_an_answer_to_its_question(house: House) -> None:
    reply = first_of(house, STREAM)
    assert reply.status == 200
    assert reply.header("content-type") == "text/event-stream"
    assert reply.header("cache-control") == "no-store"
    fields = dict(line.split(": ", 1) for line in reply.body.decode().splitlines() if line)
    batch = open_batch(
        fields["data"],
        house.keys.ring.signing["ES256"].public,
        issuer="https://id.example",
        now=house.now,
    )
    assert fields["event"] == "status"
    assert fields["id"] == f"{batch.epoch}.{batch.seq}"
    assert (batch.nonce, batch.is_snapshot, batch.as_of) == ("a-nonce", True, house.now)


def test_a_head_request_opens_no_stream(house: House) -> None:
    reply = house.ask("HEAD", STREAM)
    assert (reply.status, reply.body) == (200, b"")


@pytest.mark.parametrize("nonce", ["a" * 129, "a%20b", "%00", "ä"])
def test_a_nonce_is_short_and_plain(house: House, nonce: str) -> None:
    reply = house.ask("GET", f"{DIRECTORY}/stream?nonce={nonce}")
    assert (reply.status, reply.error) == (400, "invalid_request")


def first_of(house: House, path: str) -> Reply:
    """The head and the first piece of an answer that goes on, from a peer that then goes away."""
    app = house.open()
    started: list[Any] = []
    pieces: list[Any] = []
    query = path.partition("?")[2]

    async def scenario() -> None:
        gone = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if not gone.is_set() and not started:
                return {"type": "http.request", "body": b"", "more_body": False}
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            (pieces if message["type"] == "http.response.body" else started).append(message)
            if message["type"] == "http.response.body":
                gone.set()

        scope: dict[str, Any] = {
            "type": "http",
            "method": "GET",
            "path": path.partition("?")[0],
            "raw_path": path.partition("?")[0].encode(),
            "query_string": query.encode(),
            "headers": [],
            "client": None,
        }
        async with asyncio.timeout(10):
            await app(scope, receive, send)

    asyncio.run(scenario())
    headers = tuple((k.decode(), v.decode()) for k, v in started[0]["headers"])
    return Reply(started[0]["status"], headers, pieces[0]["body"])
