"""Every module says what it is, stays small and is imported by its full name."""

from __future__ import annotations

import ast

import pytest
from tests.architecture.sources import Module, modules

MAX_LINES = 400
EVERY_MODULE = pytest.mark.parametrize("module", modules(), ids=lambda m: m.name)


@EVERY_MODULE
def test_docstring_opens_with_a_sentence_on_one_line(module: Module) -> None:
    docstring = ast.get_docstring(module.tree)
    assert docstring, "no docstring"
    assert docstring.splitlines()[0].endswith((".", "?")), docstring.splitlines()[0]


@EVERY_MODULE
def test_file_is_not_over_the_limit(module: Module) -> None:
    assert len(module.text.splitlines()) <= MAX_LINES


@EVERY_MODULE
def test_public_functions_and_classes_of_the_library_have_a_docstring(module: Module) -> None:
    if not module.lies_in("lingpai"):
        return
    silent = [
        node.name
        for node in module.tree.body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        and not node.name.startswith("_")
        and ast.get_docstring(node) is None
    ]
    assert not silent


@EVERY_MODULE
def test_server_does_not_go_through_the_face_of_the_library(module: Module) -> None:
    """The face may grow lazy names; server code names what it uses. A service in `demo` is a user
    of the library like any other."""
    if not module.lies_in("lingpai_server") or module.lies_in("lingpai_server.demo"):
        return
    faces = [
        node.lineno
        for node in ast.walk(module.tree)
        if (isinstance(node, ast.ImportFrom) and node.module == "lingpai")
        or (isinstance(node, ast.Import) and any(alias.name == "lingpai" for alias in node.names))
    ]
    assert not faces
