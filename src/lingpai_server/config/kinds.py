"""Kinds of settings: how one value is read, and what it accepts in words. Knows no setting's name.

A kind reads the values that TOML has; text from the environment is first turned into such a value
by `from_text`; text that stands for none is left as it is, for `read` to refuse.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T", covariant=True)

_SHA256_BYTES = 32

_HEADER_CHARS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")  # a token, RFC 9110 5.6.2


class BadValue(ValueError):
    """A value that a setting does not accept. The message says what was wrong with it."""


class Kind(Protocol[T]):
    """One kind of setting. `accepts` completes the sentence "accepted: …"."""

    @property
    def accepts(self) -> str:
        """What it accepts, in words."""

    def from_text(self, text: str) -> object:
        """The TOML value that this text from the environment stands for."""

    def read(self, value: object) -> T:
        """The checked value. Raises BadValue saying what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number of `unit` between `low` and `high`, both included."""

    low: int
    high: int
    unit: str = ""

    @property
    def accepts(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        return f"a whole number from {self.low} to {self.high}{unit}"

    def from_text(self, text: str) -> object:
        digits = text.removeprefix("-")
        return int(text) if digits.isascii() and digits.isdigit() and len(text) < 20 else text

    def read(self, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise BadValue(f"{_show(value)} is not a whole number")
        if not self.low <= value <= self.high:
            raise BadValue(f"{value} is out of range")
        return value


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    accepts: str = "true or false"

    def from_text(self, text: str) -> object:
        return {"true": True, "false": False}.get(text.lower(), text)

    def read(self, value: object) -> bool:
        if not isinstance(value, bool):
            raise BadValue(f"{_show(value)} is neither true nor false")
        return value


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    @property
    def accepts(self) -> str:
        return f"{', '.join(self.words[:-1])} or {self.words[-1]}"

    def from_text(self, text: str) -> object:
        return text

    def read(self, value: object) -> str:
        if value not in self.words:
            raise BadValue(f"{_show(value)} is not one of the choices")
        return str(value)


@dataclass(frozen=True, slots=True)
class Host:
    """An address or a host name to listen on."""

    accepts: str = "an IPv4 or IPv6 address, or a host name"

    def from_text(self, text: str) -> object:
        return text

    def read(self, value: object) -> str:
        text = _read_text(value)
        if any(character in text for character in "/[]@?# "):
            raise BadValue(f"{_show(value)} is not a host")
        return text


@dataclass(frozen=True, slots=True)
class HeaderName:
    """The name of an HTTP header, in lower case, or nothing."""

    accepts: str = "a header's name, or an empty text"

    def from_text(self, text: str) -> object:
        return text

    def read(self, value: object) -> str:
        text = "" if value == "" else _read_text(value).lower()
        if not _HEADER_CHARS.issuperset(text):
            raise BadValue(f"{_show(value)} is not the name of a header")
        return text


@dataclass(frozen=True, slots=True)
class Folder:
    """A path. One in a file is relative to that file's folder, any other to the working folder."""

    accepts: str = "a path"

    def from_text(self, text: str) -> object:
        return text

    def read(self, value: object) -> Path:
        return Path(_read_text(value)).expanduser()


@dataclass(frozen=True, slots=True)
class OptionalFolder:
    """A path, or nothing."""

    accepts: str = "a path, or an empty text"

    def from_text(self, text: str) -> object:
        return text

    def read(self, value: object) -> Path | None:
        return None if value == "" else Folder().read(value)


@dataclass(frozen=True, slots=True)
class Issuer:
    """The issuer's URL as RFC 8414 section 2 wants it, or nothing."""

    accepts: str = (
        "an https URL without query, fragment or final slash (http only on loopback), "
        "or an empty text"
    )

    def from_text(self, text: str) -> object:
        return text

    def read(self, value: object) -> str:
        text = "" if value == "" else _read_text(value)
        if text:
            check_issuer(text)
        return text


@dataclass(frozen=True, slots=True)
class Networks:
    """A list of addresses and networks."""

    accepts: str = "a list of IP addresses and networks (in the environment: separated by commas)"

    def from_text(self, text: str) -> object:
        return [piece.strip() for piece in text.split(",") if piece.strip()]

    def read(self, value: object) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise BadValue(f"{_show(value)} is not a list")
        return tuple(_read_network(item) for item in value)


@dataclass(frozen=True, slots=True)
class Texts:
    """A list of texts; of `words` alone, if there are any."""

    words: tuple[str, ...] = ()
    least: int = 0

    @property
    def accepts(self) -> str:
        of_words = f" of {', '.join(self.words)}" if self.words else " of texts"
        at_least = f" with at least {self.least} in it" if self.least else ""
        return f"a list{of_words}{at_least} (in the environment: separated by commas)"

    def from_text(self, text: str) -> object:
        return [piece.strip() for piece in text.split(",") if piece.strip()]

    def read(self, value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or len(value) < self.least:
            raise BadValue(f"{_show(value)} is not such a list")
        for item in value:
            if self.words and item not in self.words:
                raise BadValue(f"{_show(item)} is not one of the choices")
        return tuple(dict.fromkeys(map(_read_text, value)))


@dataclass(frozen=True, slots=True)
class Digests:
    """A list of SHA-256 digests."""

    accepts: str = (
        "a list of SHA-256 digests in base64url, 43 characters each (in the environment: separated "
        "by commas)"
    )

    def from_text(self, text: str) -> object:
        return [piece.strip() for piece in text.split(",") if piece.strip()]

    def read(self, value: object) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise BadValue(f"{_show(value)} is not a list")
        return tuple(_read_digest(item) for item in value)


def check_issuer(text: str) -> None:
    """Raises BadValue unless `text` may be an issuer (RFC 8414 section 2, loopback excepted)."""
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - the property itself raises
    except ValueError:
        raise BadValue(f"{_show(text)} is not a URL") from None
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise BadValue(f"{_show(text)} is not an https URL with a host")
    if parts.query or parts.fragment or "?" in text or "#" in text:
        raise BadValue(f"{_show(text)} has a query or a fragment")
    if "@" in parts.netloc or not text.isascii() or any(c.isspace() for c in text):
        raise BadValue(f"{_show(text)} has a user name, a space or a character beyond ASCII")
    if text.endswith("/") or text != text.replace(parts.netloc, parts.netloc.lower(), 1):
        raise BadValue(f"{_show(text)} ends with a slash or has capitals in its host")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise BadValue(f"{_show(text)} is plain http, and its host is not loopback")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by definition (RFC 6761 section 6.3, RFC 1122, RFC 4291)."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _read_text(value: object) -> str:
    if not isinstance(value, str) or not value or not value.isprintable():
        raise BadValue(f"{_show(value)} is not a text in one line")
    return value


def _read_network(item: object) -> str:
    try:
        return str(ipaddress.ip_network(_read_text(item)))
    except ValueError:
        raise BadValue(f"{_show(item)} is not an address or network") from None


def _read_digest(item: object) -> str:
    from lingpai.jose import base64url  # here, since it brings the whole library along

    text = _read_text(item)
    try:
        if len(base64url.decode(text)) == _SHA256_BYTES:
            return text
    except ValueError:
        pass
    raise BadValue(f"{_show(item)} is not a SHA-256 digest")


def _show(value: object) -> str:
    """A value in an error message: short, and on one line."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"
