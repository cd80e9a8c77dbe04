"""The code blocks of a Markdown page, and how they are run. Knows not what the page is about."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.support.server import FAST_PASSWORDS

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block. `shown` is the `text` block right behind it: what the page says it prints,
    where `…` stands for anything."""

    language: str
    code: str
    shown: str | None


def read_blocks(page: Path, replacements: dict[str, str]) -> list[Block]:
    """All fenced blocks in their order, with other addresses put in place of the page's."""
    text = page.read_text(encoding="utf-8")
    for old, new in replacements.items():
        text = text.replace(old, new)
    fences = list(_FENCE.finditer(text))
    blocks = []
    for fence, following in zip(fences, [*fences[1:], None], strict=True):
        behind = following is not None and not text[fence.end() : following.start()].strip()
        shown = (
            following.group(2) if following and behind and following.group(1) == "text" else None
        )
        blocks.append(Block(fence.group(1), fence.group(2), shown))
    return blocks


def run_bash(blocks: list[Block], folder: Path, environ: dict[str, str]) -> list[str]:
    """What each block printed, all of them run in one shell in `folder`. The first command that
    fails ends it with an AssertionError; what it left running is ended."""
    marker = "-- the next block --"
    steps = [f"echo '{marker}'\n{block.code}" for block in blocks]
    script = "set -euo pipefail\nexec 2>&1\n" + "\n".join(steps)
    process = subprocess.Popen(
        ["bash", "-c", script],
        cwd=folder,
        env=_environment() | environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=_SECONDS)
    finally:
        _end_group(process)
    assert process.returncode == 0, output
    return [part.removeprefix("\n") for part in output.split(marker)[1:]]


def run_python(blocks: list[Block], folder: Path) -> None:
    """All blocks as one program in a process of its own, warnings as errors."""
    program = "\n".join(block.code for block in blocks)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=folder,
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def assert_shown(shown: str, printed: str) -> None:
    """Whether a page tells the truth about what a block prints."""
    pattern = ".*".join(re.escape(part) for part in shown.strip().split("…"))
    assert re.fullmatch(pattern, printed.strip(), re.DOTALL), f"{shown}\nis not\n{printed}"


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LINGPAI_")}
    return kept | {"NO_COLOR": "1", "PYTHONUTF8": "1", "COLUMNS": "100"} | FAST_PASSWORDS


def _end_group(process: subprocess.Popen[str]) -> None:
    """Whatever the shell started is in its process group."""
    try:
        os.killpg(process.pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    process.wait(timeout=10)
