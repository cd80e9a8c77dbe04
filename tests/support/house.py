"""An issuer in this process: the real application over a store in memory, and a raw ASGI driver.

The driver sends exactly the headers and chunks that it is given, which an HTTP client would not.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote, urlencode

from tests.support.memory_store import MemoryStore
from tests.support.stores import NOTES, ORDERS, a_client, a_user, an_api

from lingpai_server.accounts.passwords import PasswordPolicy
from lingpai_server.accounts.phc import Argon2Parameters
from lingpai_server.app.admin.office import Office
from lingpai_server.app.hashing import Argon2Pool
from lingpai_server.assembly import assemble
from lingpai_server.config.model import Config, ServerSection
from lingpai_server.core.effects import (
    AssignRole,
    CreateApi,
    CreateClient,
    CreateUser,
    PutRole,
    StoreKey,
)
from lingpai_server.core.records import Client, Role, StoredKey
from lingpai_server.core.secret import Secret
from lingpai_server.http.hardening import AsgiApp
from lingpai_server.keys.making import ISSUER_SECRETS, SealedKeyMaker
from lingpai_server.keys.sealing import SealingKey
from lingpai_server.keys.signer import LiveKeyRing
from lingpai_server.protocol.client_secret import client_secret_sha256

ISSUER = "https://id.example"
PASSWORD = "correct horse battery staple"
BACKEND_SECRET = "a secret of the backend"
PEER = "198.51.100.7"
START = 1_800_000_000.0

JSON = ("content-type", "application/json")
FORM = ("content-type", "application/x-www-form-urlencoded")

LIGHT = Argon2Parameters(memory_kib=64, iterations=1, lanes=1)
_SEALING = SealingKey(Secret(bytes(32)))
_MAKER = SealedKeyMaker(_SEALING)
_KEYS: list[StoredKey] = []

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Reply:
    """One response, as it left the application."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """A header's value; None if it was not sent, joined if it was sent more than once."""
        values = [value for given, value in self.headers if given == name]
        return ", ".join(values) if values else None

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """The error code of RFC 6749 section 5.2."""
        code: str = self.json["error"]
        return code


@dataclass
class House:
    """An issuer with one user (mei), a first-party app (app), a confidential client (backend) and
    a client that may not take passwords (third)."""

    config: Config = field(default_factory=lambda: Config(ServerSection(issuer=ISSUER)))
    hash_threads: int = 2
    hash_queue: int = 64
    now: float = START

    def __post_init__(self) -> None:
        self.store = MemoryStore()
        self.hasher = Argon2Pool(LIGHT, threads=self.hash_threads, queue=self.hash_queue)
        self.office = Office(self.store, _MAKER, self.hasher, PasswordPolicy())
        asyncio.run(self._fill())
        self.app = self.open()

    def open(self) -> AsgiApp:
        """The application, made anew from the store."""
        stored = asyncio.run(self.store.load_keys())
        self.keys = LiveKeyRing(self.store, _SEALING, stored, issuer=self.config.server.issuer)
        return assemble(self.config, self.store, self.hasher, self.keys, clock=lambda: self.now).app

    async def _fill(self) -> None:
        if not _KEYS:  # made once: they cost more than all the rest
            _KEYS.extend(
                (
                    _MAKER.make_refresh_key(1, now=0),
                    _MAKER.make_signing_key("ES256", now=0),
                    *(_MAKER.make_issuer_secret(purpose, now=0) for purpose in ISSUER_SECRETS),
                )
            )
        hashed = await self.hasher.hash(Secret(PASSWORD))
        scopes = ("orders:read", "orders:write")
        await self.store.apply(
            (
                *map(StoreKey, _KEYS),
                CreateUser(a_user("mei", password_hash=hashed)),
                CreateApi(an_api(ORDERS, scopes=scopes)),
                CreateApi(an_api(NOTES, scopes=("notes:read",))),
                CreateClient(a_client("app")),
                CreateClient(_backend()),
                CreateClient(a_client("third", first_party=False)),
                PutRole(Role(ORDERS, "clerk", ("orders:read",))),
                AssignRole("user", "id-of-mei", ORDERS, "clerk"),
            )
        )

    def close(self) -> None:
        """Let go of the hashing threads."""
        self.hasher.close()

    def version(self) -> int:
        """Changes with every write."""
        return asyncio.run(self.store.data_version())

    def ask(
        self,
        method: str,
        path: str,
        headers: Headers = (),
        body: bytes | Sequence[bytes] = b"",
        *,
        peer: str | None = PEER,
    ) -> Reply:
        """One request, run to its end."""
        return asyncio.run(ask(self.app, method, path, headers, body, peer=peer))

    def login(self, password: str = PASSWORD, headers: Headers = (), **members: Any) -> Reply:
        """POST /login as the app."""
        sent = {"username": "mei", "password": password, "client_id": "app"} | members
        return self.ask("POST", "/login", (JSON, *headers), json.dumps(sent).encode())

    def post_form(self, path: str, headers: Headers = (), **parameters: str) -> Reply:
        """POST a form."""
        return self.ask("POST", path, (FORM, *headers), urlencode(parameters).encode())

    def refresh(self, token: str, headers: Headers = (), **parameters: str) -> Reply:
        """POST /token with a refresh token, as the app."""
        sent = {"grant_type": "refresh_token", "refresh_token": token, "client_id": "app"}
        return self.post_form("/token", headers, **(sent | parameters))


async def ask(
    app: AsgiApp,
    method: str,
    path: str,
    headers: Headers = (),
    body: bytes | Sequence[bytes] = b"",
    *,
    peer: str | None = PEER,
) -> Reply:
    """One request to an ASGI application."""
    chunks = [body] if isinstance(body, bytes) else list(body)
    started: list[Any] = []
    sent: list[bytes] = []

    async def receive() -> dict[str, Any]:
        if not chunks:
            return {"type": "http.disconnect"}
        chunk = chunks.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(chunks)}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            started.append(message)
        else:
            sent.append(message.get("body", b""))

    await app(_scope(method, path, headers, peer), receive, send)
    (start,) = started
    decoded = tuple((k.decode("latin-1"), v.decode("latin-1")) for k, v in start["headers"])
    return Reply(start["status"], decoded, b"".join(sent))


def basic(client_id: str, secret: str) -> tuple[str, str]:
    """An Authorization header (RFC 7617)."""
    encoded = base64.b64encode(f"{client_id}:{secret}".encode()).decode("ascii")
    return "authorization", f"Basic {encoded}"


def with_server(config: Config, **changes: Any) -> Config:
    """The configuration with other values in its server section."""
    return replace(config, server=replace(config.server, **changes))


def _backend() -> Client:
    return a_client(
        "backend",
        secret_sha256=client_secret_sha256(Secret(BACKEND_SECRET)),
        first_party=False,
        grant_types=("client_credentials",),
    )


def _scope(
    method: str, path: str, headers: Iterable[tuple[str, str]], peer: str | None
) -> dict[str, Any]:
    path, _, query = path.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "root_path": "",
        "headers": [(k.encode("latin-1"), v.encode("latin-1")) for k, v in headers],
        "client": None if peer is None else (peer, 4711),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }
