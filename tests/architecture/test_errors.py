"""The codes of refusals: stable, unique, and listed in the generated page."""

from __future__ import annotations

from collections import Counter

import pytest
from docs.generate.errors_page import TARGET, all_refusals
from tests.architecture.sources import ROOT

from lingpai import errors

REFUSALS = tuple(all_refusals())


def test_no_two_classes_share_a_code() -> None:
    repeated = [code for code, count in Counter(r.code for r in REFUSALS).items() if count > 1]
    assert not repeated


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda r: r.__name__)
def test_class_has_a_code_of_its_own_and_says_when(
    refusal: type[errors.TokenError],
) -> None:
    assert "code" in vars(refusal)
    assert refusal.code.isascii()
    assert refusal.code.replace("_", "").isalnum()
    assert refusal.code == refusal.code.lower()
    assert refusal.__doc__


def test_every_code_stands_in_the_generated_page() -> None:
    page = (ROOT / TARGET).read_text(encoding="utf-8")
    assert not [r.code for r in REFUSALS if f"`{r.code}`" not in page]


def test_every_token_error_of_the_library_is_in_the_tree() -> None:
    """A subclass defined elsewhere would have a code that no page lists."""
    import lingpai.verifier  # noqa: F401 - loads what could define more

    found: set[type[errors.TokenError]] = set()
    rest = [errors.TokenError]
    while rest:
        cls = rest.pop()
        found.add(cls)
        rest += cls.__subclasses__()
    ours = {cls for cls in found if cls.__module__.startswith("lingpai")}
    assert ours <= set(REFUSALS)
