"""SecretBox: JSON that only this issuer can read and that nobody can alter. Knows no purpose.

A sealed text is a compact JWE (RFC 7516) with a `dir` key: URL-safe, and bound by its protected
header to the kind of text that it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lingpai.errors import TokenError
from lingpai.jose import jwe, strict_json
from lingpai.jose.header import media_type
from lingpai.jose.key_set import KeySet
from lingpai.jose.keys import SecretKey


@dataclass(frozen=True, slots=True)
class SecretBox:
    """`newest` seals, any of `keys` opens. A box without keys opens nothing."""

    newest: SecretKey | None = field(repr=False)
    keys: KeySet = field(repr=False)

    def seal(self, members: Mapping[str, Any], *, typ: str) -> str:
        """The sealed text. Raises LookupError if there is no key, ValueError for no JSON."""
        if self.newest is None:
            raise LookupError(f"there is no key that seals {typ}")
        return jwe.encrypt(members, self.newest, typ=typ)

    def open(self, sealed: str, *, typ: str) -> Mapping[str, Any] | None:
        """What was sealed as that `typ`; None for anything else, whatever is wrong with it."""
        try:
            header, content = jwe.decrypt_compact(sealed, self.keys)
            members = strict_json.decode_object(content)
        except (TokenError, ValueError):
            return None
        return members if header.typ == media_type(typ) else None


EMPTY_BOX = SecretBox(None, KeySet(()))
