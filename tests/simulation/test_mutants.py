"""The simulation catches what it is there to catch: each planted bug, and none without one."""

from __future__ import annotations

import pytest

from tests.simulation.course import simulate
from tests.simulation.mutants import MUTANTS, Mutant, caught


@pytest.mark.thorough
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_planted_bug_is_caught_and_is_not_there_before(mutant: Mutant) -> None:
    found = caught(mutant)
    assert found is not None, f"{mutant.sentence} Nobody noticed."
    assert not [each for each in simulate(found[0]).broken if each.startswith(mutant.says)]
