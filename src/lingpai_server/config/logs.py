"""Sets up the log: a line an entry on standard error, readable or JSON. Knows no logger's name."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime


class TextLines(logging.Formatter):
    """`2026-11-23T20:15:03.123Z INFO lingpai.http: message`, and a traceback below if any."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802, ARG002 - logging's own name and signature
        """RFC 3339, in UTC."""
        return _timestamp(record)


class JsonLines(logging.Formatter):
    """One JSON object a line; a traceback is a member, so that an entry is never two lines."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        members = {
            "time": _timestamp(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            members["traceback"] = self.formatException(record.exc_info)
        return json.dumps(members, ensure_ascii=False)


def set_up_log(*, level: str, form: str) -> None:
    """Replaces whatever handlers there were. `form` is "text" or "json"."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


def _timestamp(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
