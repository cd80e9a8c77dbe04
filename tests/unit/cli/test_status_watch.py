"""`status watch`: what a stream tells, once each, for people and for programs."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from lingpai.jwt.status_stream import Batch
from lingpai.testing import FakeIssuer, LoopbackIssuer
from lingpai.testing.issuer import MemoryTransport
from lingpai.verifier.flows import FetchFailed, Get
from lingpai_server.cli.status_lines import JsonView, LineView, Teller, Told
from lingpai_server.cli.status_watch import Follower, NoStream, watch

FIRST = Batch("e", 4, 4, 1000.0, denied=(("old", 1300),), kids=("k0",), is_snapshot=True)
BEAT = Batch("e", 4, 4, 1001.0, denied=(("old", 1300),), kids=("k0",))
CHANGE = Batch("e", 4, 6, 1002.0, changes={"https://i/status-lists/1": ((7, 3), (8, 1))})


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Crossed(MemoryTransport):
    """Gives everybody the answer to another's question."""

    @contextmanager
    def stream(
        self, request: Get, *, last_event_id: str | None, silence_seconds: float
    ) -> Iterator[Iterator[bytes]]:
        url = f"{request.url.partition('?')[0]}?nonce=of-somebody-else"
        with super().stream(
            Get(url), last_event_id=last_event_id, silence_seconds=silence_seconds
        ) as chunks:
            yield chunks

    def clone(self) -> MemoryTransport:
        return self


def kinds(*batches: Batch) -> list[str]:
    teller = Teller()
    return [told.kind for batch in batches for told in teller.tell(batch, batch.as_of)]


def test_connection_tells_how_many_are_denied_and_a_batch_without_news_is_a_heartbeat() -> None:
    teller = Teller()
    (connected,) = teller.tell(FIRST, 1000.5)
    assert connected.detail == {"epoch": "e", "denied": 1, "revoked_keys": 1}
    (beat,) = teller.tell(BEAT, 1001.5)
    assert beat == Told("heartbeat", 1001.5, 4, 1001.0)


def test_each_change_is_told() -> None:
    told = list(Teller().tell(CHANGE, 1002.0))
    assert [(each.detail["index"], each.detail["status"]) for each in told] == [
        (7, "STALE"),
        (8, "INVALID"),
    ]


def test_what_every_batch_repeats_is_told_once() -> None:
    denied = replace(BEAT, denied=(("old", 1300), ("new", 1400)), kids=("k0", "k1"))
    assert kinds(FIRST, denied, denied) == ["connected", "denied", "key_revoked", "heartbeat"]


def test_what_was_denied_while_the_line_was_cut_is_told() -> None:
    again = replace(FIRST, denied=(("old", 1300), ("new", 1400)), gap=True)
    assert kinds(FIRST, again) == ["connected", "connected", "gap", "denied"]


def lines(out: io.StringIO, *batches: Batch) -> str:
    teller, view = Teller(), LineView(out)
    for batch in batches:
        for told in teller.tell(batch, batch.as_of + 0.25):
            view.show(told)
    view.end()
    return out.getvalue()


def test_lines_that_are_piped_have_no_heartbeats_and_no_colours() -> None:
    printed = lines(io.StringIO(), FIRST, BEAT, CHANGE)
    assert len(printed.splitlines()) == 3
    assert "00:16:42.250  seq 6      STALE      https://i/status-lists/1 #7" in printed
    assert "\x1b" not in printed


def test_terminal_has_one_line_that_beats() -> None:
    printed = lines(Terminal(), FIRST, BEAT, BEAT)
    assert printed.count("\n") == 1
    assert printed.count("alive at seq 4, 0.2 s old") == 2


def test_text_of_an_issuer_moves_no_cursor() -> None:
    evil = replace(CHANGE, changes={"https://i/\x1b[2J": ((1, 1),)}, kids=("\x1b]0;x\x07",))
    printed = lines(io.StringIO(), FIRST, evil)
    assert "\x1b" not in printed


def test_programs_read_one_object_a_line() -> None:
    out, teller = io.StringIO(), Teller()
    for batch in (FIRST, BEAT, CHANGE):
        for told in teller.tell(batch, 1002.0):
            JsonView(out).show(told)
    read = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [each["kind"] for each in read] == ["connected", "heartbeat", "status", "status"]
    assert read[2]["list"] == "https://i/status-lists/1"


def test_follower_hears_a_change_and_opens_it_with_the_published_keys() -> None:
    with FakeIssuer(with_statuses=True) as issuer:
        raw = issuer.token()
        batches = Follower(issuer.issuer, issuer.transport()).follow()
        assert next(batches).is_snapshot
        issuer.revoke(raw)
        changed = next(batch for batch in batches if batch.changes)
        assert list(changed.changes.values()) == [((0, 1),)]


def test_follower_goes_on_when_the_key_changes() -> None:
    with FakeIssuer(with_statuses=True) as issuer:
        batches = Follower(issuer.issuer, issuer.transport()).follow()
        next(batches)
        before = issuer.key.kid
        issuer.rotate(keep_old=False)
        issuer.revoke_key(before or "")
        assert next(batch for batch in batches if batch.kids).kids == (before,)


def test_follower_says_when_there_is_no_stream() -> None:
    issuer = FakeIssuer()
    with pytest.raises(NoStream, match="offers no status stream"):
        next(Follower(issuer.issuer, issuer.transport()).follow())


def test_follower_takes_no_answer_to_somebody_else() -> None:
    with FakeIssuer(with_statuses=True) as issuer:
        transport = Crossed(issuer)
        with pytest.raises(FetchFailed, match="does not begin with an answer"):
            next(Follower(issuer.issuer, transport).follow())


def test_watch_ends_by_itself_when_told_to(capsys: pytest.CaptureFixture[str]) -> None:
    with FakeIssuer(with_statuses=True) as issuer:
        watch(issuer.issuer, seconds=0.0, as_json=False, transport=issuer.transport())
    assert "connected  epoch epoch-1" in capsys.readouterr().out


@pytest.mark.process
def test_ctrl_c_ends_it_cleanly() -> None:
    with LoopbackIssuer(with_statuses=True) as issuer:
        watching = subprocess.Popen(
            [
                *(sys.executable, "-m", "lingpai_server.cli.app", "status", "watch"),
                *("--issuer", issuer.issuer, "--json"),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        assert watching.stdout is not None
        first = json.loads(watching.stdout.readline())
        watching.send_signal(signal.SIGINT)
        _, told = watching.communicate(timeout=20)
    assert first["kind"] == "connected"
    assert first["at"] == pytest.approx(time.time(), abs=60)
    assert (watching.returncode, told) == (0, b"")
