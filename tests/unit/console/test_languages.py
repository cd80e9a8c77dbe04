"""Which language a page speaks."""

from __future__ import annotations

import pytest

from lingpai_server.console.languages import Language, choose_language

EN, ZH = Language.ENGLISH, Language.CHINESE


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ([], EN),
        (["zh-CN", "en;q=0.8"], ZH),
        (["zh"], ZH),
        (["zh-Hant-TW"], ZH),
        (["ZH-cn"], ZH),
        (["en-GB", "zh-CN;q=0.9"], EN),
        (["en;q=0.3", "zh;q=0.7"], ZH),
        (["de", "fr;q=0.9", "zh;q=0.1"], ZH),
        (["de", "fr"], EN),
        (["*"], EN),
        (["zh;q=0", "en;q=0.1"], EN),
        (["zh;q=0.0"], EN),
        (["zh;q=2", "de"], EN),
        (["zh;level=1", "de"], EN),
        (["zh;q=0.1234", "en"], EN),
        (["zh ; q=0.5"], ZH),
        (["zhong"], EN),
        ([";;;", "=", ""], EN),
    ],
)
def test_browsers_preferences_are_followed(accept: list[str], expected: Language) -> None:
    """RFC 9110 section 12.5.4."""
    assert choose_language(accept_language=accept) is expected


def test_of_equals_the_first_wins() -> None:
    assert choose_language(accept_language=["zh;q=0.5", "en;q=0.5"]) is ZH


def test_client_goes_before_the_browser() -> None:
    """OpenID Connect Core section 3.1.2.1, `ui_locales`."""
    assert choose_language(ui_locales=["de", "zh-CN"], accept_language=["en"]) is ZH


def test_locales_that_nobody_speaks_leave_it_to_the_browser() -> None:
    assert choose_language(ui_locales=["xx", ""], accept_language=["zh"]) is ZH


def test_user_goes_before_the_client() -> None:
    assert choose_language("en", ui_locales=["zh-CN"], accept_language=["zh"]) is EN


def test_each_language_offers_the_other() -> None:
    assert {EN.other, ZH.other} == {EN, ZH}
    assert EN.other is ZH
