"""`lingpai token`: what each command prints, how it ends, and what it never shows."""

from __future__ import annotations

import json
import stat
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from lingpai import Key, PrivateKey, SecretKey, sign
from lingpai_server.cli.token import token_app

ISSUER, AUDIENCE = "https://id.example", "https://a"


def make_claims(**changed: Any) -> dict[str, Any]:
    """The claims of a good access token, made now."""
    now = int(time.time())
    return {
        "iss": ISSUER,
        "sub": "u-1",
        "aud": AUDIENCE,
        "client_id": "web",
        "jti": "one",
        "iat": now,
        "exp": now + 290,
        **changed,
    }


def run(*arguments: str, stdin: str | bytes = "") -> Result:
    return CliRunner().invoke(token_app, list(arguments), input=stdin)


@pytest.fixture
def key() -> PrivateKey | SecretKey:
    return Key.generate("ES256", kid="k1")


@pytest.fixture
def key_file(key: PrivateKey, tmp_path: Path) -> str:
    path = tmp_path / "public.json"
    path.write_text(json.dumps(key.public.to_jwk()))
    return str(path)


@pytest.fixture
def raw(key: PrivateKey) -> str:
    return sign(make_claims(), key, typ="at+jwt")


# --- inspect ------------------------------------------------------------------------------------


def test_inspect_says_that_nothing_is_verified(raw: str) -> None:
    result = run("inspect", raw)
    assert result.exit_code == 0
    assert result.stdout.startswith(" UNVERIFIED ")
    assert " VERIFIED" not in result.stdout


@pytest.mark.parametrize("form", ["{}", "{}\n", "  Bearer {}", '{{"access_token": "{}"}}'])
def test_a_token_is_read_from_standard_input_in_the_forms_people_have_it(
    raw: str, form: str
) -> None:
    assert "iss" in run("inspect", stdin=form.format(raw)).stdout
    assert "iss" in run("inspect", "-", stdin=form.format(raw)).stdout


def test_inspect_tells_times_in_words(raw: str) -> None:
    assert "expires in 4 min" in run("inspect", raw).stdout


def test_inspect_prints_the_size_against_the_budget(raw: str) -> None:
    shown = run("inspect", raw).stdout
    assert "of 1,024 bytes" in shown
    assert "of 4,096 bytes" in shown
    assert f"{len(raw)} characters" in shown


def test_inspect_never_breaks_a_value_over_lines(key: PrivateKey) -> None:
    long = "x" * 300
    assert long in run("inspect", sign(make_claims(note=long), key, typ="at+jwt")).stdout


def test_what_would_move_the_cursor_is_shown_escaped(key: PrivateKey) -> None:
    # a claim and a claim's name can hold terminal escapes and marks that turn the reading order
    claims = make_claims() | {"note\x1b[2J": "\x1b]0;owned\x07", "turn": "\u202egnp.exe"}
    shown = run("inspect", sign(claims, key, typ="at+jwt")).stdout
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert r"\x1b[2J" in shown


@pytest.mark.parametrize(
    ("header", "remark"),
    [
        ({"alg": "none"}, "nothing signs it"),
        ({"alg": "XS256"}, "no signature algorithm known here"),
        ({"alg": "ES256", "jku": "https://evil.example"}, "jku names a key"),
        ({"alg": "ES256", "crit": ["x"]}, "would be refused"),
    ],
)
def test_inspect_remarks_what_no_verifier_would_accept(header: dict[str, Any], remark: str) -> None:
    raw = f"{_encode(header)}.{_encode(make_claims())}."
    assert remark in run("inspect", raw).stdout


def test_inspect_remarks_a_secret_that_anyone_can_read() -> None:
    shown = run("inspect", f"{_encode({'alg': 'ES256'})}.{_encode(make_claims(password='p'))}.")
    assert "looks like a secret" in shown.stdout


def test_inspect_json_is_for_programs(key: PrivateKey) -> None:
    claims = make_claims()
    shown = json.loads(run("inspect", "--json", sign(claims, key, typ="at+jwt")).stdout)
    assert shown["verified"] is False
    assert shown["claims"] == claims
    assert shown["header"]["kid"] == "k1"
    assert 200 <= shown["expires_in_seconds"] <= 290


@pytest.mark.parametrize("text", ["abc", "a.b.c", "....", "%.%.%"])
def test_what_is_no_token_is_refused_with_1(text: str) -> None:
    result = run("inspect", text)
    assert result.exit_code == 1
    assert result.stderr.startswith("refused: ")


def test_no_token_at_all_is_a_usage_error() -> None:
    result = run("inspect", stdin="")
    assert result.exit_code == 2
    assert "no token" in result.stderr


# --- verify -------------------------------------------------------------------------------------


def test_a_good_token_is_shown_as_verified(raw: str, key_file: str) -> None:
    result = run("verify", "--key", key_file, "--issuer", ISSUER, "--audience", AUDIENCE, raw)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith(" VERIFIED ")


def test_a_refusal_says_what_was_found_and_what_is_accepted(raw: str, key_file: str) -> None:
    result = run("verify", "--key", key_file, "--issuer", ISSUER, "--audience", "https://b", raw)
    assert result.exit_code == 1
    assert "refused: aud is 'https://a', this policy accepts 'https://b'" in result.stderr
    assert "audience_mismatch" in result.stderr
    assert not result.stdout


def test_a_refusal_of_an_expired_token_says_since_when(key: PrivateKey, key_file: str) -> None:
    old = sign(make_claims(exp=int(time.time()) - 3 * 3600), key, typ="at+jwt")
    result = run("verify", "--key", key_file, "--issuer", ISSUER, "--audience", AUDIENCE, old)
    assert "expired 3 h ago" in result.stderr


def test_a_refusal_in_json_has_a_stable_code(raw: str, key_file: str) -> None:
    options = ("--key", key_file, "--issuer", "https://other", "--audience", AUDIENCE)
    result = run("verify", "--json", *options, raw)
    assert result.exit_code == 1
    assert json.loads(result.stdout)["code"] == "issuer_mismatch"


@pytest.mark.parametrize(
    "options",
    [
        ("--audience", AUDIENCE),
        ("--issuer", ISSUER),
        ("--issuer", ISSUER, "--audience", AUDIENCE, "--typ", ""),
        ("--issuer", "", "--audience", AUDIENCE),
        ("--issuer", ISSUER, "--audience", ""),
        ("--issuer", ISSUER, "--any-issuer", "--audience", AUDIENCE),
    ],
)
def test_no_check_is_left_out_by_silence(raw: str, key_file: str, options: tuple[str, ...]) -> None:
    result = run("verify", "--key", key_file, *options, raw)
    assert result.exit_code == 2
    assert not result.stdout


def test_each_check_can_be_waived_by_name(raw: str, key_file: str) -> None:
    options = ("--any-issuer", "--any-audience")
    assert run("verify", "--key", key_file, *options, raw).exit_code == 0


def test_a_token_can_be_verified_as_of_another_time(key: PrivateKey, key_file: str) -> None:
    claims = make_claims()
    raw = sign(claims, key, typ="at+jwt")
    policy = ("--key", key_file, "--issuer", ISSUER, "--audience", AUDIENCE)
    assert run("verify", *policy, "--at", str(claims["iat"] + 1), raw).exit_code == 0
    assert run("verify", *policy, "--at", str(claims["exp"]), raw).exit_code == 1


def test_a_set_answers_by_kid(key: PrivateKey, raw: str, tmp_path: Path) -> None:
    other = Key.generate("ES256", kid="k2")
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": [other.public.to_jwk(), key.public.to_jwk()]}))
    policy = ("--issuer", ISSUER, "--audience", AUDIENCE)
    assert run("verify", "--jwks", str(path), *policy, raw).exit_code == 0


def test_a_secret_comes_from_a_file_or_from_standard_input(tmp_path: Path) -> None:
    secret = b"0123456789abcdefghijklmnopqrstuv"
    raw = sign(make_claims(), Key.from_secret(secret, alg="HS256"), typ="at+jwt")
    path = tmp_path / "secret"
    path.write_bytes(secret + b"\n")
    policy = ("--alg", "HS256", "--issuer", ISSUER, "--audience", AUDIENCE)
    assert run("verify", "--secret-file", str(path), *policy, raw).exit_code == 0
    assert run("verify", "--secret-stdin", *policy, raw, stdin=secret).exit_code == 0


def test_two_keys_are_one_too_many(raw: str, key_file: str) -> None:
    options = ("--key", key_file, "--jwks", key_file, "--any-issuer", "--any-audience")
    assert run("verify", *options, raw).exit_code == 2


def test_keys_that_cannot_be_had_decide_nothing(raw: str) -> None:
    # port 9 on loopback: nobody answers there
    options = ("--issuer", "http://127.0.0.1:9", "--audience", AUDIENCE)
    result = run("verify", *options, raw)
    assert result.exit_code == 3
    assert "not decided" in result.stderr


# --- sign ---------------------------------------------------------------------------------------


def test_what_sign_makes_verify_accepts(tmp_path: Path) -> None:
    private, public = str(tmp_path / "k"), str(tmp_path / "p")
    assert run("keygen", "Ed25519", "--out", private, "--public-out", public).exit_code == 0
    claims = json.dumps({k: v for k, v in make_claims().items() if k not in ("iat", "exp")})
    made = run("sign", "--key", private, "--lifetime", "5m", stdin=claims)
    assert made.exit_code == 0, made.stderr
    assert "of 4,096 bytes" in made.stderr
    policy = ("--key", public, "--issuer", ISSUER, "--audience", AUDIENCE)
    assert run("verify", *policy, stdin=made.stdout).exit_code == 0


def test_sign_refuses_a_secret_in_the_open(tmp_path: Path) -> None:
    private = str(tmp_path / "k")
    run("keygen", "ES256", "--out", private)
    claims = json.dumps(make_claims(password="hunter2"))
    refused = run("sign", "--key", private, stdin=claims)
    assert refused.exit_code == 1
    assert not refused.stdout
    assert "hunter2" not in refused.stderr
    allowed = run("sign", "--key", private, "--allow-claim", "password", stdin=claims)
    assert allowed.exit_code == 0


def test_a_public_key_does_not_sign(key_file: str) -> None:
    result = run("sign", "--key", key_file, stdin=json.dumps(make_claims()))
    assert result.exit_code == 2
    assert "public key" in result.stderr


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 1, "a": 2}', "{} {}"])
def test_claims_are_one_strict_json_object(tmp_path: Path, text: str) -> None:
    private = str(tmp_path / "k")
    run("keygen", "ES256", "--out", private)
    assert run("sign", "--key", private, stdin=text).exit_code == 2


# --- encrypt, decrypt ---------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["A256GCM", "ECDH-ES+A128KW", "RSA-OAEP-256"])
def test_what_encrypt_makes_decrypt_opens(tmp_path: Path, algorithm: str) -> None:
    private = str(tmp_path / "k")
    run("keygen", algorithm, "--out", private)
    content = b"\x00\xff bytes, as they are\n"
    made = run("encrypt", "--key", private, stdin=content)
    assert made.exit_code == 0, made.stderr
    assert run("decrypt", "--key", private, stdin=made.stdout).stdout_bytes == content


def test_the_public_half_is_enough_to_encrypt(tmp_path: Path) -> None:
    private, public = str(tmp_path / "k"), str(tmp_path / "p")
    run("keygen", "RSA-OAEP-256", "--out", private, "--public-out", public)
    made = run("encrypt", "--key", public, stdin="hello")
    assert run("decrypt", "--key", private, made.stdout.strip()).stdout == "hello"
    assert run("decrypt", "--key", public, made.stdout.strip()).exit_code == 2


def test_what_cannot_be_decrypted_is_refused_with_its_code(tmp_path: Path) -> None:
    ours, theirs = str(tmp_path / "k1"), str(tmp_path / "k2")
    run("keygen", "A256GCM", "--out", ours, "--kid", "k")
    run("keygen", "A256GCM", "--out", theirs, "--kid", "k")
    made = run("encrypt", "--key", theirs, stdin="hello")
    result = run("decrypt", "--key", ours, stdin=made.stdout)
    assert result.exit_code == 1
    assert "decryption_failed" in result.stderr


def test_decrypt_says_when_a_signed_token_was_inside(tmp_path: Path, raw: str) -> None:
    private = str(tmp_path / "k")
    run("keygen", "A256GCM", "--out", private)
    made = run("encrypt", "--key", private, "--cty", "JWT", stdin=raw)
    opened = run("decrypt", "--key", private, stdin=made.stdout)
    assert opened.stdout == raw
    assert "token verify" in opened.stderr


# --- keygen -------------------------------------------------------------------------------------


def test_a_private_key_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "k"
    result = run("keygen", "ES256", "--out", str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text())["d"] not in result.stdout


def test_keygen_replaces_no_key_unless_forced(tmp_path: Path) -> None:
    path = tmp_path / "k"
    run("keygen", "ES256", "--out", str(path))
    before = path.read_text()
    assert run("keygen", "ES256", "--out", str(path)).exit_code == 1
    assert path.read_text() == before
    assert run("keygen", "ES256", "--out", str(path), "--force").exit_code == 0
    assert path.read_text() != before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["k"]


def test_keygen_needs_one_place_for_the_private_key(tmp_path: Path) -> None:
    assert run("keygen", "ES256").exit_code == 2
    assert run("keygen", "ES256", "--stdout", "--out", str(tmp_path / "k")).exit_code == 2


def test_keygen_writes_pem_too(tmp_path: Path) -> None:
    private, public = tmp_path / "k.pem", tmp_path / "p.pem"
    options = ("--out", str(private), "--public-out", str(public), "--format", "pem")
    assert run("keygen", "RS256", *options).exit_code == 0
    made = run("sign", "--key", str(private), "--alg", "RS256", stdin=json.dumps(make_claims()))
    policy = ("--key", str(public), "--alg", "RS256", "--issuer", ISSUER, "--audience", AUDIENCE)
    assert run("verify", *policy, stdin=made.stdout).exit_code == 0


def test_a_symmetric_key_has_no_public_half_to_write(tmp_path: Path) -> None:
    options = ("--out", str(tmp_path / "k"), "--public-out", str(tmp_path / "p"))
    assert run("keygen", "HS256", *options).exit_code == 2
    assert not list(tmp_path.iterdir())


def test_keygen_on_standard_output_prints_the_key_and_nothing_else() -> None:
    made = json.loads(run("keygen", "HS256", "--stdout").stdout)
    assert made["kty"] == "oct"


def test_an_unknown_algorithm_makes_no_key(tmp_path: Path) -> None:
    path = tmp_path / "k"
    assert run("keygen", "none", "--out", str(path)).exit_code == 2
    assert not path.exists()


def _encode(members: dict[str, Any]) -> str:
    from lingpai.jose import base64url

    return base64url.encode(json.dumps(members).encode())
