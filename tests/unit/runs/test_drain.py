"""Stopping with answers under way: each ends within the grace, whole or with a note."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.runs import outcomes
from bot.words import small
from connectors.base import Control
from connectors.memory import MemoryConnector, like_discord, like_slack
from connectors.memory.platform import Budgets
from providers.scripted import Hang, Pause
from tests.doubles.way import a_way, clock_us

NOTE = small(outcomes.INTERRUPTED.note)
SHORT = [step for n in range(40) for step in (f"s{n} ", Pause(1.0))]
LONG = [step for n in range(90) for step in (f"l{n} ", Pause(1.0))]
GRACE_S = 23.0


@pytest.mark.parametrize(("budgets", "answers"), [(like_slack, 20), (like_discord, 4)])
async def test_every_last_word_is_let_through_within_the_grace(
    budgets: Budgets, answers: int
) -> None:
    """Ten short and ten endless answers on Slack's budget; four on that of a Discord channel."""
    scripts = [[*SHORT], [*LONG, Hang()]] * (answers // 2)
    connector = MemoryConnector(budgets=budgets, clock=lambda: clock_us() / 1e6)
    async with a_way(*scripts, connector=connector) as way:
        for number in range(answers):
            await way.connector.ask(
                "Why?", place=replace(way.connector.place, thread=str(number))
            ).accepted()
            await asyncio.sleep(1.1)
        await asyncio.sleep(41 - answers * 1.1)
        assert len(way.runs.active) > answers / 2, "short ones still run"
        way.intake.close()
        began = asyncio.get_running_loop().time()
        assert await way.runs.drain(GRACE_S)
        assert asyncio.get_running_loop().time() - began <= GRACE_S
        assert way.writing() == []
        ended = [message for message in way.messages if NOTE in message.text]
        assert len(ended) == answers / 2
        assert all(Control.CONTINUE in m.part.controls for m in ended if m.part)
        assert not any(call.error for call in way.connector.platform.calls)
        runs = await way.store.runs.recent(50)
        assert sorted(run.end.outcome for run in runs if run.end) == sorted(
            ["complete", "interrupted"] * (answers // 2)
        )


async def test_a_drain_without_answers_is_over_at_once() -> None:
    async with a_way() as way:
        began = asyncio.get_running_loop().time()
        assert await way.runs.drain(GRACE_S)
        assert asyncio.get_running_loop().time() == began
