"""The API of the library: its names are a promise, so a change to them is a change to this list."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from tests.architecture.sources import ROOT

import lingpai

COMMITTED = Path(__file__).with_name("public_names.txt").read_text(encoding="utf-8").split()


def test_all_is_as_committed() -> None:
    assert sorted(lingpai.__all__) == COMMITTED


@pytest.mark.parametrize("name", COMMITTED)
def test_name_can_be_had(name: str) -> None:
    assert getattr(lingpai, name) is not None


def test_lazy_names_are_seen_by_dir() -> None:
    assert set(COMMITTED) <= set(dir(lingpai))


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = lingpai.no_such_name


def test_errors_names_each_of_its_classes() -> None:
    """`lingpai.errors.__all__` is written by hand: nothing may be missing from it."""
    tree = ast.parse((ROOT / "src/lingpai/errors.py").read_text(encoding="utf-8"))
    classes = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    assert classes <= set(lingpai.errors.__all__)
