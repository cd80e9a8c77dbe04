"""Stylesheet, script and mark: files of the package, served under the hash of what they hold.

A name never stands for two contents, so browsers may keep them for ever. Knows no page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType

from lingpai.jose.crypto import sha256
from lingpai_server.http.answers import Answer, Headers
from lingpai_server.http.exchange import Exchange

ASSETS_PATH = "/assets/"
_FOR_EVER = ("cache-control", "public, max-age=31536000, immutable")
_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "lingpai.css": "text/css; charset=utf-8",
        "plaque.svg": "image/svg+xml",
        "submit.js": "text/javascript; charset=utf-8",
    }
)


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, and where it is below the issuer."""

    path: str
    content_type: str
    body: bytes

    async def serve(self, _exchange: Exchange) -> Answer:
        """GET of its path."""
        headers: Headers = (("content-type", self.content_type), _FOR_EVER)
        return Answer(200, headers, self.body)


def load_assets() -> Mapping[str, Asset]:
    """All of them, by the name that templates call them by."""
    return MappingProxyType({name: _load(name, kind) for name, kind in _TYPES.items()})


def _load(name: str, content_type: str) -> Asset:
    body = (files("lingpai_server.console") / "assets" / name).read_bytes()
    stem, _, suffix = name.rpartition(".")
    return Asset(f"{ASSETS_PATH}{stem}.{sha256(body).hex()[:12]}.{suffix}", content_type, body)
