"""What a token says, laid out for people: values in, rows out. Verifies nothing, prints nothing.

Whoever made the token may have put control characters into it: all text is made printable here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lingpai.errors import IssueError, MalformedToken
from lingpai.jose import base64url, strict_json
from lingpai.jose.algorithms import SIGNATURE_ALGORITHMS
from lingpai.jose.header import decode_members, parse_header, read_jwe_header
from lingpai.jwt.issue import DEFAULT_BUDGET
from lingpai.jwt.lint import check_payload
from lingpai_server.cli.words import say_date, say_span

Kind = Literal["signed", "encrypted"]

# name -> (what to say while it is to come, what to say when it is past)
_TIMES: Mapping[str, tuple[str, str]] = {
    "exp": ("expires in {}", "expired {} ago"),
    "iat": ("issued {} in the future", "issued {} ago"),
    "nbf": ("good in {}", "good since {}"),
    "auth_time": ("logged in {} in the future", "logged in {} ago"),
}
_FOREIGN_KEYS = ("jwk", "jku", "x5u", "x5c")


@dataclass(frozen=True, slots=True)
class Row:
    """One member: its name, its value as text, and what that means in words."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes of header and payload, characters of the whole. `payload_bytes` may be unknown."""

    header_bytes: int
    payload_bytes: int | None
    characters: int

    def __str__(self) -> str:
        budget = DEFAULT_BUDGET
        parts = [f"header {self.header_bytes:,} of {budget.header_bytes:,} bytes"]
        if self.payload_bytes is not None:
            parts.append(f"payload {self.payload_bytes:,} of {budget.payload_bytes:,} bytes")
        return ", ".join([*parts, f"the token has {self.characters:,} characters"])


@dataclass(frozen=True, slots=True)
class Look:
    """A token taken apart, unverified. `claims` is None where they cannot be read."""

    kind: Kind
    header: dict[str, Any]
    claims: dict[str, Any] | None
    size: Size
    remarks: tuple[str, ...] = ()


def look_at(raw: str) -> Look:
    """Take a compact token apart. Raises MalformedToken if it is none."""
    parts = raw.encode("ascii", "replace").split(b".")
    if len(parts) == 3:
        return _look_at_signed(raw, parts)
    if len(parts) == 5:
        return _look_at_encrypted(raw, parts)
    raise MalformedToken(
        f"a token has three parts (signed) or five (encrypted) between dots, this has {len(parts)}"
    )


def _look_at_signed(raw: str, parts: Sequence[bytes]) -> Look:
    header = decode_members(parts[0])
    payload = _decode_part(parts[1])
    claims: dict[str, Any] | None = None
    remarks = [*_remark_header(header, parts[0])]
    try:
        claims = strict_json.decode_object(payload)
        remarks += _remark_claims(claims, payload)
    except ValueError:
        remarks.append("the payload is not one strict JSON object, so this is no JWT")
    size = Size(len(base64url.decode(parts[0])), len(payload), len(raw))
    return Look("signed", header, claims, size, tuple(remarks))


def _look_at_encrypted(raw: str, parts: Sequence[bytes]) -> Look:
    header = decode_members(parts[0])
    remarks = []
    try:
        read_jwe_header(header)
    except MalformedToken as refusal:
        remarks.append(f"the header would be refused: {refusal}")
    size = Size(len(base64url.decode(parts[0])), len(_decode_part(parts[3])), len(raw))
    return Look("encrypted", header, None, size, tuple(remarks))


def _decode_part(part: bytes) -> bytes:
    try:
        return base64url.decode(part)
    except ValueError:
        raise MalformedToken("a part of the token is not base64url") from None


def _remark_header(header: Mapping[str, Any], encoded: bytes) -> list[str]:
    try:
        alg = parse_header(encoded).alg
    except MalformedToken as refusal:
        return [f"the header would be refused: {refusal}"]
    remarks = []
    if alg.lower() == "none":
        remarks.append("alg is none: nothing signs it, and no verifier of ours accepts it")
    elif alg not in SIGNATURE_ALGORITHMS and alg != "EdDSA":
        remarks.append(f"alg {printable(alg)} is no signature algorithm known here")
    remarks += [
        f"{name} names a key; no verifier of ours takes a key from a token"
        for name in _FOREIGN_KEYS
        if name in header
    ]
    return remarks


def _remark_claims(claims: Mapping[str, Any], payload: bytes) -> list[str]:
    missing = [name for name in ("iss", "aud", "exp") if name not in claims]
    remarks = [f"it has no {', '.join(missing)}"] if missing else []
    try:
        check_payload(claims, payload)
    except IssueError as finding:
        remarks.append(str(finding).partition(";")[0])
    return remarks


def rows_of(members: Mapping[str, Any], *, now: float) -> list[Row]:
    """One row for each member, times explained."""
    return [
        Row(printable(name), show_value(value), explain_time(name, value, now=now))
        for name, value in members.items()
    ]


def explain_time(name: str, value: Any, *, now: float) -> str:
    """What a registered time means at `now`: "expires in 4 min"; empty for anything else."""
    if name not in _TIMES or type(value) not in (int, float):
        return ""
    date = say_date(value)
    if date is None:
        return ""
    to_come, past = _TIMES[name]
    phrase = to_come if value > now else past
    return f"{phrase.format(say_span(value - now))}, {date}"


def show_value(value: Any) -> str:
    """Text bare, lists of text joined, everything else as JSON; all of it printable."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return printable(", ".join(value))
    return printable(json.dumps(value, ensure_ascii=False))


def printable(text: str) -> str:
    """The text with everything that could move a cursor or turn the reading order escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
