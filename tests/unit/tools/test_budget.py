"""Lines of tools share the edits of the text: no call is refused, and text is hardly later."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from bot.runs import Question
from bot.store import Store
from bot.tools import Caller, ServerConfig, Servers, Toolbox, ToolOptions
from connectors.base import Asked
from connectors.memory import ALICE, MemoryConnector, like_slack
from providers.scripted import CallTool, Pause, ScriptedProvider
from tests.doubles.way import START_US, Way, a_way, clock_us
from tests.unit.tools.test_loop import Clock

ANSWERS, PARTS, WORDS = 20, 4, 150
TOOL_S, TOKEN_S = 1.0, 0.1
CONFIG = ServerConfig("clock", command="clock", tools=("now",), approve="never")


async def _noon(**_: Any) -> str:
    await asyncio.sleep(TOOL_S)
    return "12:00"


def _toolbox(store: Store) -> Toolbox:
    async def connect(_config: ServerConfig, _late: Any) -> Clock:
        return Clock(_noon)

    servers = Servers({"clock": CONFIG}, connect=connect)
    return Toolbox(Caller(store.calls, servers), servers, store.calls, store.rules, ToolOptions())


def _words(part: int) -> list[Any]:
    return [step for n in range(WORDS) for step in (f"p{part}w{n} ", Pause(TOKEN_S))]


def _scripts(*, tools: bool) -> list[list[Any]]:
    """An answer in parts, between which a tool is called, or the model takes as long."""
    call = [CallTool("clock__now", {})] if tools else [Pause(TOOL_S), "\n\n"]
    parts = [[*_words(part), *(call if part + 1 < PARTS else [])] for part in range(PARTS)]
    return parts if tools else [[step for part in parts for step in part]]


class _Each(ScriptedProvider):
    """Each conversation has the scripts from the start."""

    def __init__(self, *, tools: bool) -> None:
        super().__init__(["-"])
        self._parts = _scripts(tools=tools)

    async def generate(self, request: Any, **more: Any) -> None:
        played = sum(turn.role == "tool" for turn in request.turns)
        model = ScriptedProvider(self._parts[played], stall_seconds=1e6)
        await model.generate(request, **more)


async def _played(*, tools: bool) -> tuple[Way, float]:
    """Twenty answers at once in a workspace; the mean of seconds that a word waited to be seen."""
    connector = MemoryConnector(budgets=like_slack, clock=lambda: clock_us() / 1e6)
    async with a_way(provider=_Each(tools=tools), connector=connector, toolbox=_toolbox) as way:

        async def one(number: int) -> None:
            place = replace(connector.place, channel=f"C{number}")
            ref = connector.platform.new_ref(place)
            result = await way.runs.answer(Question(Asked(ref, ALICE, "Why?")), connector)
            assert (result.outcome, result.receipt.verdict) == ("complete", "verified")

        await asyncio.gather(*(one(number) for number in range(ANSWERS)))
        return way, await _waited(way)


async def _waited(way: Way) -> float:
    waits = []
    for row in await way.store.runs.recent(ANSWERS):
        versions = [
            (version.at, version.text)
            for message in way.messages
            if message.part is not None and message.part.run_id == row.run_id
            for version in message.versions
        ]
        for token in await way.store.tokens.read(row.run_id):
            if token.kind == "text" and token.text.strip():
                said = (row.start.started_us - START_US + token.at_us) / 1e6
                seen = min(at for at, text in versions if token.text.strip() in text.split())
                waits.append(seen - said)
    assert len(waits) == ANSWERS * PARTS * WORDS
    return sum(waits) / len(waits)


@pytest.mark.thorough
async def test_twenty_answers_with_three_tools_each_keep_to_slacks_budget() -> None:
    with_tools, waited = await _played(tools=True)
    _, without = await _played(tools=False)
    calls = with_tools.connector.platform.calls
    assert [call.error for call in calls if call.error is not None] == []
    assert waited <= 1.15 * without
    edits = [call.at for call in calls if call.name == "edit"]
    ended = max(edits)
    assert len(edits) >= 0.9 * 50 * (ended - edits[0]) / 60
