"""Published test vectors, by file name. Knows where they are, not what they mean."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).parent.parent / "vectors"


def load(*path: str) -> dict[str, Any]:
    """One JSON file of vectors."""
    members: dict[str, Any] = json.loads(VECTORS.joinpath(*path).read_text("utf-8"))
    return members


def names(*path: str, pattern: str = "*.json") -> list[str]:
    """The files of one folder of vectors, in order."""
    return sorted(found.name for found in VECTORS.joinpath(*path).glob(pattern))
