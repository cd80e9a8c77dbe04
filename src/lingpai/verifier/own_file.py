"""Files that only this user may write, replaced whole or not at all. Knows not what is in them."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

__all__ = ["check_owned", "name_for", "replace_file"]


def name_for(issuer: str, suffix: str) -> str:
    """One name an issuer; it is a hash, for an issuer is a URL."""
    return hashlib.sha256(issuer.encode()).hexdigest()[:32] + suffix


def check_owned(path: Path) -> None:
    """Raise PermissionError where others may write too. Without user ids nothing is checked."""
    found = path.stat()
    if not hasattr(os, "geteuid"):
        return
    if found.st_uid not in (os.geteuid(), 0) or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(f"others may write to {path}")


def replace_file(path: Path, data: bytes) -> None:
    """Write in one step, readable by this user alone; its folder is made. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except OSError:
        with suppress(OSError):
            Path(name).unlink()
        raise
