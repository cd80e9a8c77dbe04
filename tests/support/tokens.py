"""Tokens for tests, good and bad: built from raw bytes, since the library would refuse to."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import lingpai
from lingpai import Key, Policy, PrivateKey, SecretKey, VerifiedToken

NOW = 1_800_000_000
ISSUER = "https://id.example"
AUDIENCE = "https://api.example"
POLICY = Policy(issuer=ISSUER, audience=AUDIENCE, typ="at+jwt")

Part = bytes | Mapping[str, Any]


@cache
def secret_key() -> SecretKey:
    """One HS256 key for a whole run: fast, and the rules on claims do not ask for more."""
    return Key.from_secret(bytes(range(32)), alg="HS256")


@cache
def private_key(alg: str) -> PrivateKey:
    """One key pair for each algorithm and run."""
    key = Key.generate(alg, allow=("ES256K",))
    assert isinstance(key, PrivateKey)
    return key


def public_pem(alg: str) -> bytes:
    """What an issuer with such a key publishes."""
    return private_key(alg).public.to_pem()


def public_der(alg: str) -> bytes:
    """The same without its armour."""
    return base64.b64decode(b"".join(public_pem(alg).splitlines()[1:-1]))


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a good token, with some changed; `...` takes a claim away."""
    members: dict[str, Any] = {
        "iss": ISSUER,
        "sub": "user-1",
        "aud": AUDIENCE,
        "exp": NOW + 300,
        "iat": NOW,
        "jti": "token-1",
        "client_id": "client-1",
    } | changes
    return {name: value for name, value in members.items() if value is not ...}


def encode(data: bytes) -> str:
    """base64url, by the standard library alone."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """base64url of well-formed text, by the standard library alone."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def part(value: Part) -> bytes:
    """Bytes as they are; a mapping as JSON with spaces, as some issuers write it."""
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def compact_json(members: Mapping[str, Any]) -> bytes:
    """JSON without spaces, as most issuers write it."""
    return json.dumps(members, separators=(",", ":")).encode()


def header(**changes: Any) -> dict[str, Any]:
    """The header of a good token, with some members changed; `...` takes a member away."""
    members: dict[str, Any] = {"alg": "HS256", "typ": "at+jwt"} | changes
    return {name: value for name, value in members.items() if value is not ...}


def seal(header: Part, payload: Part, sign: Callable[[bytes], bytes] | None = None) -> str:
    """A compact JWS over any bytes whatever, truly signed: only the check in question can fail."""
    signing_input = f"{encode(part(header))}.{encode(part(payload))}"
    mac = sign or secret_key().sign_message
    return f"{signing_input}.{encode(mac(signing_input.encode('ascii')))}"


def token(headers: Mapping[str, Any] | None = None, /, **changes: Any) -> str:
    """A signed token of these claims, see `claims`."""
    return seal(header(**(headers or {})), claims(**changes))


def accept(raw: str, policy: Policy = POLICY, *, now: float = NOW, **options: Any) -> VerifiedToken:
    """Verify with the key of `token`, as most callers do: without options on the short road."""
    return lingpai.verify(raw, secret_key(), policy, now=now, **options)
