"""A sample of the texts that `python -m tests.markdown.dialects` tries on each dialect."""

from __future__ import annotations

import pytest

from bot.receipts import Verdict
from tests.markdown.dialects import DIALECTS, WAYS, Dialect, table


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_what_is_drawn_is_what_must_be_read_and_a_loss_is_found(dialect: Dialect) -> None:
    counted = table(24, [dialect])[dialect.name]
    assert counted.pop(Verdict.VERIFIED) == 24
    for way in WAYS:
        assert counted.pop(f"{way}: {Verdict.BROKEN}") > 8
    assert not counted
