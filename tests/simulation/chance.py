"""Everything that is left to chance, drawn from one seed."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch


@contextmanager
def seeded(seed: int) -> Iterator[random.Random]:
    """One source of chance for a whole simulation; also `uuid4` and `random` draw on the seed."""
    ids = random.Random(f"ids {seed}")  # noqa: S311 - it has to be repeatable
    before = random.getstate()
    random.seed(seed)
    try:
        with patch.object(os, "urandom", ids.randbytes):
            yield random.Random(f"plan {seed}")  # noqa: S311 - it has to be repeatable
    finally:
        random.setstate(before)
