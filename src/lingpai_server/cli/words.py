"""Spans of time as people say them, and as they type them. Reads no clock."""

from __future__ import annotations

from datetime import UTC, datetime

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_UNITS = {"s": 1, "m": _MINUTE, "h": _HOUR, "d": _DAY}
_LATEST = 253_402_300_799  # the last second of the year 9999


def say_span(seconds: float) -> str:
    """A span in one or two units: "45 s", "4 min", "2 h 5 min", "3 days"."""
    whole = int(abs(seconds))
    if whole < 2 * _MINUTE:
        return f"{whole} s"
    if whole < 2 * _HOUR:
        return f"{whole // _MINUTE} min"
    if whole < 2 * _DAY:
        minutes = whole % _HOUR // _MINUTE
        return f"{whole // _HOUR} h" + (f" {minutes} min" if minutes else "")
    return f"{whole // _DAY:,} days"


def say_date(moment: float) -> str | None:
    """A NumericDate in UTC, or None for one that no calendar has."""
    if not 0 <= moment <= _LATEST:
        return None
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def parse_span(text: str) -> int:
    """Seconds from "300", "300s", "5m", "2h" or "30d". Raises ValueError."""
    digits, unit = (text[:-1], text[-1]) if text[-1:] in _UNITS else (text, "s")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 9:
        raise ValueError(f"{text!r} is no span of time: write 300, 5m, 2h or 30d")
    return int(digits) * _UNITS[unit]
