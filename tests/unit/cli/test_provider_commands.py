"""Clients, APIs and people of an OpenID provider, as an operator describes them."""

from __future__ import annotations

import base64
import hashlib
import json
import textwrap
from pathlib import Path
from typing import Any

import pytest
from tests.unit.cli.test_office_commands import ORDERS, Lingpai
from typer.testing import CliRunner

from lingpai import Key
from lingpai.jose.key_set import KeySet
from lingpai.jose.keys import PrivateKey
from lingpai_server.cli.app import app
from lingpai_server.config.loader import load_config

WEB = "https://app.example/callback"


@pytest.fixture
def lingpai(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lingpai:
    monkeypatch.chdir(tmp_path)
    made = Lingpai(tmp_path / "data")
    made("key", "list")
    return made


@pytest.fixture
def jwks(tmp_path: Path) -> Path:
    key = Key.generate("ES256")
    assert isinstance(key, PrivateKey)
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps(KeySet([key.public]).to_jwks()), encoding="utf-8")
    return file


def test_a_client_with_a_redirect_gets_the_code_flow(lingpai: Lingpai) -> None:
    made = lingpai.json(
        *("client", "create", "web", "--redirect-uri", WEB, "--scope", "openid"),
        *("--scope", "profile", "--confidential", "--profile", "oidc"),
        *("--post-logout-redirect-uri", "https://app.example/", "--id-token-alg", "ES256"),
    )
    assert made["grant_types"] == ["authorization_code", "refresh_token"]
    assert made["redirect_uris"] == [WEB]
    assert made["id_token_signed_response_alg"] == "ES256"
    assert made["client_secret"].startswith("lp_cs_")
    assert made["profile"] == "oidc"
    shown = lingpai.json("client", "show", "web")
    assert "client_secret" not in shown
    assert shown["post_logout_redirect_uris"] == ["https://app.example/"]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--redirect-uri", "http://app.example/cb"], "plain http"),
        (["--redirect-uri", f"{WEB}#x"], "fragment"),
        (["--redirect-uri", "javascript:alert(1)"], "redirect_uris"),
        (["--grant", "authorization_code"], "redirect URI"),
        (["--grant", "token_exchange"], "confidential"),
        (["--grant", "password"], "no grant type"),
        (["--auth-method", "private_key_jwt"], "jwks"),
        (["--auth-method", "guess"], "token_endpoint_auth_method"),
        (["--profile", "fapi3"], "no profile"),
        (["--profile", "fapi2"], "proves itself by"),
        (["--api", "https://nowhere.example"], "there is no API"),
        (["--introspects", "https://nowhere.example"], "there is no API"),
        (["--id-token-alg", "none"], "id_token_signed_response_alg"),
        (["--metadata", "absent.json"], "absent.json"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_client_that_cannot_be_is_refused_in_one_line(
    lingpai: Lingpai, options: list[str], problem: str
) -> None:
    told = lingpai("client", "create", "app", "--scope", "openid", *options, code=1)
    assert problem in told
    assert len(told.strip().splitlines()) == 1
    assert "app" not in {client["client_id"] for client in lingpai.json("client", "list")}


def test_a_client_that_asks_for_nothing_is_refused(lingpai: Lingpai) -> None:
    assert "needs an API" in lingpai("client", "create", "app", code=1)


def test_a_fapi2_client_has_a_key_and_bound_tokens(lingpai: Lingpai, jwks: Path) -> None:
    options = ("--redirect-uri", WEB, "--scope", "openid", "--profile", "fapi2")
    with_key = (*options, "--auth-method", "private_key_jwt", "--jwks", str(jwks))
    assert "bound" in lingpai("client", "create", "bank", *with_key, code=1)
    made = lingpai.json("client", "create", "bank", *with_key, "--dpop-bound")
    assert made["dpop_bound_access_tokens"] is True
    assert "client_secret" not in made
    assert not made["public"]


def test_a_private_key_is_not_taken_for_a_public_one(lingpai: Lingpai, tmp_path: Path) -> None:
    file = tmp_path / "private.json"
    key = Key.generate("ES256").to_jwk(private=True)
    file.write_text(json.dumps({"keys": [key]}), encoding="utf-8")
    told = lingpai("client", "create", "app", "--scope", "openid", "--jwks", str(file), code=1)
    assert "private key" in told
    assert key["d"] not in told


def test_metadata_from_a_file_and_options_over_it(lingpai: Lingpai, tmp_path: Path) -> None:
    file = tmp_path / "metadata.json"
    metadata: dict[str, Any] = {"redirect_uris": [WEB], "tos_uri": "https://app.example/tos"}
    file.write_text(json.dumps(metadata), encoding="utf-8")
    other = "https://app.example/other"
    made = lingpai.json(
        *("client", "create", "app", "--scope", "openid", "--metadata", str(file)),
        *("--redirect-uri", other),
    )
    assert made["redirect_uris"] == [other]
    assert made["tos_uri"] == "https://app.example/tos"


def test_an_update_changes_what_it_names_and_nothing_else(lingpai: Lingpai) -> None:
    lingpai("client", "create", "app", "--scope", "openid", "--redirect-uri", WEB)
    before = lingpai.json("client", "show", "app")
    other = "https://app.example/other"
    after = lingpai.json("client", "update", "app", "--redirect-uri", other, "--first-party")
    assert after == before | {"redirect_uris": [other], "first_party": True}
    assert "plain http" in lingpai(
        "client", "update", "app", "--redirect-uri", "http://app.example/", code=1
    )
    assert lingpai.json("client", "show", "app") == after


def test_a_new_secret_takes_the_place_of_the_old(lingpai: Lingpai) -> None:
    made = lingpai.json("client", "create", "svc", "--confidential", "--api", ORDERS)
    again = lingpai.json("client", "rotate-secret", "svc")
    assert again["client_secret"] != made["client_secret"]
    lingpai("client", "create", "app", "--scope", "openid", "--redirect-uri", WEB)
    assert "has no secret" in lingpai("client", "rotate-secret", "app", code=1)


def test_a_secret_from_elsewhere_is_long_and_never_shown(lingpai: Lingpai, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    options = ("--api", ORDERS, "--confidential", "--import-secret-file", str(file))
    file.write_text("short\n", encoding="utf-8")
    assert "32 characters" in lingpai("client", "create", "svc", *options, code=1)
    file.write_text("x" * 40 + "\n", encoding="utf-8")
    assert "client_secret" not in lingpai.json("client", "create", "svc", *options)


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "PS256", "Ed25519"])
def test_an_api_may_choose_its_algorithm(lingpai: Lingpai, algorithm: str) -> None:
    lingpai("api", "create", "https://a.example", "--algorithm", algorithm)
    keys = [key for key in lingpai.json("key", "list") if key["algorithm"] == algorithm]
    assert len(keys) == 1


def test_an_api_with_encrypted_tokens_has_a_key(lingpai: Lingpai, tmp_path: Path) -> None:
    key = Key.generate("ECDH-ES+A128KW")
    assert isinstance(key, PrivateKey)
    file = tmp_path / "api.jwk"
    file.write_text(json.dumps(key.public.to_jwk()), encoding="utf-8")
    url = "https://a.example"
    assert "encryption key" in lingpai("api", "create", url, "--format", "jwe", code=1)
    made = lingpai.json("api", "create", url, "--format", "jwe", "--encryption-key", str(file))
    assert made["format"] == "jwe"
    assert lingpai.json("api", "update", url, "--format", "opaque")["format"] == "opaque"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--algorithm", "none"], "no choice"),
        (["--format", "saml"], "no format"),
        (["--max-token-bytes", "10"], "budget"),
        (["--scope-text", "read=Read orders"], "does not have"),
        (["--scope", "read", "--scope-text", "read"], "SCOPE=TEXT"),
    ],
)
def test_an_api_that_cannot_be_is_refused_in_one_line(
    lingpai: Lingpai, options: list[str], problem: str
) -> None:
    told = lingpai("api", "create", "https://a.example", *options, code=1)
    assert problem in told
    assert len(told.strip().splitlines()) == 1


def test_an_api_says_what_its_scopes_mean(lingpai: Lingpai) -> None:
    lingpai("api", "create", "https://a.example", "--scope", "read")
    made = lingpai.json(
        *("api", "update", "https://a.example"),
        *("--scope-text", "read=Read orders", "--scope-text", "read#zh-CN=查看订单"),
    )
    assert made["scope_texts"] == {"read": "Read orders", "read#zh-CN": "查看订单"}


def test_the_issuers_own_api_is_as_it_is(lingpai: Lingpai) -> None:
    assert "issuer's own" in lingpai("api", "update", "urn:lingpai:userinfo", "--ttl", "60", code=1)


def test_what_is_known_of_a_person(lingpai: Lingpai) -> None:
    known = lingpai.json(
        *("user", "claims", "admin", "--set", "name=Ada Lovelace", "--set", "email_verified=true"),
        *("--set", 'address={"locality":"London"}', "--set", "phone_number=+44 20 7946 0000"),
    )
    assert known == {
        "name": "Ada Lovelace",
        "email_verified": True,
        "address": {"locality": "London"},
        "phone_number": "+44 20 7946 0000",
    }
    less = lingpai.json("user", "claims", "admin", "--unset", "address", "--unset", "absent")
    assert less == {name: value for name, value in known.items() if name != "address"}
    assert lingpai.json("user", "claims", "admin") == less


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("sub=1", "no standard claim"),
        ("email_verified=perhaps", "true or false"),
        ("address=London", "object of texts"),
        ('address={"planet":"Mars"}', "object of texts"),
        ("updated_at=-1", "since the epoch"),
        ("name=", "1 to"),
        ("name", "NAME=VALUE"),
    ],
)
def test_a_claim_that_cannot_be_is_refused(lingpai: Lingpai, given: str, problem: str) -> None:
    assert problem in lingpai("user", "claims", "admin", "--set", given, code=1)


def run(*arguments: str) -> str:
    """A command that needs no database."""
    ended = CliRunner().invoke(app, arguments)
    assert ended.exit_code == 0, ended.output
    return ended.stdout


def test_a_registration_token_is_known_by_the_digest_beside_it() -> None:
    made = json.loads(run("client", "registration-token", "--json"))
    assert made["token"].startswith("lp_ia_")
    digest = hashlib.sha256(made["token"].encode()).digest()
    assert made["sha256"] == base64.urlsafe_b64encode(digest).decode().rstrip("=")


def test_a_registration_token_comes_with_its_configuration(tmp_path: Path) -> None:
    told = run("client", "registration-token").splitlines()
    file = tmp_path / "registration.toml"
    file.write_text(textwrap.dedent("\n".join(told[2:])), encoding="utf-8")
    registration = load_config(file=file, environ={}).config.registration
    assert registration.mode == "token"
    assert len(registration.initial_access_tokens) == 1
