"""Malformed tokens, refused one by one with the code that says why.

Every token here is truly signed wherever a signature is possible: nothing but the fault that the
row names can be the reason. Each is checked before and after a good token has taught the key its
header, and with and without options: there are two roads for each, and both must refuse it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.support.tokens import (
    AUDIENCE,
    ISSUER,
    NOW,
    POLICY,
    claims,
    encode,
    header,
    part,
    seal,
    token,
)

import lingpai
from lingpai import Key, errors
from lingpai.jose.jwe import encrypt_compact
from lingpai.jwt.verify import verify

Row = tuple[str, str | bytes, str]  # what is wrong, the token, the code that says so

SECRET = bytes(range(32))
GOOD = token()
HEAD, BODY, MAC = GOOD.split(".")
BOM = b"\xef\xbb\xbf"
CLAIMS = json.dumps(claims(), separators=(",", ":")).encode()
HEADER = json.dumps(header(), separators=(",", ":")).encode()


def with_header(data: bytes) -> str:
    return seal(data, CLAIMS)


def with_payload(data: bytes) -> str:
    return seal(HEADER, data)


def add(text: str) -> str:
    """A payload with one more member, as text that no encoder would write."""
    return with_payload(CLAIMS[:-1] + b"," + text.encode() + b"}")


def head(text: str) -> str:
    """A header with one more member."""
    return with_header(HEADER[:-1] + b"," + text.encode() + b"}")


def unpadded_variant(text: str, bits: int) -> str:
    """Another spelling of the same bytes: the unused bits of the last character set."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + alphabet[alphabet.index(text[-1]) | bits]


def json_serialisation() -> str:
    return json.dumps({"protected": HEAD, "payload": BODY, "signature": MAC})


def general_serialisation() -> str:
    return json.dumps({"payload": BODY, "signatures": [{"protected": HEAD, "signature": MAC}]})


def encrypted() -> str:
    key = Key.from_secret(SECRET[:16], alg="A128KW")
    return encrypt_compact(GOOD.encode(), key, header={"cty": "JWT"})


def nested(depth: int, opening: str = "[", closing: str = "]") -> str:
    return add('"x":' + opening * depth + "1" * (opening != "[") + closing * depth)


def sealed(text: str) -> str:
    """A signature over a signing input that is not base64url."""
    key = Key.from_secret(SECRET, alg="HS256")
    return f"{text}.{encode(key.sign_message(text.encode()))}"


# The longest payload and header of each kind whose last character has unused bits.
TWO_LEFT = next(p for n in range(3) if len(p := CLAIMS + b" " * n) % 3 == 1)
FOUR_LEFT = next(p for n in range(3) if len(p := CLAIMS + b" " * n) % 3 == 2)

SHAPE: list[Row] = [
    ("empty text", "", "malformed_token"),
    ("white space", "   ", "malformed_token"),
    ("one dot", ".", "malformed_token"),
    ("two dots", "..", "invalid_header"),
    ("three dots", "...", "malformed_token"),
    ("four dots", "....", "unexpected_kind"),
    ("five dots", ".....", "malformed_token"),
    ("sixty thousand dots", "." * 60_000, "malformed_token"),
    ("a million dots", "." * 1_000_000, "token_too_large"),
    ("no dot", HEAD, "malformed_token"),
    ("header alone, one dot", f"{HEAD}.", "malformed_token"),
    ("header and payload, no signature part", f"{HEAD}.{BODY}", "malformed_token"),
    ("a fourth part", f"{GOOD}.{MAC}", "malformed_token"),
    ("an empty fourth part", f"{GOOD}.", "malformed_token"),
    ("an empty part in front", f".{GOOD}", "malformed_token"),
    ("a dot within the payload", f"{HEAD}.{BODY[:9]}.{BODY[9:]}.{MAC}", "malformed_token"),
    ("no header", f".{BODY}.{MAC}", "invalid_header"),
    ("no payload", sealed(f"{HEAD}."), "invalid_payload"),
    ("no signature", f"{HEAD}.{BODY}.", "signature_invalid"),
    ("only the signature", f"..{MAC}", "invalid_header"),
    ("a space in front", f" {GOOD}", "invalid_header"),
    ("a space behind", f"{GOOD} ", "malformed_token"),
    ("a newline behind", f"{GOOD}\n", "malformed_token"),
    ("a line break within", f"{HEAD}.{BODY[:9]}\r\n{BODY[9:]}.{MAC}", "malformed_token"),
    ("a NUL behind", f"{GOOD}\0", "malformed_token"),
    ("the scheme in front", f"Bearer {GOOD}", "invalid_header"),
    ("quotes around it", f'"{GOOD}"', "invalid_header"),
    ("two tokens", f"{GOOD},{GOOD}", "unexpected_kind"),
    ("a byte order mark in front", BOM + GOOD.encode(), "invalid_header"),
    ("the mark as text", "\ufeff" + GOOD, "malformed_token"),
    ("UTF-16", GOOD.encode("utf-16"), "invalid_header"),
    ("UTF-16 without a mark", GOOD.encode("utf-16-le"), "invalid_header"),
    ("a look-alike letter", GOOD.replace("e", "\u0435", 1), "malformed_token"),
    ("a full-width dot", GOOD.replace(".", "\uff0e", 1), "malformed_token"),
    ("bytes outside ASCII", b"\xff\xfe.\x00.\x01", "invalid_header"),
    ("a lone surrogate", f"{HEAD}.\ud800.{MAC}", "malformed_token"),
    ("ten megabytes", f"{HEAD}.{'A' * 10_000_000}.{MAC}", "token_too_large"),
    ("one character too many", "A" * 65_537, "token_too_large"),
    ("a long header", f"{'A' * 20_000}.{BODY}.{MAC}", "invalid_header"),
    ("flattened JSON serialisation", json_serialisation(), "malformed_token"),
    ("general JSON serialisation", general_serialisation(), "malformed_token"),
    ("an encrypted token", encrypted(), "unexpected_kind"),
    ("a bare JSON header", HEADER, "malformed_token"),
]
BASE64: list[Row] = [
    ("padding behind the header", sealed(f"{HEAD}=.{BODY}"), "invalid_header"),
    ("padding behind the payload", sealed(f"{HEAD}.{encode(TWO_LEFT)}=="), "malformed_token"),
    ("padding behind the signature", f"{GOOD}=", "malformed_token"),
    ("percent-encoded padding", f"{GOOD}%3D", "malformed_token"),
    ("plus from the other alphabet", sealed(f"{HEAD}.{BODY}+"), "malformed_token"),
    ("slash from the other alphabet", sealed(f"{HEAD}.{BODY}/"), "malformed_token"),
    ("a quote within the payload", sealed(f'{HEAD}.{BODY[:8]}"{BODY[8:]}'), "malformed_token"),
    ("a backslash within", sealed(f"{HEAD}.{BODY[:8]}\\{BODY[8:]}"), "malformed_token"),
    ("a space within the payload", sealed(f"{HEAD}.{BODY[:8]} {BODY[8:]}"), "malformed_token"),
    ("a tab within the header", sealed(f"{HEAD[:8]}\t{HEAD[8:]}.{BODY}"), "invalid_header"),
    ("a length that encodes nothing", sealed(f"{HEAD}.{encode(b'123')}A"), "malformed_token"),
    ("a signature of one character", f"{HEAD}.{BODY}.A", "malformed_token"),
    (
        "unused bits of two left in the payload",
        sealed(f"{HEAD}.{unpadded_variant(encode(TWO_LEFT), 1)}"),
        "malformed_token",
    ),
    (
        "unused bits of four left in the payload",
        sealed(f"{HEAD}.{unpadded_variant(encode(FOUR_LEFT), 1)}"),
        "malformed_token",
    ),
    (
        "unused bits in the signature",
        f"{HEAD}.{BODY}.{unpadded_variant(MAC, 1)}",
        "malformed_token",
    ),
    ("base32", sealed(f"{HEAD}.{'MFRGG==='}"), "malformed_token"),
]
HEADERS: list[Row] = [
    ("a header that is no JSON", with_header(b"x"), "invalid_header"),
    ("an empty header", with_header(b""), "invalid_header"),
    ("a header that is an array", with_header(b"[]"), "invalid_header"),
    ("a header that is text", with_header(b'"HS256"'), "invalid_header"),
    ("a header that is null", with_header(b"null"), "invalid_header"),
    ("a header without members", with_header(b"{}"), "invalid_header"),
    ("alg twice", head('"alg":"HS256"'), "invalid_header"),
    ("alg twice, the second none", head('"alg":"none"'), "invalid_header"),
    ("alg twice, once escaped", head('"\\u0061lg":"none"'), "invalid_header"),
    ("kid twice", head('"kid":"a","kid":"b"'), "invalid_header"),
    ("a name repeated deep inside", head('"x":{"y":1,"y":2}'), "invalid_header"),
    ("a byte order mark in the header", with_header(BOM + HEADER), "invalid_header"),
    ("a header in UTF-16", with_header(HEADER.decode().encode("utf-16")), "invalid_header"),
    ("a header in Latin-1", with_header(b'{"alg":"HS256","x":"\xe9"}'), "invalid_header"),
    ("a trailing comma", with_header(HEADER[:-1] + b",}"), "invalid_header"),
    ("a comment", with_header(b"/*x*/" + HEADER), "invalid_header"),
    ("single quotes", with_header(HEADER.replace(b'"', b"'")), "invalid_header"),
    ("text behind the header", with_header(HEADER + b"{}"), "invalid_header"),
    ("NaN in the header", head('"x":NaN'), "invalid_header"),
    ("a deep header", head('"x":' + "[" * 40 + "]" * 40), "invalid_header"),
    ("alg is null", seal(header(alg=None), CLAIMS), "invalid_header"),
    ("alg is a number", seal(header(alg=256), CLAIMS), "invalid_header"),
    ("alg is an array", seal(header(alg=["HS256"]), CLAIMS), "invalid_header"),
    ("alg is empty", seal(header(alg=""), CLAIMS), "invalid_header"),
    ("alg is missing", seal(header(alg=...), CLAIMS), "invalid_header"),
    ("Alg in another case", seal(header(alg=..., Alg="HS256"), CLAIMS), "invalid_header"),
    ("alg none", seal(header(alg="none"), CLAIMS), "unknown_algorithm"),
    ("alg nOnE", seal(header(alg="nOnE"), CLAIMS), "unknown_algorithm"),
    ("alg none, no signature", f"{encode(part(header(alg='none')))}.{BODY}.", "unknown_algorithm"),
    ("alg in lower case", seal(header(alg="hs256"), CLAIMS), "unknown_algorithm"),
    ("alg with a space", seal(header(alg="HS256 "), CLAIMS), "unknown_algorithm"),
    ("alg with a NUL", seal(header(alg="HS256\0"), CLAIMS), "unknown_algorithm"),
    ("alg of an encryption", seal(header(alg="dir"), CLAIMS), "unknown_algorithm"),
    ("alg of a longer hash", seal(header(alg="HS512"), CLAIMS), "algorithm_mismatch"),
    ("alg of another family", seal(header(alg="RS256"), CLAIMS), "algorithm_mismatch"),
    ("the deprecated EdDSA", seal(header(alg="EdDSA"), CLAIMS), "algorithm_mismatch"),
    ("kid is a number", seal(header(kid=1), CLAIMS), "invalid_header"),
    ("kid is null", seal(header(kid=None), CLAIMS), "invalid_header"),
    ("typ is a number", seal(header(typ=1), CLAIMS), "invalid_header"),
    ("typ is an array", seal(header(typ=["at+jwt"]), CLAIMS), "invalid_header"),
    ("cty is an object", seal(header(cty={}), CLAIMS), "invalid_header"),
    ("typ of another kind", seal(header(typ="logout+jwt"), CLAIMS), "typ_mismatch"),
    ("typ is missing", seal(header(typ=...), CLAIMS), "typ_mismatch"),
]
CRITICAL: list[Row] = [
    ("an unknown extension", seal(header(crit=["x"], x=1), CLAIMS), "unsupported_crit"),
    ("an extension of RFC 8725", seal(header(crit=["exp"], exp=1), CLAIMS), "unsupported_crit"),
    ("crit is empty", seal(header(crit=[]), CLAIMS), "unsupported_crit"),
    ("crit is text", seal(header(crit="x", x=1), CLAIMS), "unsupported_crit"),
    ("crit is an object", seal(header(crit={"x": 1}, x=1), CLAIMS), "unsupported_crit"),
    ("crit is null", seal(header(crit=None), CLAIMS), "unsupported_crit"),
    ("crit is false", seal(header(crit=False), CLAIMS), "unsupported_crit"),
    ("crit holds a number", seal(header(crit=[1]), CLAIMS), "unsupported_crit"),
    ("crit names alg", seal(header(crit=["alg"]), CLAIMS), "unsupported_crit"),
    ("crit names what is absent", seal(header(crit=["absent"]), CLAIMS), "unsupported_crit"),
    ("crit names one twice", seal(header(crit=["x", "x"], x=1), CLAIMS), "unsupported_crit"),
    ("b64 false, listed", seal(header(crit=["b64"], b64=False), CLAIMS), "unsupported_crit"),
    ("b64 true, listed", seal(header(crit=["b64"], b64=True), CLAIMS), "unsupported_crit"),
    ("b64 false, not listed", seal(header(b64=False), CLAIMS), "unsupported_crit"),
    ("b64 is text", seal(header(crit=["b64"], b64="false"), CLAIMS), "unsupported_crit"),
    ("b64 listed and absent", seal(header(crit=["b64"]), CLAIMS), "unsupported_crit"),
]
PAYLOADS: list[Row] = [
    ("a payload that is no JSON", with_payload(b"x"), "invalid_payload"),
    ("an empty payload", with_payload(b""), "invalid_payload"),
    ("a payload that is null", with_payload(b"null"), "invalid_payload"),
    ("a payload that is an array", with_payload(b"[" + CLAIMS + b"]"), "invalid_payload"),
    ("a payload that is a string", with_payload(json.dumps(BODY).encode()), "invalid_payload"),
    ("a payload that is a number", with_payload(b"1"), "invalid_payload"),
    ("a payload that is a token", with_payload(GOOD.encode()), "invalid_payload"),
    ("two payloads", with_payload(CLAIMS + CLAIMS), "invalid_payload"),
    ("a payload that is cut off", with_payload(CLAIMS[:-1]), "invalid_payload"),
    ("exp twice", add(f'"exp":{NOW + 999}'), "invalid_payload"),
    ("exp twice, alike", add(f'"exp":{NOW + 300}'), "invalid_payload"),
    ("aud twice, once escaped", add(f'"\\u0061ud":"{AUDIENCE}"'), "invalid_payload"),
    ("a name repeated deep inside", add('"x":[{"y":1,"y":1}]'), "invalid_payload"),
    ("an empty name twice", add('"":1,"":2'), "invalid_payload"),
    ("a byte order mark", with_payload(BOM + CLAIMS), "invalid_payload"),
    ("UTF-16", with_payload(CLAIMS.decode().encode("utf-16")), "invalid_payload"),
    ("UTF-16, no mark", with_payload(CLAIMS.decode().encode("utf-16-be")), "invalid_payload"),
    ("UTF-32", with_payload(CLAIMS.decode().encode("utf-32")), "invalid_payload"),
    ("Latin-1", with_payload(CLAIMS[:-1] + b',"x":"\xe9"}'), "invalid_payload"),
    ("overlong UTF-8", with_payload(CLAIMS[:-1] + b',"x":"\xc0\xaf"}'), "invalid_payload"),
    (
        "a surrogate in UTF-8",
        with_payload(CLAIMS[:-1] + b',"x":"\xed\xa0\x80"}'),
        "invalid_payload",
    ),
    ("a lone surrogate, escaped", add('"x":"\\ud800"'), "invalid_payload"),
    ("a lone surrogate as a name", add('"\\udfff":1'), "invalid_payload"),
    ("a control character", add('"x":"\n"'), "invalid_payload"),
    ("an escape that is none", add('"x":"\\x41"'), "invalid_payload"),
    ("NaN", add('"x":NaN'), "invalid_payload"),
    ("Infinity", add('"x":-Infinity'), "invalid_payload"),
    ("a number out of range", add('"x":1e400'), "invalid_payload"),
    ("a number of 401 digits", add('"x":' + "9" * 401), "invalid_payload"),
    ("a leading zero", add('"x":01'), "invalid_payload"),
    ("a leading plus", add('"x":+1'), "invalid_payload"),
    ("a hexadecimal number", add('"x":0x10'), "invalid_payload"),
    ("a bare decimal point", add('"x":1.'), "invalid_payload"),
    ("True of another language", add('"x":True'), "invalid_payload"),
    ("a trailing comma", with_payload(CLAIMS[:-1] + b",}"), "invalid_payload"),
    ("a comment", with_payload(CLAIMS + b"//x"), "invalid_payload"),
    ("a NUL behind", with_payload(CLAIMS + b"\0"), "invalid_payload"),
    ("a form feed in front", with_payload(b"\f" + CLAIMS), "invalid_payload"),
    ("33 arrays deep", nested(32), "invalid_payload"),
    ("a thousand arrays deep", nested(1000), "invalid_payload"),
    ("ten thousand arrays deep", nested(10_000), "invalid_payload"),
    ("ten thousand objects deep", nested(7_000, '{"a":', "}"), "invalid_payload"),
    ("arrays that are never closed", add('"x":' + "[" * 10_000), "invalid_payload"),
]
CLAIM_TYPES: list[Row] = [
    ("exp is text", token(exp=str(NOW + 300)), "invalid_claim"),
    ("exp is a fraction as text", token(exp="1.8e9"), "invalid_claim"),
    ("exp is true", token(exp=True), "invalid_claim"),
    ("exp is null", token(exp=None), "invalid_claim"),
    ("exp is an array", token(exp=[NOW + 300]), "invalid_claim"),
    ("exp is an object", token(exp={}), "invalid_claim"),
    ("exp is beyond every calendar", token(exp=10**200), "invalid_claim"),
    (
        "exp is 1e400",
        with_payload(CLAIMS.replace(b"%d" % (NOW + 300), b"1e400")),
        "invalid_payload",
    ),
    ("exp is missing", token(exp=...), "missing_claim"),
    ("exp is zero", token(exp=0), "token_expired"),
    ("exp is negative", token(exp=-1), "token_expired"),
    ("exp in milliseconds passes, nbf does not", token(nbf=NOW * 1000), "token_not_yet_valid"),
    ("nbf is text", token(nbf="0"), "invalid_claim"),
    ("nbf is null", token(nbf=None), "invalid_claim"),
    ("iat is text", token(iat=str(NOW)), "invalid_claim"),
    ("iat is null", token(iat=None), "invalid_claim"),
    ("iss is an array", token(iss=[ISSUER]), "issuer_mismatch"),
    ("iss is null", token(iss=None), "missing_claim"),
    ("aud is an object", token(aud={AUDIENCE: 1}), "invalid_claim"),
    ("aud is an array of arrays", token(aud=[[AUDIENCE]]), "invalid_claim"),
    ("aud is empty", token(aud=[]), "audience_mismatch"),
    ("sub is a number", token(sub=1), "invalid_claim"),
    ("jti is a number", token(jti=1), "invalid_claim"),
    ("cnf is text", token(cnf="x"), "invalid_proof"),
    ("status is unknown", token(status=1), "status_unchecked"),
]
GROUPS: dict[str, list[Row]] = {
    "shape": SHAPE,
    "base64url": BASE64,
    "header": HEADERS,
    "crit": CRITICAL,
    "payload": PAYLOADS,
    "claims": CLAIM_TYPES,
}
BATTERY = [
    (f"{group}: {name}", raw, code) for group, rows in GROUPS.items() for name, raw, code in rows
]


def test_the_battery_is_large_and_every_row_has_its_own_name() -> None:
    assert len(BATTERY) >= 80
    assert len({name for name, _, _ in BATTERY}) == len(BATTERY)


def test_the_good_token_that_all_are_made_from_passes() -> None:
    verify(GOOD, fresh_key(), POLICY, now=NOW)
    verify(with_payload(CLAIMS), fresh_key(), POLICY, now=NOW)
    verify(with_header(HEADER), fresh_key(), POLICY, now=NOW)
    verify(sealed(f"{HEAD}.{BODY}"), fresh_key(), POLICY, now=NOW)
    verify(add('"x":1'), fresh_key(), POLICY, now=NOW)
    verify(head('"x":1'), fresh_key(), POLICY, now=NOW)
    verify(add('"x":' + "9" * 400), fresh_key(), POLICY, now=NOW)
    verify(nested(31), fresh_key(), POLICY, now=NOW)


def fresh_key() -> Key:
    """A key that has seen no token yet."""
    return Key.from_secret(SECRET, alg="HS256")


def taught_key() -> Key:
    """A key that remembers the headers of good tokens."""
    key = fresh_key()
    for good in (GOOD, with_header(HEADER)):
        verify(good, key, POLICY, now=NOW)
    assert len(key.known) == 2
    return key


@pytest.mark.parametrize("make_key", [fresh_key, taught_key])
@pytest.mark.parametrize(("raw", "code"), [row[1:] for row in BATTERY], ids=[r[0] for r in BATTERY])
def test_a_malformed_token_is_refused(raw: Any, code: str, make_key: Callable[[], Key]) -> None:
    for road in (verify, lingpai.verify):
        with pytest.raises(errors.TokenError) as refusal:
            road(raw, make_key(), POLICY, now=NOW)
        assert refusal.value.code == code
        assert len(str(refusal.value)) < 300
        assert str(refusal.value).isprintable()


@pytest.mark.parametrize(
    "raw", [None, 1, [], {}, object(), bytearray(GOOD.encode()), memoryview(b"a")]
)
def test_what_is_neither_text_nor_bytes_is_the_callers_mistake(raw: Any) -> None:
    with pytest.raises(TypeError):
        verify(raw, fresh_key(), POLICY, now=NOW)
