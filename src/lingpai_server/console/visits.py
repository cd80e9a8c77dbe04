"""A visit: one request of a browser, as the pages look at it. Knows no page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypedDict

from lingpai_server.console.cookies import read_session_cookie
from lingpai_server.console.languages import Language, choose_language
from lingpai_server.console.rendering import LANGUAGE_PARAMETER
from lingpai_server.core.secret import Secret
from lingpai_server.http.exchange import Exchange


class Bearings(TypedDict):
    """The arguments that every use case of a browser takes."""

    browser_secret: Secret[str] | None
    address: str | None


@dataclass(frozen=True, slots=True)
class Visit:
    """`chosen` is the language that the user asked for on the page; None if by nothing but the
    browser's settings."""

    parameters: Mapping[str, str] = field(repr=False)
    secret: Secret[str] | None
    address: str | None
    chosen: Language | None
    accept_language: tuple[str, ...]

    @classmethod
    def of(cls, exchange: Exchange, parameters: Mapping[str, str]) -> Visit:
        """Raises Refused for a cookie that came twice."""
        asked = parameters.get(LANGUAGE_PARAMETER)
        return cls(
            parameters=parameters,
            secret=read_session_cookie(exchange),
            address=exchange.address,
            chosen=Language(asked) if asked in set(Language) else None,
            accept_language=tuple(exchange.list_header("accept-language")),
        )

    @property
    def bearings(self) -> Bearings:
        """Whose browser it is, and where."""
        return {"browser_secret": self.secret, "address": self.address}

    def language(self, ui_locales: Iterable[str] = ()) -> Language:
        """What to speak on a page of this visit."""
        return choose_language(self.chosen, ui_locales, self.accept_language)
