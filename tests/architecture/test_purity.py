"""Time, randomness and identifiers are arguments: the pure packages never fetch them themselves."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest
from tests.architecture.sources import Module, pure_modules

CLOCKS_AND_DICE = frozenset(
    {"time", "os", "random", "secrets", "uuid", "socket", "ssl", "asyncio", "threading", "logging"}
)
READS = frozenset({"now", "utcnow", "today", "uuid1", "uuid4", "uuid7", "urandom", "token_bytes"})


def imported(tree: ast.AST) -> Iterator[str]:
    """Top-level names of all imports, those inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


def reads(tree: ast.AST) -> Iterator[str]:
    """Calls such as `datetime.now()` and `uuid4()`."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        match node.func:
            case ast.Attribute(attr=name) | ast.Name(id=name) if name in READS:
                yield f"line {node.lineno}: {name}()"
            case _:
                pass


@pytest.mark.parametrize("module", pure_modules(), ids=lambda m: m.name)
def test_pure_module_imports_no_clock_and_no_dice(module: Module) -> None:
    assert not CLOCKS_AND_DICE & set(imported(module.tree))


@pytest.mark.parametrize("module", pure_modules(), ids=lambda m: m.name)
def test_pure_module_reads_no_clock_and_draws_nothing(module: Module) -> None:
    assert not list(reads(module.tree))


@pytest.mark.parametrize(
    "line", ["datetime.now()", "datetime.datetime.now(tz=UTC)", "uuid4()", "uuid.uuid4().hex"]
)
def test_a_read_is_seen(line: str) -> None:
    assert list(reads(ast.parse(line)))


def test_an_import_inside_a_function_is_seen() -> None:
    assert "time" in set(imported(ast.parse("def f():\n    from time import monotonic")))
