"""The commands that call things back: groups, sessions, tokens, keys, statuses; and `token why`."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from tests.support.house import JSON, ask
from tests.support.server import FAST_PASSWORDS
from tests.unit.cli.test_office_commands import ORDERS, PASSWORD, Lingpai

from lingpai_server.app.clock import now
from lingpai_server.assembly import assemble
from lingpai_server.config.loader import load_config
from lingpai_server.main import Premises, open_keys, opened

T = TypeVar("T")


@pytest.fixture
def lingpai(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lingpai:
    """A data folder with mei, who is a clerk."""
    monkeypatch.chdir(tmp_path)
    made = Lingpai(tmp_path / "data")
    made("user", "create", "mei", "--password-stdin", stdin=PASSWORD)
    made("user", "grant", "mei", "clerk", "--api", ORDERS)
    return made


def log_in(lingpai: Lingpai) -> dict[str, Any]:
    """As mei, at the real application over the same folder."""

    async def act(premises: Premises) -> dict[str, Any]:
        keys = await open_keys(premises)
        parts = assemble(premises.config, premises.store, premises.hasher, keys, clock=now)
        body = {"username": "mei", "password": PASSWORD, "client_id": "demo-app"}
        sent = json.dumps(body | {"resource": ORDERS}).encode()
        reply = await ask(parts.app, "POST", "/login", (JSON,), sent)
        parts.close()
        answer: dict[str, Any] = reply.json
        return answer

    return with_premises(lingpai, act)


def signing_keys(lingpai: Lingpai) -> list[str]:
    stored = lingpai.json("key", "list")
    return [k["kid"] for k in stored if (k["purpose"], k["algorithm"]) == ("sign", "ES256")]


def with_premises(lingpai: Lingpai, act: Callable[[Premises], Awaitable[T]]) -> T:
    async def run() -> T:
        where = {"storage.data_dir": str(lingpai.data)}
        config = load_config(file=None, environ=FAST_PASSWORDS, arguments=where).config
        async with opened(config, os.environ) as premises:
            return await act(premises)

    return asyncio.run(run())


def why(lingpai: Lingpai, token: str, *options: str) -> dict[str, Any]:
    ended = lingpai.runner.invoke(
        app_of(), ["token", "why", "--json", *options, "--data", str(lingpai.data)], input=token
    )
    told: dict[str, Any] = json.loads(ended.stdout)
    assert ended.exit_code == (0 if told["verdict"] == "good" else 1)
    return told


def app_of() -> Any:
    from lingpai_server.cli.app import app

    return app


class TestGroup:
    def test_from_making_to_deleting(self, lingpai: Lingpai) -> None:
        told = lingpai.json("group", "create", "staff", "--description", "shop floor")
        assert told == {"group": "staff", "description": "shop floor", "members": [], "roles": {}}
        assert "stale" in lingpai("group", "grant", "staff", "manager", "--api", ORDERS)
        assert "stale" in lingpai("group", "add", "staff", "mei")
        shown = lingpai.json("group", "show", "staff")
        assert (shown["members"], shown["roles"]) == (["mei"], {ORDERS: ["manager"]})
        (listed,) = lingpai.json("group", "list")
        assert (listed["group"], listed["members"]) == ("staff", 1)
        mei = lingpai.json("user", "show", "mei")
        assert mei["roles"] == {ORDERS: ["clerk", "manager"]}
        assert mei["own_roles"] == {ORDERS: ["clerk"]}
        assert mei["groups"] == {"staff": {ORDERS: ["manager"]}}
        assert "manager" in lingpai("group", "revoke", "staff", "manager", "--api", ORDERS)
        lingpai("group", "remove", "staff", "mei")
        assert "no members" in lingpai("group", "delete", "staff")
        assert lingpai.json("group", "list") == []

    def test_user_is_shown_with_the_way_of_each_role(self, lingpai: Lingpai) -> None:
        lingpai("group", "create", "staff")
        lingpai("group", "grant", "staff", "clerk", "--api", ORDERS)
        lingpai("group", "add", "staff", "mei")
        told = lingpai("user", "show", "mei")
        assert f"role        clerk at {ORDERS} (itself, by group staff)" in told

    def test_role_is_shown_with_its_holders(self, lingpai: Lingpai) -> None:
        lingpai("client", "grant-role", "demo-app", "clerk", "--api", ORDERS)
        shown = lingpai.json("role", "show", "clerk", "--api", ORDERS)
        assert (shown["users"], shown["clients"]) == (["mei"], ["demo-app"])
        lingpai("client", "revoke-role", "demo-app", "clerk", "--api", ORDERS)
        assert lingpai.json("role", "show", "clerk", "--api", ORDERS)["clients"] == []

    def test_role_is_put_under_either_name(self, lingpai: Lingpai) -> None:
        told = lingpai("role", "put", "clerk", "--api", ORDERS, "--permission", "orders:ship")
        assert "orders:ship" in told
        assert "stale" in told


class TestSession:
    def test_is_listed_shown_and_ended(self, lingpai: Lingpai) -> None:
        log_in(lingpai)
        (listed,) = lingpai.json("session", "list", "mei")
        assert listed["live"]
        session_id = listed["session_id"]
        assert "live, runs out in" in lingpai("session", "list", "mei")
        shown = lingpai.json("session", "show", session_id)
        assert (shown["username"], shown["client_id"]) == ("mei", "demo-app")
        ended = lingpai("session", "end", session_id)
        assert "has ended" in ended
        assert "log in" in ended
        assert lingpai.json("session", "end", session_id)["had_ended"]
        assert "ended by operator" in lingpai("session", "show", session_id)

    def test_ends_all_of_a_user_under_either_name(self, lingpai: Lingpai) -> None:
        log_in(lingpai)
        assert "all sessions of user mei" in lingpai("user", "end-sessions", "mei")
        log_in(lingpai)
        lingpai("session", "end", "--user", "mei")
        assert [each["live"] for each in lingpai.json("session", "list", "mei")] == [False] * 2

    @pytest.mark.parametrize("arguments", [(), ("x", "--user", "mei")])
    def test_is_named_once(self, lingpai: Lingpai, arguments: tuple[str, ...]) -> None:
        lingpai("session", "end", *arguments, code=2)


def test_lock_and_disable_say_what_becomes_of_tokens(lingpai: Lingpai) -> None:
    assert "suspended at once" in lingpai("user", "lock", "mei")
    assert "stale" in lingpai("user", "unlock", "mei")
    assert "suspended at once" in lingpai("client", "disable", "demo-app")
    assert "stale" in lingpai("client", "enable", "demo-app")


class TestToken:
    def test_is_denied_and_says_for_how_long(self, lingpai: Lingpai) -> None:
        raw = log_in(lingpai)["access_token"]
        told = lingpai("token", "revoke", stdin=raw)
        assert "denied until its end, in" in told
        assert raw.split(".")[1] not in told
        assert why(lingpai, raw)["check"] == "status"
        assert lingpai.json("status", "show")["denied_tokens"] == 1

    def test_takes_its_session_with_it(self, lingpai: Lingpai) -> None:
        raw = log_in(lingpai)["access_token"]
        assert lingpai.json("token", "revoke", "--grant", stdin=raw)["username"] == "mei"
        (session,) = lingpai.json("session", "list", "mei")
        assert not session["live"]

    def test_of_another_url_is_read_when_that_is_named(self, lingpai: Lingpai) -> None:
        raw = log_in(lingpai)["access_token"]
        other = ("--issuer", "http://127.0.0.1:9999")
        assert "--issuer" in lingpai("token", "revoke", *other, stdin=raw, code=1)

    def test_that_is_none_is_refused_in_one_line(self, lingpai: Lingpai) -> None:
        assert lingpai("token", "revoke", stdin="a.b.c", code=1).count("\n") == 1


class TestKey:
    def test_is_revoked_with_a_successor(self, lingpai: Lingpai) -> None:
        raw, (old,) = log_in(lingpai)["access_token"], signing_keys(lingpai)
        told = lingpai("key", "revoke", old)
        (new,) = signing_keys(lingpai)
        assert f"key {new} signs in its place" in told
        assert "JWKS" in told
        assert "nobody has to log in" in told
        found = why(lingpai, raw)
        assert (found["check"], found["issuer_knows"]["key"]["revoked"]) == ("key", True)
        assert "nobody has to log in" in found["advice"]
        assert lingpai.json("status", "show")["revoked_keys"] == [old]

    def test_of_an_api_shows_its_new_secret_once(self, lingpai: Lingpai) -> None:
        lingpai("api", "create", "https://x.example", "--algorithm", "HS256")
        stored = lingpai.json("key", "list")
        (kid,) = (key["kid"] for key in stored if key["audience"] == "https://x.example")
        revoked = lingpai.json("key", "revoke", kid)
        assert json.loads(revoked["secret_jwk"])["kid"] == revoked["successor"]

    def test_that_is_not_there_is_refused(self, lingpai: Lingpai) -> None:
        assert "not here" in lingpai("key", "revoke", "nothing", code=1)


def test_name_that_begins_with_a_dash_is_no_option(lingpai: Lingpai) -> None:
    for command in (("session", "show"), ("session", "end"), ("key", "revoke")):
        assert "-x_c1PBTpL135gVKILMYP2" in lingpai(*command, "-x_c1PBTpL135gVKILMYP2", code=1)


class TestEpoch:
    def test_is_begun_after_a_question(self, lingpai: Lingpai) -> None:
        log_in(lingpai)
        before = lingpai.json("status", "show")["epoch"]
        lingpai("status", "new-epoch", stdin="n\n", code=1)
        assert lingpai.json("status", "show")["epoch"] == before
        assert "every session has ended" in lingpai("status", "new-epoch", stdin="y\n")
        assert lingpai.json("status", "show")["epoch"] != before
        assert not lingpai.json("session", "list", "mei")[0]["live"]

    def test_is_begun_by_a_program(self, lingpai: Lingpai) -> None:
        begun = lingpai.json("status", "new-epoch", "--yes")
        assert lingpai.json("status", "show")["epoch"] == begun["epoch"]


def test_status_is_shown_in_numbers(lingpai: Lingpai) -> None:
    shown = lingpai.json("status", "show")
    assert (shown["not_valid"], shown["denied_tokens"], shown["revoked_keys"]) == (0, 0, [])
    assert "denied tokens" in lingpai("status", "show")


class TestWhy:
    def test_good_token_is_good(self, lingpai: Lingpai) -> None:
        answer = json.dumps(log_in(lingpai))  # as the token endpoint gave it
        told = why(lingpai, answer, "--audience", ORDERS)
        assert told["verdict"] == "good"
        assert told["issuer_knows"]["user"] == {"username": "mei", "status": "active"}
        kinds = [event["kind"] for event in told["issuer_knows"]["events"]]
        assert kinds == ["login.succeeded"]
        assert "GOOD" in lingpai("token", "why", stdin=answer)

    @pytest.mark.parametrize(
        ("options", "check"),
        [
            (("--audience", "https://other.example"), "aud"),
            (("--issuer", "https://other.example"), "iss"),
        ],
    )
    def test_refused_token_names_the_check(
        self, lingpai: Lingpai, options: tuple[str, ...], check: str
    ) -> None:
        told = why(lingpai, log_in(lingpai)["access_token"], *options)
        assert (told["verdict"], told["check"]) == ("refused", check)
        assert told["advice"]

    @pytest.mark.parametrize(
        ("act", "refused_by", "known"),
        [
            (("user", "lock", "mei"), "token_suspended", ("user", "status", "locked")),
            (("client", "disable", "demo-app"), "token_suspended", ("client", "disabled", True)),
            (("user", "end-sessions", "mei"), "token_revoked", ("slot", "status", "INVALID")),
            (
                ("user", "grant", "mei", "manager", "--api", ORDERS),
                "token_stale",
                ("slot", "status", "STALE"),
            ),
        ],
        ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else value,
    )
    def test_token_that_was_called_back_says_how(
        self,
        lingpai: Lingpai,
        act: tuple[str, ...],
        refused_by: str,
        known: tuple[str, str, object],
    ) -> None:
        raw = log_in(lingpai)["access_token"]
        lingpai(*act)
        told = why(lingpai, raw)
        assert (told["check"], told["code"]) == ("status", refused_by)
        thing, name, value = known
        assert told["issuer_knows"][thing][name] == value

    def test_session_that_ended_says_when_and_why(self, lingpai: Lingpai) -> None:
        raw = log_in(lingpai)["access_token"]
        lingpai("session", "end", "--user", "mei")
        session = why(lingpai, raw)["issuer_knows"]["session"]
        assert session["end_reason"] == "ended_by_operator"
        assert session["ended_at"] == pytest.approx(time.time(), abs=60)

    def test_lines_for_people_hold_no_token(self, lingpai: Lingpai) -> None:
        raw = log_in(lingpai)["access_token"]
        lingpai("user", "lock", "mei")
        ended = lingpai.runner.invoke(
            app_of(), ["token", "why", "--data", str(lingpai.data)], input=raw
        )
        assert ended.exit_code == 1
        assert "✗ status" in ended.stdout
        assert "next: undo the lock" in ended.stdout
        _, body, signature = raw.split(".")
        assert body not in ended.output
        assert signature not in ended.output

    def test_opaque_token_is_read_here(self, lingpai: Lingpai) -> None:
        lingpai("api", "update", ORDERS, "--format", "opaque")
        raw = log_in(lingpai)["access_token"]
        assert why(lingpai, raw, "--audience", ORDERS)["verdict"] == "good"
        lingpai("user", "lock", "mei")
        assert why(lingpai, raw)["code"] == "token_suspended"
        assert why(lingpai, raw[:-4] + "AAAA")["check"] == "signature"

    def test_token_under_an_apis_own_secret_is_read_here(self, lingpai: Lingpai) -> None:
        lingpai("api", "update", ORDERS, "--algorithm", "HS256")
        assert why(lingpai, log_in(lingpai)["access_token"])["verdict"] == "good"

    def test_text_that_is_no_token_is_refused(self, lingpai: Lingpai) -> None:
        told = why(lingpai, "nonsense")
        assert (told["check"], told["code"]) == ("header", "malformed_token")

    def test_asking_makes_no_folder(self, tmp_path: Path) -> None:
        nowhere = Lingpai(tmp_path / "nowhere")
        nowhere("token", "why", stdin="a.b.c", code=2)
        assert not nowhere.data.exists()
