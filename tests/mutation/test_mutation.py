"""Each security check is taken out once, and the tests that are there for it must fail."""

from __future__ import annotations

import pytest
from tests.mutation.mutants import MUTANTS, Mutant
from tests.mutation.mutate import survivors


def test_every_mutant_has_its_own_name() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


@pytest.mark.process
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_without_the_check_its_tests_fail(mutant: Mutant) -> None:
    assert survivors(mutant) == []
