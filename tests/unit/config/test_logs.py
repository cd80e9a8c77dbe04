"""The log: one line an entry, in one of two forms."""

from __future__ import annotations

import json
import logging

import pytest

from lingpai_server.config.logs import JsonLines, TextLines


def record(message: str, *, fault: bool = False) -> logging.LogRecord:
    info = (ValueError, ValueError("why"), None) if fault else None
    made = logging.LogRecord("lingpai.x", logging.INFO, "x.py", 1, message, (), info)
    made.created = 1_800_000_000.5
    return made


def test_text_has_time_level_name_and_message() -> None:
    line = TextLines().format(record("hello"))
    assert line == "2027-01-15T08:00:00.500Z INFO lingpai.x: hello"


def test_json_is_one_object_a_line() -> None:
    line = JsonLines().format(record("two\nlines 令牌"))
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "2027-01-15T08:00:00.500Z",
        "level": "info",
        "logger": "lingpai.x",
        "message": "two\nlines 令牌",
    }


@pytest.mark.parametrize("form", [JsonLines(), TextLines()])
def test_fault_brings_its_traceback(form: logging.Formatter) -> None:
    assert "ValueError: why" in form.format(record("x", fault=True))


def test_traceback_in_json_is_still_one_line() -> None:
    assert "\n" not in JsonLines().format(record("x", fault=True))
