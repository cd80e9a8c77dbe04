"""The members of a JWS or JWE in a JSON serialisation, read strictly by type. No cryptography."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lingpai.errors import MalformedToken, TokenTooLarge
from lingpai.jose import base64url, strict_json
from lingpai.jose.header import decode_members

MAX_JSON_BYTES = 262_144
MAX_ENTRIES = 16  # signatures or recipients; each may cost a public key operation


def read_token(token: Mapping[str, Any] | str | bytes, max_bytes: int) -> dict[str, Any]:
    """The members of a token given as JSON text or as a mapping.

    Raises MalformedToken, or TokenTooLarge; TypeError for any other type.
    """
    try:
        data = _to_bytes(token)
        if len(data) > max_bytes:
            raise TokenTooLarge(f"the token has {len(data)} bytes, the limit is {max_bytes}")
        return strict_json.decode_object(data)
    except ValueError:
        raise MalformedToken("the token is not one strict JSON object") from None


def _to_bytes(token: Mapping[str, Any] | str | bytes) -> bytes:
    if isinstance(token, bytes):
        return token
    if isinstance(token, str):
        return token.encode("utf-8")
    if isinstance(token, Mapping):
        return strict_json.encode(dict(token))
    raise TypeError("a token is text, bytes or a mapping")


def text(members: Mapping[str, Any], name: str) -> str:
    """A member that must be there and be text."""
    value = members.get(name)
    if not isinstance(value, str):
        raise MalformedToken(f"the member {name!r} is missing or not a string")
    return value


def ascii_text(members: Mapping[str, Any], name: str) -> bytes:
    """An optional member of base64url, still encoded; empty if it is absent."""
    value = members.get(name, "")
    if not isinstance(value, str) or not value.isascii():
        raise MalformedToken(f"the member {name!r} is not base64url")
    return value.encode("ascii")


def octets(members: Mapping[str, Any], name: str) -> bytes:
    """An optional member of base64url, decoded; empty if it is absent."""
    try:
        return base64url.decode_bytes(ascii_text(members, name))
    except ValueError:
        raise MalformedToken(f"the member {name!r} is not base64url") from None


def headers(members: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An optional object of unprotected header members; empty if it is absent."""
    value = members.get(name, {})
    if not isinstance(value, dict):
        raise MalformedToken(f"the member {name!r} is not an object")
    return value


def protected(members: Mapping[str, Any]) -> dict[str, Any]:
    """The protected header's members; empty if there is none. Raises InvalidHeader."""
    encoded = ascii_text(members, "protected")
    return decode_members(encoded) if encoded else {}


def entries(
    members: Mapping[str, Any], plural: str, flattened: tuple[str, ...]
) -> list[dict[str, Any]]:
    """The signatures or recipients: an array of the general form, or one flattened entry.

    A token is one or the other, never both (RFC 7515 and RFC 7516 section 7.2.2).
    """
    if plural not in members:
        return [{name: members[name] for name in flattened if name in members}]
    if any(name in members for name in flattened):
        raise MalformedToken(f"{plural!r} stands beside the members of a flattened token")
    found = members[plural]
    if not isinstance(found, list) or not found or not all(isinstance(e, dict) for e in found):
        raise MalformedToken(f"{plural!r} is not a non-empty array of objects")
    if len(found) > MAX_ENTRIES:
        raise MalformedToken(f"{plural!r} has more than {MAX_ENTRIES} entries")
    return found
