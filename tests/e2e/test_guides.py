"""The guides are true: every block runs as it is printed, in order, Python in one namespace a page.

A page that names the address of a local issuer gets a real one, on a free port; that port is all
that is changed in what the page says. A refusal that a page shows has to happen.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
from tests.support.server import FAST_PASSWORDS, Server, serving

ROOT = Path(__file__).parents[2]
GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
REFERENCE = sorted((ROOT / "docs" / "reference").glob("*.md"))
ADDRESS = "http://127.0.0.1:8000"
FENCE = "```"
RUN = frozenset({"python", "sh"})
# output, settings, installing; programs for a browser or a phone
SHOWN = frozenset({"text", "json", "http", "console", "toml"}) | {
    *("apache", "html", "js", "kotlin", "swift", "xml")
}
NO_RUN = "python no-run"
MOST_NO_RUN = 1  # a guide


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: what its fence says, the line its text begins at, and the text."""

    kind: str
    line: int
    text: str


def read_blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page, in order. Raises ValueError for one that is not closed."""
    blocks: list[Block] = []
    kind, start, lines = "", 0, list[str]()
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if not line.startswith(FENCE):
            lines.append(line)
        elif start:
            blocks.append(Block(kind, start, "\n".join(lines) + "\n"))
            start = 0
        else:
            kind, start, lines = line.removeprefix(FENCE).strip(), number + 1, []
    if start:
        raise ValueError(f"{page.name}: the block of line {start} is not closed")
    return blocks


def headings(page: Path) -> set[str]:
    """The anchors of a page's headings, as a repository's web page makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def names_an_issuer(page: Path) -> bool:
    """Whether something that runs speaks to a local issuer."""
    return any(ADDRESS in block.text for block in read_blocks(page) if block.kind in RUN)


def run_python(block: Block, page: Path, module: ModuleType, address: str) -> None:
    """Run it in the page's namespace; a traceback names the line in the page."""
    source = "\n" * (block.line - 1) + block.text.replace(ADDRESS, address)
    tree = demand_refusals(ast.parse(source, str(page)))
    code = compile(tree, str(page), "exec", dont_inherit=True)
    exec(code, module.__dict__)  # noqa: S102 - our own pages


def demand_refusals(tree: ast.Module) -> ast.Module:
    """The same, in which every refusal that a page shows has to happen."""
    for statement in tree.body:
        if isinstance(statement, ast.Try) and statement.handlers and not statement.orelse:
            message = f"line {statement.lineno}: nothing was refused"
            statement.orelse = ast.parse(f"raise AssertionError({message!r})").body
    return ast.fix_missing_locations(tree)


def run_shell(block: Block, server: Server) -> None:
    """Run it as a reader would, in a folder of its own and with this checkout's `lingpai`."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    settings = {"PATH": path, "LINGPAI_STORAGE__DATA_DIR": str(server.data)}
    done = subprocess.run(
        ["sh", "-eu", "-c", block.text.replace(ADDRESS, server.url)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=server.data.parent,
        env={**os.environ, **FAST_PASSWORDS, **settings},
    )
    assert done.returncode == 0, f"line {block.line}: {done.stdout}{done.stderr}"


@pytest.fixture
def server(page: Path, tmp_path: Path) -> Iterator[Server | None]:
    """An issuer for the pages that speak to one."""
    if not names_an_issuer(page):
        yield None
        return
    with serving(tmp_path) as running:
        yield running


def _runnable_pages() -> list[object]:
    return [
        pytest.param(
            page, id=page.stem, marks=[pytest.mark.process] if names_an_issuer(page) else []
        )
        for page in (*GUIDES, *REFERENCE)
        if any(block.kind in RUN for block in read_blocks(page))
    ]


@pytest.mark.parametrize("page", _runnable_pages())
def test_every_block_runs_as_printed(
    page: Path, server: Server | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType(f"page_{page.stem.replace('-', '_')}")
    monkeypatch.setitem(sys.modules, module.__name__, module)  # frameworks look for annotations
    if server is not None:
        monkeypatch.chdir(server.data.parent)  # where its shell blocks run, too
    for block in read_blocks(page):
        if block.kind == "python":
            run_python(block, page, module, ADDRESS if server is None else server.url)
        elif block.kind == "sh":
            assert server is not None, f"line {block.line}: shell, and no issuer to speak to"
            run_shell(block, server)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_no_block_is_skipped_silently(guide: Path) -> None:
    kinds = [block.kind for block in read_blocks(guide)]
    assert set(kinds) <= RUN | SHOWN | {NO_RUN}
    assert kinds.count(NO_RUN) <= MOST_NO_RUN
    assert "python" in kinds


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_our_own_code_always_runs(guide: Path) -> None:
    for block in read_blocks(guide):
        if block.kind in SHOWN:
            assert "import lingpai" not in block.text
            assert "from lingpai" not in block.text


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_links_lead_somewhere(guide: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", guide.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        page = (guide.parent / path).resolve() if path else guide
        assert page.exists(), target
        if anchor:
            assert anchor in headings(page), target


def test_refusal_that_does_not_happen_is_noticed() -> None:
    tree = demand_refusals(ast.parse("try:\n    pass\nexcept ValueError:\n    pass\n"))
    with pytest.raises(AssertionError, match="line 1: nothing was refused"):
        exec(compile(tree, "page", "exec"), {})  # noqa: S102 - the line above


def test_there_are_guides() -> None:
    assert GUIDES
