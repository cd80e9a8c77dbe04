"""Asking others over HTTP: only where that is allowed, only what was judged, never for long."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from tests.support.certificates import Authority
from tests.support.receiver import Receiver, Reply, Seen

from lingpai_server.app.fetching import Fetched, Fetcher
from lingpai_server.app.outgoing import FetchFailed, FetchRefused, OutgoingPolicy

AT_HOME = OutgoingPolicy(loopback=True)
JSON = "application/json"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


def get(fetcher: Fetcher, url: str, *, accept: str = JSON, max_bytes: int = 1000) -> Fetched:
    return asyncio.run(fetcher.get(url, accept=accept, max_bytes=max_bytes))


def resolving(
    *answers: tuple[str, ...],
) -> tuple[Callable[[str, int], Awaitable[tuple[str, ...]]], list[str]]:
    """A resolver that says these things in turn, and what it was asked."""
    left, asked = list(answers), []

    async def resolve(host: str, port: int) -> tuple[str, ...]:
        asked.append(host)
        return left.pop(0)

    return resolve, asked


def test_answer_is_told_as_it_came(receiver: Receiver) -> None:
    kind = "Application/JSON; charset=utf-8"
    receiver.answer = Reply(200, b"{}", {"Content-Type": kind, "Cache-Control": "max-age=60"})
    fetched = get(Fetcher(AT_HOME), f"{receiver.url}/a?b=%7e")
    assert fetched == Fetched(200, JSON, b"{}", 60)
    (seen,) = receiver.seen
    assert (seen.method, seen.target) == ("GET", "/a?b=%7e")
    assert seen.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert seen.headers["accept"] == JSON
    assert "cookie" not in seen.headers


@pytest.mark.parametrize(
    ("cache_control", "seconds"),
    [
        ("", None),
        ("public", None),
        ("max-age=5", 5),
        ('max-age="5"', 5),
        ("max-age=5, no-store", 0),
        ("no-cache", 0),
        ("max-age=soon", 0),
        ("max-age=99999999999999999999", 9999999999),
    ],
)
def test_cache_control_is_read(
    receiver: Receiver, cache_control: str, seconds: int | None
) -> None:  # RFC 9111 section 5.2.2
    receiver.answer = Reply(headers={"Cache-Control": cache_control} if cache_control else {})
    assert get(Fetcher(AT_HOME), receiver.url).max_age_seconds == seconds


def test_form_is_posted(receiver: Receiver) -> None:
    receiver.answer = Reply(204)
    status = asyncio.run(Fetcher(AT_HOME).post_form(receiver.url, {"logout_token": "a&b=ü"}))
    (seen,) = receiver.seen
    assert status == 204
    assert seen.headers["content-type"] == "application/x-www-form-urlencoded"
    assert seen.form == {"logout_token": "a&b=ü"}


def test_own_machine_is_not_asked(receiver: Receiver) -> None:
    resolve, _ = resolving(("127.0.0.1",))
    with pytest.raises(FetchRefused):
        get(Fetcher(OutgoingPolicy(), resolve=resolve), f"https://client.example:{receiver.port}/")
    assert receiver.seen == []


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "[::1]", "[::ffff:7f00:1]"])
def test_own_machine_is_not_asked_under_another_spelling(host: str) -> None:
    with pytest.raises(FetchRefused):
        get(Fetcher(OutgoingPolicy()), f"https://{host}/")


def test_name_is_resolved_once_so_that_it_cannot_change_its_mind() -> None:  # DNS rebinding
    resolve, asked = resolving(("192.0.2.1",), ("127.0.0.1",))
    with pytest.raises(FetchRefused):
        get(Fetcher(OutgoingPolicy(), resolve=resolve), "https://client.example/")
    assert asked == ["client.example"]


def test_connection_goes_to_the_address_that_was_judged(
    tmp_path: Path,
) -> None:
    authority = Authority.make(tmp_path)
    resolve, asked = resolving(("127.0.0.1",))
    policy = OutgoingPolicy(loopback=True, ca_file=authority.file)
    # no resolver of the system knows the name: only the judged address can have been used
    with Receiver(tls=authority.server_context("client.invalid")) as receiver:
        fetched = get(Fetcher(policy, resolve=resolve), f"https://client.invalid:{receiver.port}/")
    assert fetched.status == 200
    assert asked == ["client.invalid"]
    assert receiver.seen[0].headers["host"] == f"client.invalid:{receiver.port}"


def test_certificate_of_another_name_is_refused(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)
    resolve, _ = resolving(("127.0.0.1",))
    policy = OutgoingPolicy(loopback=True, ca_file=authority.file)
    with (
        Receiver(tls=authority.server_context("other.invalid", "127.0.0.1")) as receiver,
        pytest.raises(FetchFailed, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        get(Fetcher(policy, resolve=resolve), f"https://client.invalid:{receiver.port}/")
    assert receiver.seen == []


def test_certificate_of_an_unknown_authority_is_refused(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)
    with (
        Receiver(tls=authority.server_context("127.0.0.1")) as receiver,
        pytest.raises(FetchFailed, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        get(Fetcher(AT_HOME), receiver.url)


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_file_of_authorities_is_read_at_the_start(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "authorities.pem"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(OSError, match=r"(No such file|NO_CERTIFICATE|no start line)"):
        Fetcher(OutgoingPolicy(ca_file=file))


def test_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.answer = Reply(302, b"", {"Location": f"{receiver.url}/elsewhere"})
    assert get(Fetcher(AT_HOME), receiver.url).status == 302
    assert len(receiver.seen) == 1


def test_cookie_is_not_kept(receiver: Receiver) -> None:
    receiver.answer = Reply(headers={"Set-Cookie": "a=b"})
    fetcher = Fetcher(AT_HOME)
    get(fetcher, receiver.url)
    get(fetcher, receiver.url)
    assert all("cookie" not in seen.headers for seen in receiver.seen)


def test_proxy_of_the_environment_is_not_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    assert get(Fetcher(AT_HOME), receiver.url).status == 200


def test_answer_that_is_too_long_is_given_up(receiver: Receiver) -> None:
    receiver.answer = Reply(body=b"x" * 1001)
    with pytest.raises(FetchFailed, match="1000 bytes"):
        get(Fetcher(AT_HOME), receiver.url)


def test_answer_without_an_end_is_given_up(receiver: Receiver) -> None:
    receiver.answer = Reply(body=b"x" * 100, headers={"Content-Length": "1000000"})
    with pytest.raises(FetchFailed):
        get(Fetcher(OutgoingPolicy(loopback=True, timeout_seconds=0.3)), receiver.url)


def test_compressed_answer_is_refused(receiver: Receiver) -> None:
    receiver.answer = Reply(headers={"Content-Encoding": "gzip"})
    with pytest.raises(FetchFailed, match="compressed"):
        get(Fetcher(AT_HOME), receiver.url)


@pytest.mark.parametrize("reply", [Reply(hang=True), Reply(body=b"x" * 1000, drip=True)])
def test_slow_answer_is_given_up_as_a_whole(receiver: Receiver, reply: Reply) -> None:
    receiver.answer = reply
    started = time.monotonic()
    with pytest.raises(FetchFailed, match="in time"):
        get(Fetcher(OutgoingPolicy(loopback=True, timeout_seconds=0.3)), receiver.url)
    assert time.monotonic() - started < 2


def test_slow_resolver_is_given_up() -> None:
    async def never(host: str, port: int) -> tuple[str, ...]:
        await asyncio.Event().wait()
        raise AssertionError

    fetcher = Fetcher(OutgoingPolicy(timeout_seconds=0.1), resolve=never)
    with pytest.raises(FetchFailed, match="in time"):
        get(fetcher, "https://client.example/")


def test_host_that_nobody_listens_at_fails(receiver: Receiver) -> None:
    receiver.close()
    with pytest.raises(FetchFailed):
        get(Fetcher(AT_HOME), receiver.url)


def test_name_without_address_fails() -> None:
    resolve, _ = resolving(())
    with pytest.raises(FetchFailed, match="no address"):
        get(Fetcher(OutgoingPolicy(), resolve=resolve), "https://client.example/")


def test_name_that_no_resolver_can_spell_fails() -> None:
    with pytest.raises(FetchFailed):
        get(Fetcher(OutgoingPolicy()), f"https://{'a' * 64}.example/")


def test_next_address_is_tried_when_nobody_listens_at_the_first(receiver: Receiver) -> None:
    resolve, _ = resolving(("::1", "127.0.0.1"))
    url = f"http://localhost:{receiver.port}/"
    assert get(Fetcher(AT_HOME, resolve=resolve), url).status == 200


def test_no_more_go_on_at_one_time_than_allowed(receiver: Receiver) -> None:
    lock, running, peak = threading.Lock(), 0, 0

    def answer(seen: Seen) -> Reply:
        nonlocal running, peak
        with lock:
            running += 1
            peak = max(peak, running)
        receiver.stopping.wait(0.05)  # long enough for a third to come, if one could
        with lock:
            running -= 1
        return Reply()

    receiver.answer = answer
    fetcher = Fetcher(OutgoingPolicy(loopback=True, parallel=2))

    async def scenario() -> None:
        asked = [fetcher.get(receiver.url, accept=JSON, max_bytes=10) for _ in range(6)]
        await asyncio.gather(*asked)

    asyncio.run(scenario())
    assert peak == 2


def test_answer_that_is_no_http_fails() -> None:
    async def scenario() -> None:
        async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"SSH-2.0-OpenSSH_9.6\r\n")
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(babble, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(FetchFailed):
                await Fetcher(AT_HOME).get(f"http://127.0.0.1:{port}/", accept=JSON, max_bytes=9)

    asyncio.run(scenario())
