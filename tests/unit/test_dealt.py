"""What takes long begins first, in whichever process runs it."""

from __future__ import annotations

from collections import Counter
from itertools import groupby, pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from xdist.scheduler import WorkStealingScheduling  # type: ignore[import-untyped]

from tests.dealt import FOLDERS, TOGETHER, Kind, dealt

FILES = {
    ("unit", 0): 90,
    ("process", 1): 8,
    ("process", 2): 30,
    ("wire", 3): 40,
    ("process", 4): 9,
    ("process", 5): 3,
}
TESTS = [(folder, file, n) for (folder, file), count in FILES.items() for n in range(count)]


def _kind(test: tuple[str, int, int]) -> Kind:
    folder, file, _ = test
    return FOLDERS.index(folder), Path(str(file))


class _Node:
    """A process as xdist knows it."""

    shutting_down = False

    def __init__(self, name: str) -> None:
        self.gateway = SimpleNamespace(id=name)
        self.hand: list[int] = []
        self.send_runtest_some = self.hand.extend


def _hands(workers: int) -> list[list[tuple[str, int, int]]]:
    """What `worksteal` itself gives to each process at first."""
    config: Any = SimpleNamespace(getvalue=lambda _: [f"{workers}*popen"])
    scheduler = WorkStealingScheduling(config)
    order = dealt(TESTS, workers, _kind)
    nodes: list[Any] = [_Node(f"gw{number}") for number in range(workers)]
    for each in nodes:
        scheduler.add_node(each)
    for each in nodes:
        scheduler.add_node_collection(each, [str(test) for test in order])
    scheduler.schedule()
    return [[order[index] for index in node.hand] for node in nodes]


@pytest.mark.parametrize("workers", [1, 2, 3, 5])
def test_each_hand_begins_with_what_takes_longest(workers: int) -> None:
    """So what is taken over, which is the end of a hand, is cheap."""
    hands = _hands(workers)
    assert Counter(test for hand in hands for test in hand) == Counter(TESTS)
    for hand in hands:
        ranks = [_kind(test)[0] for test in hand]
        assert ranks == sorted(ranks)
        assert ranks[0] == FOLDERS.index("process")
        assert ranks[-1] == FOLDERS.index("unit")


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_a_file_stays_together(workers: int) -> None:
    """In its order; where it is long, in pieces that may share what they started."""
    for hand in _hands(workers):
        for file, tests in groupby(hand, key=lambda test: test[:2]):
            numbers = [n for *_, n in tests]
            breaks = [n for before, n in pairwise(numbers) if n != before + 1]
            if file[0] != "unit":
                assert all(n % TOGETHER == 0 for n in (numbers[0], *breaks))
