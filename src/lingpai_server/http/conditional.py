"""Conditional requests (RFC 9110 section 13): whether somebody has an answer already."""

from __future__ import annotations


def matches(wanted: list[str], tag: str) -> bool:
    """Whether If-None-Match names the tag: section 13.1.2, compared weakly."""
    return "*" in wanted or any(item.removeprefix("W/") == tag for item in wanted)
