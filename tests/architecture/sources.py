"""The source tree as the architecture tests read it: files and their syntax trees. Imports none."""

from __future__ import annotations

import ast
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = (ROOT / "src/lingpai", ROOT / "src/lingpai_server")

PURE = (
    "lingpai.errors",
    "lingpai.jose",
    "lingpai.jwt",
    "lingpai_server.core",
    "lingpai_server.protocol",
    "lingpai_server.accounts",
    "lingpai_server.sessions",
)
DRAWS_RANDOMNESS = "lingpai.jose.crypto"  # the one exception of the layer rule


@dataclass(frozen=True, slots=True)
class Module:
    """One file of ours: its dotted name, its text and its tree."""

    name: str
    path: Path
    text: str
    tree: ast.Module

    def lies_in(self, *packages: str) -> bool:
        """Whether it is one of these packages or below one."""
        return any(self.name == p or self.name.startswith(f"{p}.") for p in packages)


@cache
def modules() -> tuple[Module, ...]:
    """Every module of both packages."""
    return tuple(_read(path) for package in PACKAGES for path in sorted(package.rglob("*.py")))


def pure_modules() -> tuple[Module, ...]:
    """Those that may touch neither clock nor world, the one that draws randomness left out."""
    pure = (m for m in modules() if m.lies_in(*PURE))
    return tuple(m for m in pure if not m.lies_in(DRAWS_RANDOMNESS))


@cache
def tracked_files() -> tuple[Path, ...]:
    """What the repository holds, and what is about to be added to it."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    paths = (ROOT / line for line in listed.splitlines())
    return tuple(path for path in paths if path.is_file())


def _read(path: Path) -> Module:
    parts = path.relative_to(ROOT / "src").with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    text = path.read_text(encoding="utf-8")
    return Module(name, path, text, ast.parse(text, filename=str(path)))
