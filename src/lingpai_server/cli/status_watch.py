"""The live view of an issuer's status stream: what came, as lines. Holds no status, verifies all.

Every batch is a signed JWT, opened with the keys that the issuer publishes; what is not the
issuer's ends the connection, as it would at a verifier.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator

from lingpai.errors import TokenError, UnknownKey
from lingpai.jose import base64url
from lingpai.jose.crypto import random_bytes
from lingpai.jose.key_set import KeySet
from lingpai.jwt.status_stream import Batch, open_batch
from lingpai.verifier.event_stream import EventReader
from lingpai.verifier.flows import FetchFailed, Get, discover, drive, fetch_jwks
from lingpai.verifier.jwks import read_published_keys
from lingpai.verifier.transport import HttpTransport, Transport
from lingpai.verifier.urls import parse_url
from lingpai_server.cli.options import EXIT_USAGE, fail
from lingpai_server.cli.status_lines import JsonView, LineView, Teller

SILENCE_SECONDS = 5.0
RETRY_SECONDS = 1.0


class Follower:
    """One issuer's stream, connection after connection. Raises FetchFailed, TokenError or
    ValueError from `follow`, which may be called again and then goes on where it was."""

    def __init__(self, issuer: str, transport: Transport) -> None:
        self._issuer = issuer
        self._transport = transport
        self._keys: KeySet | None = None
        self._revoked: frozenset[str] = frozenset()
        self._resume: str | None = None

    def follow(self) -> Iterator[Batch]:
        """The batches of one connection."""
        metadata = drive(discover(self._issuer), self._transport.get)
        if metadata.status_stream_uri is None:
            raise NoStream(f"{self._issuer} offers no status stream")
        self._fetch_keys()
        nonce, reader = base64url.encode(random_bytes(16)), EventReader()
        request = Get(f"{metadata.status_stream_uri}?nonce={nonce}", accept="text/event-stream")
        stream = self._transport.clone().stream(
            request, last_event_id=self._resume, silence_seconds=SILENCE_SECONDS
        )
        heard = False
        with stream as chunks:
            for chunk in chunks:
                for event in reader.feed(chunk):
                    if event.kind != "status":
                        continue
                    batch = self._open(event.data)
                    if not heard and (not batch.is_snapshot or batch.nonce != nonce):
                        raise FetchFailed("the stream does not begin with an answer to us")
                    heard, self._resume = True, event.id or None
                    yield batch
        raise FetchFailed("the stream ended")

    def _open(self, raw: str) -> Batch:
        try:
            batch = self._open_with(self._keys or self._fetch_keys(), raw)
        except UnknownKey:  # made a moment ago, when another was revoked
            batch = self._open_with(self._fetch_keys(), raw)
        self._revoked |= frozenset(batch.kids)
        return batch

    def _open_with(self, keys: KeySet, raw: str) -> Batch:
        return open_batch(raw, keys.without(self._revoked), issuer=self._issuer, now=time.time())

    def _fetch_keys(self) -> KeySet:
        get = self._transport.get
        body = drive(fetch_jwks(drive(discover(self._issuer), get)), get).body
        self._keys = read_published_keys(body or b"")
        return self._keys


class NoStream(Exception):
    """The issuer's metadata name no stream. The message says so."""


def watch(
    issuer: str,
    *,
    seconds: float | None,
    as_json: bool,
    transport: Transport | None = None,
    clock: Callable[[], float] = time.time,
) -> None:
    """Print until Ctrl-C, or for so many seconds. Exits with 1 if there is no stream."""
    try:
        parse_url(issuer)
    except ValueError as error:
        fail(f"--issuer: {error}", code=EXIT_USAGE)
    view: LineView | JsonView = JsonView(sys.stdout) if as_json else LineView(sys.stdout)
    follower, teller = Follower(issuer, transport or HttpTransport()), Teller()
    until = None if seconds is None else time.monotonic() + seconds
    try:
        while not _watch_once(follower, teller, view, until, clock):
            time.sleep(RETRY_SECONDS)
    except KeyboardInterrupt:
        pass
    except NoStream as error:
        view.end()
        fail(str(error))
    finally:
        view.end()


def _watch_once(
    follower: Follower,
    teller: Teller,
    view: LineView | JsonView,
    until: float | None,
    clock: Callable[[], float],
) -> bool:
    """One connection; whether it is time to end. A heartbeat a second bounds how late that is."""
    try:
        for batch in follower.follow():
            for told in teller.tell(batch, clock()):
                view.show(told)
            if _is_over(until):
                return True
    except (FetchFailed, TokenError, ValueError) as error:
        view.say(f"no connection: {error}; trying again")
    return _is_over(until)


def _is_over(until: float | None) -> bool:
    return until is not None and time.monotonic() >= until
