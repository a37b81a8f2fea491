"""The seeds that the suite plays: several files share them, so that its workers do."""

from __future__ import annotations

import pytest

from tests.simulation.course import simulate

SEEDS = 2_000
_FILES = 4
_GROUP = 25


def groups(file: int) -> pytest.MarkDecorator:
    """The seeds of one of the files, some for each test."""
    each = SEEDS // _FILES
    starts = range(file * each, (file + 1) * each, _GROUP)
    return pytest.mark.parametrize("first", starts, ids=lambda first: f"{first}-")


def hold(first: int) -> None:
    """Every invariant holds for the seeds of a group; fails with those for which one does not."""
    failed = {seed: broken for seed in range(first, first + _GROUP) if (broken := _broken(seed))}
    told = "\n".join(f"python -m tests.simulation {s} --trace: {b[0]}" for s, b in failed.items())
    assert not failed, told


def _broken(seed: int) -> list[str]:
    return simulate(seed).broken
