"""The MCP guide's server and agent, made with the protocol's own Python library.

They are the page's own blocks; their addresses are all that is changed.
"""

from __future__ import annotations

import asyncio
import json
import queue
import threading
import webbrowser
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull
from tests.clients.conftest import ENVIRON, House
from tests.clients.test_guide_applications import GUIDES, PASSWORD, prepare, serve
from tests.support.browser import Chromium, Window
from tests.support.certificates import Authority
from tests.support.receiver import Receiver, Reply
from tests.support.server import free_port, serving

pytestmark = pytest.mark.process

PAGE = GUIDES / "mcp-server.md"
SERVER = "http://127.0.0.1:9000"
EVERY_SCOPE = 'scopes=["notes:read", "notes:write"]'
WAIT_SECONDS = 60

Work = Callable[[Client], Awaitable[Any]]


@dataclass
class Room:
    """An issuer, an MCP server, and an agent whose user sits at a browser."""

    house: House
    url: str
    agent: ModuleType
    window: Window
    links: queue.Queue[str]
    listeners: ExitStack
    read: list[str] = field(default_factory=list)  # the consent pages, as their reader saw them

    def make_auth(self, document: str | None = None) -> OAuthClientProvider:
        """The agent's way to tokens."""
        listener = self.listeners.enter_context(self.agent.listening())
        made = self.agent.make_auth(self.url, listener, document)
        assert isinstance(made, OAuthClientProvider)
        return made

    def run(self, work: Work, auth: OAuthClientProvider, mode: Any = "auto") -> Any:
        """What comes of an agent's work, while its user answers what the browser shows."""
        ended: list[Any] = []

        async def live() -> Any:
            async with (
                httpx2.AsyncClient(auth=auth, timeout=WAIT_SECONDS) as http,
                Client(streamable_http_client(self.url, http_client=http), mode=mode) as client,
            ):
                return await work(client)

        def start() -> None:  # not in this thread, which has the browser's event loop
            try:
                ended.append(asyncio.run(live()))
            except Exception as error:  # noqa: BLE001 - whatever it was
                ended.append(error)

        thread = threading.Thread(target=start)
        thread.start()
        while thread.is_alive():
            self._answer()
        (outcome,) = ended
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _answer(self) -> None:
        try:
            link = self.links.get(timeout=0.05)
        except queue.Empty:
            return
        self.window.open(link)
        if self.window.has("input[name=password]"):
            self.window.fill("username", "mei")
            self.window.fill("password", PASSWORD)
            self.window.click("form button.primary")
        self.window.page.wait_for_selector("button[value=allow]")
        self.read.append(self.window.text)
        self.window.click("button[value=allow]")
        self.window.wait_for("http://127.0.0.1:")
        self.window.wait_until(lambda url: "/callback?" in url)


@dataclass
class Making:
    """How to make a room."""

    folder: Path
    chromium: Chromium
    links: queue.Queue[str]

    @contextmanager
    def room(self, changes: dict[str, str] | None = None, /, **registration: str) -> Iterator[Room]:
        """`changes` are made in what the page says; `registration` are settings."""
        there = f"http://127.0.0.1:{free_port()}"
        folder = self.folder / "issuer"
        settings = {"registration__audiences": f"{there}/mcp", **registration}
        environ = {f"LINGPAI_{name.upper()}": value for name, value in settings.items()}
        with serving(folder, environ={**ENVIRON, **environ}) as running:
            house = House(running, folder)
            blocks = prepare(house, PAGE, {**(changes or {}), SERVER: there}, self.folder)
            agent = ModuleType("agent")
            (program,) = (b.code for b in blocks if b.code.startswith("# agent.py\n"))
            exec(program, agent.__dict__)  # noqa: S102 - our own page
            with (
                serve(blocks, "notes_mcp", there, self.folder),
                self.chromium.window() as window,
                ExitStack() as listeners,
            ):
                yield Room(house, f"{there}/mcp", agent, window, self.links, listeners)


@pytest.fixture
def making(tmp_path: Path, chromium: Chromium, monkeypatch: pytest.MonkeyPatch) -> Making:
    links: queue.Queue[str] = queue.Queue()
    monkeypatch.setattr(webbrowser, "open", links.put)
    monkeypatch.chdir(tmp_path)  # where the agent keeps who it is
    return Making(tmp_path, chromium, links)


async def write_and_list(client: Client) -> Any:
    """One call of each tool."""
    written = await client.call_tool("add_note", {"text": "buy tea"})
    assert not written.is_error, written
    listed = await client.call_tool("list_notes")
    return listed.structured_content


NOTED = {"result": ["buy tea"]}


def test_agent_that_nobody_knows_registers_itself_once(making: Making) -> None:
    with making.room(registration__mode="open") as there:
        auth = there.make_auth()
        assert there.run(write_and_list, auth) == NOTED
        (page,) = there.read
        for text in ("Notes agent", "Read your notes", "This app registered itself"):
            assert text in page
        first = auth.context.client_info

        again = there.make_auth()  # another run of the program, on another port
        there.run(lambda client: client.call_tool("list_notes"), again)
        assert again.context.client_info == first


def test_agent_that_speaks_an_older_protocol_is_served_too(making: Making) -> None:
    """Versions before 2026-07-28 begin with a handshake."""
    with making.room(registration__mode="open") as there:
        assert there.run(write_and_list, there.make_auth(), "legacy") == NOTED


def test_agent_that_an_operator_made_needs_no_open_door(making: Making) -> None:
    with making.room() as there:
        known = OAuthClientInformationFull(
            client_id="notes-agent", token_endpoint_auth_method="none"
        )
        there.agent.REGISTERED.write_text(known.model_dump_json())
        auth = there.make_auth()
        assert there.run(write_and_list, auth) == NOTED
        assert "This app registered itself" not in there.read[0]


def test_token_that_ended_is_renewed_without_the_user(making: Making) -> None:
    with making.room(registration__mode="open") as there:
        auth = there.make_auth()
        held = []

        async def work(client: Client) -> None:
            for _ in range(2):
                await client.call_tool("list_notes")
                held.append(auth.context.current_tokens)
                auth.context.token_expiry_time = 1.0  # long ago

        there.run(work, auth)
        before, after = held
        assert before is not None
        assert after is not None
        assert before.refresh_token not in (None, after.refresh_token)
        assert before.access_token != after.access_token
        assert len(there.read) == 1


def test_agent_known_by_a_document_comes_back_for_more(making: Making) -> None:
    """RFC 6750 section 3.1: the 403 names what is missing, and the user is asked."""
    authority = Authority.make(making.folder)
    one_scope = {EVERY_SCOPE: 'scopes=["notes:read"]'}
    doors = {"registration__metadata_documents": "true", "outgoing__ca_file": str(authority.file)}
    with (
        Receiver(tls=authority.server_context("127.0.0.1")) as host,
        making.room(one_scope, **doors) as there,
    ):
        document = f"{host.url}/notes.json"
        host.answer = publish(document)
        auth = there.make_auth(document)

        async def list_and_write(client: Client) -> Any:
            await client.call_tool("list_notes")
            return await write_and_list(client)

        assert there.run(list_and_write, auth) == NOTED
        first, second = there.read
        for page in there.read:
            assert "This app is known only by its address, 127.0.0.1" in page
        assert "Change your notes" not in first
        assert "Change your notes" in second
        assert auth.context.client_info is not None
        assert auth.context.client_info.client_id == document


def publish(document: str) -> Reply:
    """The page's own document, at another address."""
    text = PAGE.read_text(encoding="utf-8").partition("```json\n")[2].partition("```")[0]
    body = json.dumps({**json.loads(text), "client_id": document}).encode()
    return Reply(200, body, {"Content-Type": "application/json"})
