"""Seeds in whose courses models call tools, and people allow them or not."""

from __future__ import annotations

import pytest

from tests.simulation.calling import CALLS
from tests.simulation.seeds import hold


@pytest.mark.thorough
@pytest.mark.timeout(300)
@pytest.mark.parametrize("first", [CALLS.start], ids=lambda first: f"{first}-")
def test_the_promise_holds(first: int) -> None:
    hold(first)
