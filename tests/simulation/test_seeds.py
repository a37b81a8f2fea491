"""The promise holds for these seeds: see `seeds.py`."""

from __future__ import annotations

import pytest

from tests.simulation.seeds import groups, hold


@pytest.mark.timeout(300)
@groups()
def test_the_promise_holds_whatever_happens(first: int) -> None:
    hold(first)
