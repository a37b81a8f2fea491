"""Plays seeds until the number or the time is reached: `make soak SEEDS= MINUTES= WORKERS=`."""

from __future__ import annotations

import os
import sys
import time
from multiprocessing import get_context

from tests.simulation.course import simulate

_EVERY_S = 30.0


def played(seed: int) -> tuple[int, list[str]]:
    """A seed, and what it broke."""
    return seed, simulate(seed).broken


def soak(first: int, seeds: int, minutes: float, workers: int = 0) -> int:
    """Prints each failing seed at once, and at the end how many were played; 1 where one failed.

    `workers` 0: one for each core.
    """
    began = told = time.monotonic()
    count = failed = 0
    with get_context("spawn").Pool(workers or os.cpu_count(), maxtasksperchild=5000) as pool:
        for seed, broken in pool.imap_unordered(played, range(first, first + seeds), chunksize=8):
            count += 1
            if broken:
                failed += 1
                _say(f"seed {seed}: {broken[0]}")
            if time.monotonic() - told > _EVERY_S:
                told = time.monotonic()
                _say(_sum(count, failed, told - began))
            if time.monotonic() - began > minutes * 60:
                pool.terminate()
                break
    _say(_sum(count, failed, time.monotonic() - began))
    return 1 if failed else 0


def _sum(count: int, failed: int, seconds: float) -> str:
    return f"{count} seeds, {failed} failed, {count / seconds * 60:.0f} seeds a minute"


def _say(words: str) -> None:
    print(words, flush=True)  # noqa: T201 - what it is for


if __name__ == "__main__":
    usual = ("100000", "100000", "60", "0")
    from_seed, number, most, at_once = (*sys.argv[1:], *usual[len(sys.argv) - 1 :])
    sys.exit(soak(int(from_seed), int(number), float(most), int(at_once)))
