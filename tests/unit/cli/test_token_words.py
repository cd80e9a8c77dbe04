"""Spans and dates, as people say and type them."""

from __future__ import annotations

import pytest

from lingpai_server.cli.token_view import explain_time
from lingpai_server.cli.words import parse_span, say_date, say_span


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (119, "119 s"),
        (120, "2 min"),
        (299, "4 min"),
        (7199, "119 min"),
        (7200, "2 h"),
        (7500, "2 h 5 min"),
        (172_799, "47 h 59 min"),
        (172_800, "2 days"),
        (-45, "45 s"),
        (3e11, "3,472,222 days"),
    ],
)
def test_a_span_in_words(seconds: float, words: str) -> None:
    assert say_span(seconds) == words


@pytest.mark.parametrize(
    ("text", "seconds"), [("300", 300), ("45s", 45), ("5m", 300), ("2h", 7200), ("30d", 2_592_000)]
)
def test_a_span_as_typed(text: str, seconds: int) -> None:
    assert parse_span(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "-5m", "5 m", "1.5h", "5w", "٥m", "9999999999"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no span of time"):
        parse_span(text)


def test_a_date_that_no_calendar_has_is_left_out() -> None:
    assert say_date(1e300) is None
    assert say_date(-1) is None
    assert say_date(0) == "1970-01-01 00:00:00 UTC"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("exp", 1100, "expires in 100 s, 1970-01-01 00:18:20 UTC"),
        ("exp", 1000, "expired 0 s ago, 1970-01-01 00:16:40 UTC"),  # on the second is too late
        ("iat", 900, "issued 100 s ago, 1970-01-01 00:15:00 UTC"),
        ("nbf", 1100, "good in 100 s, 1970-01-01 00:18:20 UTC"),
        ("exp", "1100", ""),
        ("exp", True, ""),
        ("other", 1100, ""),
    ],
)
def test_a_time_is_explained_only_where_it_is_one(name: str, value: object, words: str) -> None:
    assert explain_time(name, value, now=1000) == words
