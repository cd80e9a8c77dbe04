"""One catalogue, two languages: the same keys, the same gaps to fill, all of them used."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from string import Formatter

import pytest

from lingpai_server.console.catalogue import CATALOGUE, say, say_plainly, say_wait
from lingpai_server.console.languages import Language
from lingpai_server.protocol.openid_scopes import OPENID_SCOPES

CONSOLE = Path(str(files("lingpai_server.console")))
TEMPLATES = sorted((CONSOLE / "templates").glob("*.html"))
ENGLISH, CHINESE = CATALOGUE[Language.ENGLISH], CATALOGUE[Language.CHINESE]

_ASKED = re.compile(r"""\b(?:t|plainly|t_other)\(\s*["']([^"']+)["']""")
_QUOTED = re.compile(r'"([a-z_]+(?:\.[a-z_]+)+)"')
_IMPORTED = re.compile(r"{%[^%]*(?:extends|from|include) ")


def gaps(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_both_languages_have_the_same_keys() -> None:
    assert set(ENGLISH) == set(CHINESE)


@pytest.mark.parametrize("key", sorted(ENGLISH))
def test_both_languages_fill_in_the_same(key: str) -> None:
    assert gaps(ENGLISH[key]) == gaps(CHINESE[key])


@pytest.mark.parametrize("key", sorted(ENGLISH))
def test_no_text_is_empty_but_an_explanation_that_would_explain_nothing(key: str) -> None:
    empty = {language for language, texts in CATALOGUE.items() if not texts[key].strip()}
    assert not empty or (key.endswith(".more") and len(empty) == len(CATALOGUE))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_asks_for_an_unknown_key(template: Path) -> None:
    asked = set(_ASKED.findall(template.read_text("utf-8")))
    assert asked <= set(ENGLISH)


def test_no_key_is_left_over() -> None:
    """What no template and no view names is no text of a page. Views put keys together from a
    stem and an ending; both are looked for."""
    sources = [path.read_text("utf-8") for path in TEMPLATES]
    sources += [
        path.read_text("utf-8") for path in CONSOLE.glob("*.py") if "catalogue_" not in path.name
    ]
    named = {
        key for source in sources for key in (*_ASKED.findall(source), *_QUOTED.findall(source))
    }
    endings = {"title", "lead", "hint", "to", "more"}
    built = {key for key in ENGLISH if key.rpartition(".")[2] in endings}
    built |= {key for key in ENGLISH if key.startswith(("scope.", "consent."))}
    assert set(ENGLISH) - named - built == set()


@pytest.mark.parametrize("key", sorted(CHINESE))
def test_chinese_is_punctuated_in_chinese(key: str) -> None:
    assert not re.search(r"[\u4e00-\u9fff][,;:?!]", CHINESE[key])


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("scope", OPENID_SCOPES)
def test_every_scope_of_openid_connect_has_a_meaning(language: Language, scope: str) -> None:
    assert say_plainly(language, f"scope.{scope}")


def test_what_is_filled_in_is_escaped_and_isolated() -> None:
    text = say(Language.ENGLISH, "signin.to", app="<b>&\u202e")
    assert str(text) == "to continue to <bdi>&lt;b&gt;&amp;\u202e</bdi>"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "1 second"),
        (1, "1 second"),
        (2, "2 seconds"),
        (119, "119 seconds"),
        (120, "2 minutes"),
        (121, "3 minutes"),
        (900, "15 minutes"),
    ],
)
def test_waits_are_told_in_words_and_rounded_up(seconds: int, expected: str) -> None:
    assert say_wait(Language.ENGLISH, seconds) == expected
