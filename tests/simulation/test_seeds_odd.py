"""Seeds in whose courses the platform refuses, and services end with words that nobody knows."""

from __future__ import annotations

import pytest

from tests.simulation.plan import ODD
from tests.simulation.seeds import hold


@pytest.mark.thorough
@pytest.mark.timeout(300)
@pytest.mark.parametrize("first", [ODD.start, ODD.start + 25], ids=lambda first: f"{first}-")
def test_the_promise_holds(first: int) -> None:
    hold(first)
