"""How a value rests in one column: flags, names, secrets, JSON text. Refuses to know any table.

Settings are read as today's record: a member that this program does not know is ignored, and one
that an older program did not write has its default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from operator import attrgetter
from typing import Any, TypeAlias

import msgspec

from lingpai_server.core.api_settings import ApiSettings
from lingpai_server.core.client_settings import ClientSettings
from lingpai_server.core.secret import Secret

Value: TypeAlias = str | bytes | int | float | None
"""What the engine stores."""

_REMEMBERED = 256  # settings of each kind: most requests come from the same few clients


@dataclass(frozen=True, slots=True)
class Codec:
    """The way of one value into its column, and the way back."""

    encode: Callable[[Any], Value]
    decode: Callable[[Any], Any]


_encoder = msgspec.json.Encoder()


def _json(value: object) -> str:
    return _encoder.encode(value).decode()


def _mapping(value: Mapping[str, Any]) -> str:
    return _json(dict(value))


def _hide(text: str | None) -> Secret[str] | None:
    return None if text is None else Secret(text)


def _reveal(secret: Secret[str] | None) -> str | None:
    return None if secret is None else secret.reveal()


def name_of(kind: type[Enum]) -> Codec:
    """One of a closed set of names, by its value."""
    return Codec(attrgetter("value"), kind)


FLAG = Codec(int, bool)
SECRET = Codec(_reveal, _hide)
TEXTS = Codec(_json, msgspec.json.Decoder(tuple[str, ...]).decode)
DETAIL = Codec(_mapping, msgspec.json.Decoder(dict[str, str | int | bool | None]).decode)
CLAIMS = Codec(_mapping, msgspec.json.Decoder(dict[str, Any]).decode)
# Every member is written, so that a default that changes later changes nobody's settings.
CLIENT_SETTINGS = Codec(_json, lru_cache(_REMEMBERED)(msgspec.json.Decoder(ClientSettings).decode))
API_SETTINGS = Codec(_json, lru_cache(_REMEMBERED)(msgspec.json.Decoder(ApiSettings).decode))
