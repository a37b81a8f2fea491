"""How tests are dealt to the processes that run them side by side: what takes long begins first.

xdist's `worksteal` gives each process as many tests as the next, in the order in which they were
collected, and a process that has none left takes over the last half of the longest hand. So a hand
begins with its share of what starts processes and browsers and ends with tests of milliseconds:
what is taken over is cheap, and nothing long begins when all else is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TypeVar

import pytest

HERE = Path(__file__).parent
FOLDERS = ("process", "browser", "simulation", "wire", "contract", "unit")
"""By what one of their tests takes, the longest first."""
TOGETHER = 25
"""Most tests of a file that are surely dealt to one process: they may share what was started."""

Test = TypeVar("Test")
Kind = tuple[int, Path]
"""A test's rank, of which the lowest comes first, and its file."""


class Dealt:
    """Sorts the tests of a run whose tests are dealt to `workers` processes."""

    def __init__(self, workers: int) -> None:
        self._workers = workers

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Each process sorts all tests alike."""
        items[:] = dealt(items, self._workers, _kind)


def dealt(tests: Sequence[Test], workers: int, kind: Callable[[Test], Kind]) -> list[Test]:
    """The tests hand by hand: each begins with those of the lowest rank.

    A file's tests stay in their order and next to each other, `TOGETHER` at a time.
    """
    hands: list[list[Test]] = [[] for _ in range(workers)]
    sizes = list(_sizes(len(tests), workers))

    def room(hand: int) -> int:
        return sizes[hand] - len(hands[hand])

    for piece in sorted(_pieces(tests, kind), key=lambda piece: kind(piece[0])[0]):
        left = piece
        while left:
            hand = max(range(workers), key=room)
            fits = room(hand)
            hands[hand] += left[:fits]
            left = left[fits:]
    return [test for hand in hands for test in hand]


def _sizes(tests: int, workers: int) -> Iterator[int]:
    """How many tests `worksteal` gives to each at first."""
    for remaining in range(workers, 0, -1):
        yield tests // remaining
        tests -= tests // remaining


def _pieces(tests: Sequence[Test], kind: Callable[[Test], Kind]) -> Iterator[list[Test]]:
    for _, grouped in groupby(tests, key=kind):
        group = list(grouped)
        yield from (group[at : at + TOGETHER] for at in range(0, len(group), TOGETHER))


def _kind(item: pytest.Item) -> Kind:
    """Where the tests of a folder are cheap, the long ones among them come first."""
    folder = item.path.relative_to(HERE).parts[0]
    rank = FOLDERS.index(folder) if folder in FOLDERS else 0
    return 2 * rank + (item.get_closest_marker("thorough") is None), item.path
