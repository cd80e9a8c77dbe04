"""The commands of an operator: what they print, for whom, and how they end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.server import FAST_PASSWORDS
from typer.testing import CliRunner

from lingpai_server.cli.app import app

ORDERS = "https://orders.demo.example"
PASSWORD = "correct horse battery staple"


class Lingpai:
    """Runs commands on one data folder, in this process."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.runner = CliRunner(env=FAST_PASSWORDS)

    def __call__(self, *arguments: str, stdin: str = "", code: int = 0) -> str:
        ended = self.runner.invoke(app, [*arguments, "--data", str(self.data)], input=stdin)
        assert ended.exit_code == code, ended.output
        return ended.stdout if code == 0 else ended.stderr

    def json(self, *arguments: str, stdin: str = "") -> Any:
        return json.loads(self(*arguments, "--json", stdin=stdin))


@pytest.fixture
def lingpai(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lingpai:
    monkeypatch.chdir(tmp_path)
    made = Lingpai(tmp_path / "data")
    made("key", "list")  # the first start, whose announcement other tests need not read
    return made


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lingpai:
    monkeypatch.chdir(tmp_path)
    return Lingpai(tmp_path / "data")


def test_command_before_the_server_ever_ran_makes_the_house(fresh: Lingpai) -> None:
    assert "First start" in fresh("user", "list")
    assert "First start" not in fresh("user", "list")


def test_announcement_does_not_disturb_json(fresh: Lingpai) -> None:
    (admin,) = fresh.json("user", "list")
    assert admin["username"] == "admin"


def test_user_with_a_password_from_standard_input(lingpai: Lingpai) -> None:
    told = lingpai("user", "create", "Mei", "--password-stdin", stdin=PASSWORD + "\n")
    assert told == "user mei created\n"
    assert PASSWORD not in told


def test_user_without_one_is_shown_one_once(lingpai: Lingpai) -> None:
    assert "password (shown once): " in lingpai("user", "create", "mei")
    assert "password" not in lingpai("user", "show", "mei")


def test_user_as_json(lingpai: Lingpai) -> None:
    made = lingpai.json("user", "create", "mei")
    assert len(made["password"]) >= 25
    shown = lingpai.json("user", "show", "mei")
    assert shown["user_id"] == made["user_id"]
    assert "password" not in shown


def test_no_command_shows_a_password_hash(lingpai: Lingpai) -> None:
    for arguments in (("user", "list"), ("user", "show", "admin"), ("event", "list")):
        assert "argon2" not in lingpai(*arguments)
        assert "argon2" not in lingpai(*arguments, "--json")


def test_reset_password(lingpai: Lingpai) -> None:
    assert "admin has a new password" in lingpai("user", "reset-password", "admin")


def test_lock_and_unlock(lingpai: Lingpai) -> None:
    lingpai("user", "lock", "admin")
    assert lingpai.json("user", "show", "admin")["status"] == "locked"
    lingpai("user", "unlock", "admin")
    assert lingpai.json("user", "show", "admin")["status"] == "active"


def test_role_from_making_to_taking(lingpai: Lingpai) -> None:
    permissions = ("--permission", "orders:read", "--permission", "orders:ship")
    lingpai("role", "create", "shipper", "--api", ORDERS, *permissions)
    roles = {
        (role["api"], role["role"]): role["permissions"] for role in lingpai.json("role", "list")
    }
    assert roles[ORDERS, "shipper"] == ["orders:read", "orders:ship"]
    lingpai("user", "create", "mei")
    lingpai("user", "grant", "mei", "shipper", "--api", ORDERS)
    assert lingpai.json("user", "show", "mei")["roles"] == {ORDERS: ["shipper"]}
    lingpai("user", "revoke", "mei", "shipper", "--api", ORDERS)
    assert lingpai.json("user", "show", "mei")["roles"] == {}


def test_confidential_client_shows_its_secret_once(lingpai: Lingpai) -> None:
    told = lingpai("client", "create", "worker", "--api", ORDERS, "--confidential")
    assert "secret (shown once): lp_cs_" in told
    assert "lp_cs_" not in lingpai("client", "show", "worker")
    shown = lingpai.json("client", "show", "worker")
    assert shown["grant_types"] == ["client_credentials"]


def test_public_client_may_refresh_by_default(lingpai: Lingpai) -> None:
    made = lingpai.json("client", "create", "web", "--api", ORDERS, "--first-party")
    assert made["grant_types"] == ["refresh_token"]
    assert made["public"]
    assert made["first_party"]
    assert "client_secret" not in made


def test_client_is_disabled_and_enabled(lingpai: Lingpai) -> None:
    lingpai("client", "disable", "demo-app")
    assert lingpai.json("client", "show", "demo-app")["disabled"]
    lingpai("client", "enable", "demo-app")
    assert not lingpai.json("client", "show", "demo-app")["disabled"]


def test_api_with_a_secret_explains_it(lingpai: Lingpai) -> None:
    told = lingpai("api", "create", "https://x.example", "--algorithm", "HS256")
    assert "shown once" in told
    assert '"kty":"oct"' in told
    assert "oct" not in lingpai("api", "list")


def test_api_list(lingpai: Lingpai) -> None:
    listed = lingpai.json("api", "list")
    assert {api["audience"] for api in listed} >= {ORDERS, "urn:lingpai:admin"}


def test_key_list_shows_no_key(lingpai: Lingpai) -> None:
    keys = lingpai.json("key", "list")
    assert {"ES256", "RS256", "HS256"} <= {key["algorithm"] for key in keys}
    members = {name for key in keys for name in key}
    assert members == {"kid", "purpose", "algorithm", "state", "created_at", "audience"}


def test_session_end(lingpai: Lingpai) -> None:
    assert "all sessions of user admin have ended" in lingpai("session", "end", "--user", "admin")


def test_event_list_is_in_order_and_can_go_on(lingpai: Lingpai) -> None:
    lingpai("user", "create", "mei")
    first, second = lingpai.json("event", "list")
    assert (first["kind"], second["kind"]) == ("server.bootstrapped", "user.created")
    (only,) = lingpai.json("event", "list", "--after", str(first["number"]))
    assert only == second


@pytest.mark.parametrize(
    "arguments",
    [
        ("user", "show", "nobody"),
        ("user", "create", "admin"),
        ("user", "create", "mei", "--password-stdin"),
        ("user", "grant", "admin", "no-such-role", "--api", ORDERS),
        ("role", "create", "x", "--api", "https://nobody.example"),
        ("client", "show", "nobody"),
        ("client", "create", "x", "--api", "https://nobody.example"),
        ("client", "create", "demo-app", "--api", ORDERS),
        ("api", "create", "not a uri"),
        ("api", "create", ORDERS),
        ("api", "create", "https://x.example", "--algorithm", "none"),
        ("session", "end", "--user", "nobody"),
    ],
)
def test_refusal_is_one_line_and_exit_code_1(lingpai: Lingpai, arguments: tuple[str, ...]) -> None:
    told = lingpai(*arguments, code=1)
    assert told.startswith("lingpai: ")
    assert told.count("\n") == 1


def test_short_password_is_refused_without_being_repeated(lingpai: Lingpai) -> None:
    told = lingpai("user", "create", "mei", "--password-stdin", stdin="hunter2\n", code=1)
    assert "15 characters" in told
    assert "hunter2" not in told


@pytest.mark.parametrize(
    "arguments",
    [
        ("user",),
        ("user", "create"),
        ("nonsense",),
        ("serve", "--port", "0"),
        ("serve", "--port", "x"),
        ("api", "create", "https://x.example", "--ttl", "1"),
        ("event", "list", "--limit", "0"),
    ],
)
def test_wrong_usage_is_exit_code_2(lingpai: Lingpai, arguments: tuple[str, ...]) -> None:
    lingpai(*arguments, code=2)


def test_data_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told = Lingpai(tmp_path / "file" / "data")("user", "list", code=1)
    assert told.count("\n") == 1


def test_table_that_is_piped_has_a_line_a_row(lingpai: Lingpai) -> None:
    lines = lingpai("api", "list").splitlines()
    assert len(lines) == 5
    assert lines[0].startswith("audience")
