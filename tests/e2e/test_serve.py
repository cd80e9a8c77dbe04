"""`lingpai serve` as its operator meets it: starting, stopping, starting again."""

from __future__ import annotations

import json
import re
import signal
import socket
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from tests.support.server import FAST_PASSWORDS, command, free_port, serving, start

pytestmark = pytest.mark.process


def password_in(text: str) -> str:
    found = re.search(r"^  password +(\S+)$", text, re.MULTILINE)
    assert found is not None
    return found[1]


def test_first_start_shows_the_password_once_and_never_logs_it(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        assert server.output.count("First start") == 1
        password = password_in(server.output)
        assert password not in server.log
    with serving(tmp_path) as server:
        assert "First start" not in server.output


def test_shown_password_logs_in(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        members = {
            "username": "admin",
            "password": password_in(server.output),
            "client_id": "demo-app",
        }
        assert httpx2.post(f"{server.url}/login", json=members).status_code == 200


def test_data_folder_belongs_to_its_owner_alone(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        assert stat.S_IMODE(server.data.stat().st_mode) == 0o700
        modes = {stat.S_IMODE(file.stat().st_mode) for file in server.data.iterdir()}
        assert modes == {0o600}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_stops_it_cleanly_within_five_seconds(
    tmp_path: Path, number: signal.Signals
) -> None:
    server = start(tmp_path)
    code, seconds = server.stop(number)
    assert code == 0, server.log
    assert seconds < 5
    assert server.log == ""


HALF_A_BODY = (
    b"POST /login HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n"
    b"content-type: application/json\r\n\r\n{"
)
WHOLE_REQUEST = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"


@pytest.mark.parametrize(
    "sent",
    [b"", b"POST /login HTT", HALF_A_BODY, WHOLE_REQUEST],
    ids=["silent", "half a head", "half a body", "kept alive"],
)
def test_idle_and_stuck_connections_do_not_hold_the_stop(tmp_path: Path, sent: bytes) -> None:
    server = start(tmp_path)
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(sent)
        if sent.startswith(b"GET"):
            assert connection.recv(100).startswith(b"HTTP/1.1 200")
        code, seconds = server.stop()
    assert code == 0, server.log
    assert seconds < 5


def test_taken_port_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = command("serve", "--port", port, data=tmp_path / "data")
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert f"cannot listen on 127.0.0.1 port {port}" in ended.stderr


def test_second_server_cannot_share_the_port(tmp_path: Path) -> None:
    port = free_port()
    with serving(tmp_path / "one", port=port):
        ended = command("serve", "--port", str(port), data=tmp_path / "two")
        assert ended.returncode == 1
        assert "cannot listen" in ended.stderr


def test_lost_sealing_key_is_told_in_one_line(tmp_path: Path) -> None:
    server = start(tmp_path)
    server.stop()
    (server.data / "sealing.key").unlink()
    ended = command("serve", "--port", str(free_port()), data=server.data)
    assert ended.returncode == 1
    assert "sealing key" in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert not (server.data / "sealing.key").exists()


def test_wrong_sealing_key_is_told_in_one_line(tmp_path: Path) -> None:
    server = start(tmp_path)
    server.stop()
    (server.data / "sealing.key").write_text("A" * 43)
    ended = command("serve", "--port", str(free_port()), data=server.data)
    assert ended.returncode == 1
    assert "does not open key" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_sealing_key_may_come_from_the_environment(tmp_path: Path) -> None:
    environ = {**FAST_PASSWORDS, "LINGPAI_SEALING_KEY": "A" * 43}
    with serving(tmp_path, environ=environ) as server:
        assert not (server.data / "sealing.key").exists()
        assert httpx2.get(f"{server.url}/readyz").status_code == 200


def test_bad_settings_are_all_told_with_exit_code_2(tmp_path: Path) -> None:
    environ = {"LINGPAI_SERVER__PROT": "1", "LINGPAI_SERVER__WORKERS": "0"}
    ended = command("serve", data=tmp_path / "data", environ=environ)
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 2
    assert not (tmp_path / "data").exists()


def test_two_first_starts_at_once_make_one_house(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with ThreadPoolExecutor(4) as pool:
        ended = list(pool.map(lambda _: command("user", "list", "--json", data=data), range(4)))
    assert [run.returncode for run in ended] == [0] * 4, [run.stderr for run in ended]
    assert sum("First start" in run.stderr for run in ended) == 1
    assert len({run.stdout for run in ended}) == 1


def test_json_log_is_one_object_a_line(tmp_path: Path) -> None:
    environ = {
        **FAST_PASSWORDS,
        "LINGPAI_SERVER__LOG_FORMAT": "json",
        "LINGPAI_SERVER__ACCESS_LOG": "true",
    }
    with serving(tmp_path, environ=environ) as server:
        httpx2.get(f"{server.url}/healthz?secret=1")
    # after its end: the line is written when the answer is out already
    (entry,) = [json.loads(line) for line in server.log.splitlines()]
    assert entry["logger"] == "lingpai.access"
    assert "GET /healthz 200" in entry["message"]
    assert "secret" not in entry["message"]
