"""A seed is a whole simulation: what it does once it does always."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from tests.simulation.chance import seeded
from tests.simulation.course import simulate

SEEDS = (3, 5, 11, 20, 1026)
_PRINT = "import sys; from tests.simulation.course import simulate; " + (
    "[print(simulate(int(seed)).digest) for seed in sys.argv[1:]]"
)


def test_the_same_seed_takes_the_same_course_twice() -> None:
    first = [simulate(seed).trace for seed in SEEDS]
    simulate(99)  # what came between changes nothing
    assert [simulate(seed).trace for seed in reversed(SEEDS)] == first[::-1]


def test_other_seeds_take_other_courses() -> None:
    assert len({simulate(seed).digest for seed in range(20)}) == 20


@pytest.mark.thorough
@pytest.mark.timeout(300)
@pytest.mark.parametrize("hashes", ["0", "1", "4711"])
def test_another_process_with_other_hashes_takes_the_same_course(hashes: str) -> None:
    root = Path(__file__).parents[2]
    seeds = [str(seed) for seed in SEEDS]
    said = subprocess.run(
        [sys.executable, "-c", _PRINT, *seeds],
        env={**os.environ, "PYTHONHASHSEED": hashes},
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.split() == [simulate(seed).digest for seed in SEEDS]


def test_chance_is_given_back() -> None:
    state = random.getstate()
    with seeded(1):
        first = uuid4(), random.random()  # noqa: S311 - what the bot would draw
    with seeded(1):
        assert (uuid4(), random.random()) == first  # noqa: S311
    assert random.getstate() == state
    assert uuid4() != first[0]
