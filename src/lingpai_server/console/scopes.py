"""What a scope and the details of an authorization mean, in words. Decides nothing about them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from lingpai.jose import strict_json
from lingpai_server.console.catalogue import say_plainly
from lingpai_server.console.languages import Language
from lingpai_server.core.records import Api
from lingpai_server.protocol.openid_scopes import OPENID_SCOPES


@dataclass(frozen=True, slots=True)
class Meaning:
    """One line of the list that a user reads. `more` may be empty."""

    scope: str
    text: str
    more: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asks for: about the user, and at the API."""

    identity: tuple[Meaning, ...]
    at_api: tuple[Meaning, ...]


def explain_scopes(scopes: Iterable[str], api: Api, language: Language) -> Asked:
    """Every scope is told, in the order asked for; none is hidden for want of words."""
    asked = tuple(dict.fromkeys(scopes))
    return Asked(
        identity=tuple(_explain_own(s, language) for s in OPENID_SCOPES if s in asked),
        at_api=tuple(_explain(s, api, language) for s in asked if s not in OPENID_SCOPES),
    )


def explain_details(text: str | None) -> tuple[tuple[tuple[str, str], ...], ...]:
    """`authorization_details` (RFC 9396) as rows of a name and a value, one table an object. The
    names are the API's own. Nothing is left out: what is not read here is granted unread."""
    if text is None:
        return ()
    details = strict_json.decode(text.encode("utf-8"))
    objects = details if isinstance(details, list) else [details]
    return tuple(tuple(_rows("", one)) for one in objects)


def _explain_own(scope: str, language: Language) -> Meaning:
    text = say_plainly(language, f"scope.{scope}")
    return Meaning(scope, text, say_plainly(language, f"scope.{scope}.more"))


def _explain(scope: str, api: Api, language: Language) -> Meaning:
    texts = api.settings.scope_texts
    text = texts.get(f"{scope}#{language.value}") or texts.get(scope)
    return Meaning(scope, scope) if text is None else Meaning(scope, text, scope)


def _rows(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Nested members by their path."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _rows(f"{name}.{key}" if name else str(key), inner)
    elif isinstance(value, list) and value:
        if any(isinstance(inner, dict | list) for inner in value):
            for number, inner in enumerate(value, start=1):
                yield from _rows(f"{name} {number}", inner)
        else:
            yield name, ", ".join(map(_show, value))
    else:
        yield name, _show(value)


def _show(value: Any) -> str:
    return value if isinstance(value, str) else strict_json.encode(value).decode("utf-8")
