"""Clients that are known by a URL: fetched, kept for a while, and never longer than they are."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.certificates import Authority
from tests.support.receiver import Receiver, Reply, Seen
from tests.support.signed_in import SignedIn
from tests.support.stores import ORDERS, an_api, fill

from lingpai_server.app.fetching import Fetcher
from lingpai_server.app.metadata_documents import HOST_FETCHES, STALE_SECONDS, MetadataDocuments
from lingpai_server.app.outgoing import OutgoingPolicy
from lingpai_server.core.client_settings import ClientOrigin
from lingpai_server.core.effects import CreateApi, SetClientDisabled
from lingpai_server.core.records import Client
from lingpai_server.protocol.registration import RegistrationPolicy

OPEN = RegistrationPolicy(metadata_documents=True, audiences=(ORDERS,))


class Publisher:
    """A host on loopback that publishes one document, and an issuer that may read it."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority.make(folder)
        self.receiver = Receiver(tls=self.authority.server_context("127.0.0.1"))
        self.url = f"{self.receiver.url}/client.json"
        self.scene = SignedIn()
        fill(self.scene.store, [CreateApi(an_api(ORDERS))])
        self.documents = self.reader(OPEN)
        self.publish()

    def reader(self, policy: RegistrationPolicy) -> MetadataDocuments:
        """Another process of the issuer."""
        outgoing = OutgoingPolicy(loopback=True, ca_file=self.authority.file, timeout_seconds=1)
        scene = self.scene
        return MetadataDocuments(scene.store, scene.keys, Fetcher(outgoing), policy, scene.clock)

    def publish(self, max_age: int | None = 600, **members: Any) -> None:
        document = {
            "client_id": self.url,
            "client_name": "Planner",
            "redirect_uris": ["http://127.0.0.1/cb"],
        }
        headers = {"Content-Type": "application/json"}
        if max_age is not None:
            headers["Cache-Control"] = f"max-age={max_age}"
        self.receiver.answer = Reply(200, json.dumps(document | members).encode(), headers)

    def resolve(self, client_id: str | None = None) -> bool:
        return asyncio.run(self.documents.resolve_client(client_id or self.url))

    @property
    def fetches(self) -> int:
        return len(self.receiver.seen)

    @property
    def client(self) -> Client:
        client = asyncio.run(self.scene.store.load_client(self.url))
        assert client is not None
        return client


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Publisher]:
    made = Publisher(tmp_path)
    yield made
    made.receiver.close()


def test_client_of_a_document_is_brought_in(host: Publisher) -> None:
    assert host.resolve()
    assert (host.client.name, host.client.audiences) == ("Planner", (ORDERS,))
    assert host.client.settings.origin is ClientOrigin.METADATA_DOCUMENT
    assert host.scene.events() == ["client.registered"]
    assert host.receiver.seen[0].headers["accept"] == "application/json"


def test_closed_is_the_default(host: Publisher) -> None:
    host.documents = host.reader(RegistrationPolicy())
    assert not host.resolve()
    assert host.fetches == 0


def test_client_is_gone_when_the_operator_closes_the_door(host: Publisher) -> None:
    assert host.resolve()
    host.documents = host.reader(replace(OPEN, metadata_documents=False))
    assert not host.resolve()


def test_only_hosts_that_are_allowed_are_believed(host: Publisher) -> None:
    host.documents = host.reader(replace(OPEN, metadata_hosts=("app.example",)))
    assert not host.resolve()
    host.documents = host.reader(replace(OPEN, metadata_hosts=("127.0.0.1",)))
    assert host.resolve()


@pytest.mark.parametrize("client_id", ["app", "nobody", "com.example.app:/x", ""])
def test_other_identifiers_are_left_alone(host: Publisher, client_id: str) -> None:
    assert asyncio.run(host.documents.resolve_client(client_id))
    assert host.fetches == 0


@pytest.mark.parametrize(
    "client_id", ["http://127.0.0.1/a", "https://127.0.0.1", "https://127.0.0.1/a/../b"]
)
def test_url_that_cannot_be_an_identifier_is_not_fetched(host: Publisher, client_id: str) -> None:
    assert not host.resolve(client_id)
    assert host.fetches == 0


def test_document_is_kept_as_long_as_it_says(host: Publisher) -> None:
    assert host.resolve()
    host.scene.now += 599
    assert host.resolve()
    assert host.fetches == 1
    host.scene.now += 1
    assert host.resolve()
    assert host.fetches == 2


def test_another_process_reads_what_is_kept(host: Publisher) -> None:
    assert host.resolve()
    host.documents = host.reader(OPEN)
    assert host.resolve()
    assert host.fetches == 1


def test_document_that_says_nothing_new_leaves_the_client_as_it_is(host: Publisher) -> None:
    """A raised access version would make the tokens of everybody who uses it look stale."""
    assert host.resolve()
    before = host.client
    host.scene.now += 600
    assert host.resolve()
    assert host.client == before
    host.scene.now += 599
    assert host.resolve()
    assert host.fetches == 2


def test_document_that_changed_is_taken_over(host: Publisher) -> None:
    assert host.resolve()
    host.publish(client_name="Planner 2")
    host.scene.now += 600
    assert host.resolve()
    assert host.client.name == "Planner 2"
    assert host.scene.events() == ["client.registered", "client.replaced"]


@pytest.mark.parametrize(
    "reply",
    [
        Reply(404, b"{}", {"Content-Type": "application/json"}),
        Reply(200, b"<html>", {"Content-Type": "text/html"}),
        Reply(200, b"{}", {"Content-Type": "application/json"}),
        Reply(302, b"", {"Location": "/elsewhere"}),
    ],
)
def test_error_is_never_kept(host: Publisher, reply: Reply) -> None:
    host.receiver.answer = reply
    assert not host.resolve()
    assert not host.resolve()
    assert host.fetches == 2
    host.publish()
    assert host.resolve()


def test_document_that_is_too_long_is_none(host: Publisher) -> None:
    host.publish(software_id="x", comment="x" * 5200)
    assert not host.resolve()


def test_document_of_another_url_is_none(host: Publisher) -> None:
    host.publish(client_id="https://app.example/client.json")
    assert not host.resolve()
    assert host.scene.events() == []


def test_document_that_is_gone_takes_the_client_with_it(host: Publisher) -> None:
    assert host.resolve()
    host.receiver.answer = Reply(410)
    host.scene.now += 600
    assert not host.resolve()
    host.receiver.answer = Reply(503)  # nor is it back because its host is away
    assert not host.resolve()
    host.publish()
    assert host.resolve()


@pytest.mark.parametrize("reply", [Reply(503), Reply(429), Reply(hang=True)])
def test_client_outlives_a_host_that_is_away_for_a_while(host: Publisher, reply: Reply) -> None:
    assert host.resolve()
    host.receiver.answer = reply
    host.scene.now += 600
    assert host.resolve()
    host.scene.now += STALE_SECONDS
    assert not host.resolve()


def test_host_that_is_away_at_first_brings_nobody_in(host: Publisher) -> None:
    host.receiver.answer = Reply(503)
    assert not host.resolve()


def test_disabled_client_is_not_asked_for_and_stays_disabled(host: Publisher) -> None:
    assert host.resolve()
    fill(host.scene.store, [SetClientDisabled(host.url, disabled=True)])
    host.scene.now += 600
    assert host.resolve()
    assert host.fetches == 1
    assert host.client.disabled


def test_many_who_want_to_know_at_once_ask_once(host: Publisher) -> None:
    async def scenario() -> list[bool]:
        return await asyncio.gather(*(host.documents.resolve_client(host.url) for _ in range(20)))

    assert all(asyncio.run(scenario()))
    assert host.fetches == 1


def test_one_who_leaves_does_not_stop_the_others(host: Publisher) -> None:
    async def scenario() -> bool:
        leaving = asyncio.create_task(host.documents.resolve_client(host.url))
        await asyncio.sleep(0)
        staying = asyncio.create_task(host.documents.resolve_client(host.url))
        await asyncio.sleep(0)
        leaving.cancel()
        return await staying

    assert asyncio.run(scenario())


def test_two_processes_that_read_at_once_agree(host: Publisher) -> None:
    other = host.reader(OPEN)

    async def scenario() -> list[bool]:
        readers = (host.documents, other)
        return await asyncio.gather(*(reader.resolve_client(host.url) for reader in readers))

    assert asyncio.run(scenario()) == [True, True]
    assert host.scene.events() == ["client.registered"]


def test_nobody_uses_us_to_pester_a_host(host: Publisher) -> None:
    host.receiver.answer = Reply(404)
    for number in range(HOST_FETCHES + 5):
        assert not host.resolve(f"{host.receiver.url}/{number}")
    assert host.fetches == HOST_FETCHES
    host.scene.now += 60
    host.publish()
    assert host.resolve()


def test_redirects_of_the_document_do_not_lead_elsewhere(host: Publisher) -> None:
    seen: list[Seen] = []

    def answer(request: Seen) -> Reply:
        seen.append(request)
        return Reply(301, b"", {"Location": f"{host.receiver.url}/other.json"})

    host.receiver.answer = answer
    assert not host.resolve()
    assert [request.target for request in seen] == ["/client.json"]
