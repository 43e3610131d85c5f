"""The table of mutants is about the code as it stands; `python -m tests.mutants` tries them."""

from __future__ import annotations

import pytest

from tests.mutants import MUTANTS, Mutant, problem


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_mutant_applies(mutant: Mutant) -> None:
    assert problem(mutant) == ""
    assert mutant.old != mutant.new


def test_no_mutant_stands_twice() -> None:
    assert len(set(MUTANTS)) == len(MUTANTS)
