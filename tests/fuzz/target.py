"""Coverage-guided fuzzing of every parser that reads what a stranger sent.

    python -m tests.fuzz.target -max_total_time=60 CORPUS

The first byte of an input chooses the parser, the rest is its input. An exception that the parser
does not document ends the run, and so does a value that a second opinion does not share.
"""

from __future__ import annotations

import base64
import binascii
import json
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

atheris: Any = import_module("atheris")  # it has no types

with atheris.instrument_imports(include=["lingpai"]):
    from lingpai import Key, KeySet, Policy, verify
    from lingpai.errors import InvalidKey, InvalidProof, TokenError
    from lingpai.jose import base64url, strict_json
    from lingpai.jose.header import parse_header
    from lingpai.jose.jwe import decrypt_compact
    from lingpai.jose.jwe_json import decrypt_json
    from lingpai.jose.jws_json import verify_json
    from lingpai.jwt.dpop import check_proof
    from lingpai.jwt.http_uri import normalize
    from lingpai.jwt.status_list import StatusList, read_reference
    from lingpai.jwt.verify import peek_unverified

NOW = 1_800_000_000
SIGNING_KEY = Key.from_secret(bytes(range(32)), alg="HS256")
PUBLIC_KEY = Key.generate("ES256").public
WRAPPING_KEY = Key.from_secret(bytes(range(16)), alg="A128KW")
DIRECT_KEY = Key.from_secret(bytes(range(32)), alg="A256GCM")
AGREEING_KEY = Key.generate("ECDH-ES")
POLICY = Policy(issuer="i", audience="a", typ="at+jwt", max_age_seconds=60)
HEADER = base64url.encode_bytes(b'{"alg":"HS256","typ":"at+jwt"}')


def fuzz_base64url(data: bytes) -> None:
    """One spelling of each value, and the value that the standard library reads."""
    try:
        decoded = base64url.decode(data)
    except ValueError:
        assert data != reference_spelling(data)
        return
    assert base64url.encode(decoded).encode() == data == reference_spelling(data)


def reference_spelling(data: bytes) -> bytes | None:
    """How the standard library would write what it reads, lax as it is."""
    padded = data.translate(bytes.maketrans(b"-_", b"+/")) + b"=" * (-len(data) % 4)
    try:
        decoded = base64.b64decode(padded)
    except binascii.Error:
        return None
    return base64.urlsafe_b64encode(decoded).rstrip(b"=")


def fuzz_strict_json(data: bytes) -> None:
    """What is accepted has the same value for the standard library, and is written back."""
    try:
        value = strict_json.decode(data)
    except ValueError:
        return
    assert json.loads(data) == value
    assert strict_json.decode(strict_json.encode(value)) == value


def fuzz_header(data: bytes) -> None:
    """As it came, and encoded, so that its members are read."""
    attempt(TokenError, parse_header, data)
    attempt(TokenError, parse_header, base64url.encode_bytes(data))


def fuzz_jwk(data: bytes) -> None:
    """One key, and a set of them."""
    for alg in (None, "RS256", "HS256", "ECDH-ES"):
        attempt(InvalidKey, Key.from_jwk, data, alg=alg)
    attempt(InvalidKey, KeySet.from_jwks, data)


def fuzz_keys(data: bytes) -> None:
    """Every other form that a key comes in."""
    attempt(InvalidKey, Key.from_pem, data, alg="RS256")
    attempt(InvalidKey, Key.from_der, data, alg="RS256")
    attempt(InvalidKey, Key.from_secret, data, alg="HS256")


def fuzz_verify(data: bytes) -> None:
    """As a token; and as the payload of one that is truly signed, so that its claims are read."""
    start = HEADER + b"." + base64url.encode_bytes(data)
    signature = base64url.encode_bytes(SIGNING_KEY.sign_message(start))
    for raw in (data, start + b"." + signature):
        for key in (SIGNING_KEY, PUBLIC_KEY):
            attempt(TokenError, verify, raw, key, POLICY, now=NOW)
        attempt(TokenError, peek_unverified, raw)


def fuzz_json_serialisation(data: bytes) -> None:
    """Signed and encrypted, flattened and general."""
    attempt(TokenError, verify_json, data, SIGNING_KEY)
    attempt(TokenError, verify_json, data, SIGNING_KEY, payload=b"x")
    attempt(TokenError, decrypt_json, data, WRAPPING_KEY)


def fuzz_decrypt(data: bytes) -> None:
    """As a token; and as the header of one."""
    raw = base64url.encode_bytes(data) + b".AAAA.AAAAAAAAAAAAAAAA.AA.AAAAAAAAAAAAAAAAAAAAAA"
    for token in (data, raw):
        for key in (WRAPPING_KEY, DIRECT_KEY, AGREEING_KEY):
            attempt(TokenError, decrypt_compact, token, key, allow_compressed=True)


def fuzz_proof(data: bytes) -> None:
    """A proof of possession; and a URI, which normal form leaves alone."""
    attempt(InvalidProof, check_proof, data, method="GET", url="https://a.example/", now=NOW)
    normal = attempt(ValueError, normalize, data.decode("latin-1"))
    assert normal is None or normalize(normal) == normal


def fuzz_status(data: bytes) -> None:
    """A status list, and a reference to one."""
    value = attempt(ValueError, strict_json.decode, data)
    attempt(TokenError, StatusList.from_claim, value, max_bytes=10_000)
    attempt(TokenError, read_reference, {"status": value})


def attempt(
    documented: type[Exception], function: Callable[..., Any], *arguments: Any, **options: Any
) -> Any:
    """The answer, or None for a refusal of the documented kind."""
    try:
        return function(*arguments, **options)
    except documented as refusal:
        message = str(refusal)
    assert documented is ValueError or message.isprintable()
    return None


TARGETS = (
    fuzz_base64url,
    fuzz_strict_json,
    fuzz_header,
    fuzz_jwk,
    fuzz_keys,
    fuzz_verify,
    fuzz_json_serialisation,
    fuzz_decrypt,
    fuzz_proof,
    fuzz_status,
)


def run_one(data: bytes) -> None:
    """One input: the parser that its first byte names, with the rest."""
    if data:
        TARGETS[data[0] % len(TARGETS)](data[1:])


def main() -> None:
    """Run libFuzzer with the options of the command line."""
    atheris.Setup(sys.argv, run_one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
