"""The promise as a property: whenever a process dies, whatever fails, each answer ends once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.callbacks import SEAM as THE_SEAM
from bot.runs import outcomes
from bot.words import small
from connectors.base import ConnectorError, Limits, RateLimited, Unavailable
from connectors.memory import Fault, Lost
from providers.scripted import Hang, Pause
from tests.doubles.clock import VirtualTimeLoop
from tests.unit.recovery.world import World, a_world

SEAM = small(THE_SEAM)

NOTE = small(outcomes.INTERRUPTED.note)
SNIPPETS = [
    "word ", "A sentence. ", "\n", "\n\n", "```python\n", "```\n", "print('x')\n", "- item\n",
    "**bold** ", "**", "`code`", "[link](http://x.y)", "# Title\n", "你好", "x" * 70, "_", "",
]  # fmt: skip
TOKENS = st.lists(
    st.one_of(
        st.sampled_from(SNIPPETS),
        st.just(("seam", "s:b")),
        st.builds(Pause, st.sampled_from([0.02, 0.3, 1.0, 4.0])),
    ),
    max_size=40,
)
FAULTS = st.lists(
    st.sampled_from([None, None, RateLimited("busy", 4.0), Unavailable("away"), Lost()]),
    max_size=8,
)


@dataclass(frozen=True)
class Case:
    """What the model says, when the process dies, when its log fails, and what else goes wrong."""

    tokens: list[Any]
    ends: bool
    dies_after: float
    log_fails_after: float | None
    faults: list[ConnectorError | Lost | None]
    heirs: int
    heir_dies_after: float | None
    latency: float
    length: int


CASES = st.builds(
    Case,
    tokens=TOKENS,
    ends=st.booleans(),
    dies_after=st.floats(0.0, 25.0),
    log_fails_after=st.one_of(st.none(), st.none(), st.floats(0.0, 25.0)),
    faults=FAULTS,
    heirs=st.integers(1, 3),
    heir_dies_after=st.one_of(st.none(), st.floats(0.0, 20.0)),
    latency=st.sampled_from([0.0, 0.1, 1.5]),
    length=st.sampled_from([120, 2000]),
)


@pytest.mark.timeout(900)  # each example is a bot or several, and the machine may be busy
@given(case=CASES)
@settings(max_examples=50, deadline=None)
def test_whenever_a_process_dies_each_answer_is_ended_once_with_all_that_is_known(
    case: Case,
) -> None:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(_one(case))


async def _one(case: Case) -> None:
    async with a_world(Limits(case.length)) as world:
        script = [*case.tokens, *([] if case.ends else [Hang()])]
        first = await world.start(script, latency=case.latency, fault=_faults(case))
        await first.ask()
        await _let_it_die(world, case)
        for _ in range(case.heirs):
            await world.start(["Anew."], latency=case.latency, fault=_faults(case))
        if case.heir_dies_after is not None:
            await asyncio.sleep(case.heir_dies_after)
            world.kill(world.processes[1])
            await world.start(["Anew."], latency=case.latency)
        await world.recovered()
        await _holds(world)


async def _let_it_die(world: World, case: Case) -> None:
    first, fails = world.processes[0], case.log_fails_after
    if fails is not None and fails < case.dies_after:
        await asyncio.sleep(fails)
        first.line.cut = True
        await asyncio.sleep(case.dies_after - fails)
    else:
        await asyncio.sleep(case.dies_after)
    world.kill(first)


def _faults(case: Case) -> Fault:
    left = list(case.faults)

    def fault(call: str, _number: int) -> ConnectorError | Lost | None:
        return left.pop() if left and call in ("post", "edit", "find", "read") else None

    return fault


async def _holds(world: World) -> None:
    assert world.writing == []
    assert world.platform.overlaps == []
    (row,) = await world.rows()
    assert row.end is not None
    (kept,) = {(m.part.run_id if m.part else None) for m in world.messages}
    assert kept == row.run_id
    text = row.end.generated_text
    joined = "".join(world.shown).replace(small(outcomes.NO_TEXT), "").replace(SEAM, "")
    if row.end.outcome == "interrupted":
        assert joined.count(NOTE) == 1
        recorded = await world.processes[-1].store.tokens.recorded(row.run_id)
        assert text.startswith(recorded.text)
    else:
        assert row.end.verdict == "verified"
    assert _letters(text) == _letters(joined.replace(NOTE, ""))


def _letters(text: str) -> str:
    """What is left of a text when a layout has cut it and closed its fences."""
    return "".join(each for each in text if each.isalnum()).replace("python", "")
