"""`runs replay` types an answer again at the pace that it came at."""

from __future__ import annotations

import asyncio

import pytest

from bot.cli.runs import type_again
from bot.store.token_log import TokenRow

TOKENS = [
    TokenRow(0, 500_000, "One ", "text"),
    TokenRow(1, 700_000, "hm", "reasoning"),
    TokenRow(2, 2_500_000, "two.", "text"),
]


@pytest.mark.parametrize(("speed", "seconds"), [(1.0, 2.5), (5.0, 0.5), (0.5, 5.0)])
async def test_replay_keeps_the_recorded_pace(
    speed: float, seconds: float, capsys: pytest.CaptureFixture[str]
) -> None:
    """The model paused between two tokens: so does the command."""
    clock = asyncio.get_running_loop().time
    began = clock()
    typing = asyncio.create_task(type_again(TOKENS, speed))
    await asyncio.sleep(seconds * 0.9)
    assert capsys.readouterr().out == "One "
    await typing
    assert clock() - began == pytest.approx(seconds)
    assert capsys.readouterr().out == "two.\n"
