"""The promise as a property: any text, any chunking, any fault of the platform or the model."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.runs import Outcome, Result, verify
from bot.runs.receipts import Verdict
from connectors.base import ConnectorError, Limits, RateLimited, Unavailable
from connectors.memory import Lost, MemoryConnector, like_discord, like_slack
from providers.base import ANSWER_KINDS, Disconnected, Malformed, Overloaded
from providers.scripted import Cut, Fail, Finish, Hang, Pause
from tests.doubles.clock import VirtualTimeLoop
from tests.doubles.way import Way, a_way, clock_us

SNIPPETS = [
    "word ", "A sentence. ", "\n", "\n\n", "```python\n", "```\n", "print('x')\n", "- item\n",
    "**bold** ", "`code`", "| a | b |\n", "[link](http://x.y)", "# Title\n", "你好", "שלום ",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467", "e\u0301", "x" * 150, "  ", "\t", "~~~\n",
    "> quote\n", "@everyone ", "_", "*", "1. one\n", "",
]  # fmt: skip
CLOSING = 12  # characters that close bold, code and a fence for the moment
TOKENS = st.lists(
    st.one_of(
        st.sampled_from(SNIPPETS),
        st.text(max_size=12),
        st.tuples(st.sampled_from(["reasoning", "refusal", "tool"]), st.text(max_size=5)),
        st.tuples(st.just("reasoning"), st.sampled_from(SNIPPETS)),
        st.just(("seam", "s:b")),
        st.builds(Pause, st.sampled_from([0.02, 0.5, 3.0, 20.0])),
    ),
    max_size=60,
)
ENDS = st.sampled_from(
    [
        Finish("stop"),
        Finish("length"),
        Finish("filter"),
        Cut(),
        Hang(),
        Fail(Disconnected("cut")),
        Fail(Malformed("json")),
        Fail(Overloaded("busy")),
    ]
)
FAULTS = st.dictionaries(
    st.integers(1, 25),
    st.sampled_from([RateLimited("injected", 4.0), Unavailable("injected"), Lost()]),
    max_size=12,
)


@dataclass(frozen=True)
class Case:
    """One run: what the model sends, what the platform does, and when the reader stops it."""

    tokens: list[Any]
    end: Any
    faults: dict[int, ConnectorError | Lost]
    limits: Limits
    discord: bool
    latency: float
    stop_after: float | None
    reasoning: Any = "hidden"


CASES = st.builds(
    Case,
    tokens=TOKENS,
    end=ENDS,
    faults=FAULTS,
    limits=st.builds(
        Limits,
        length=st.sampled_from([120, 400, 2000]),
        unit=st.sampled_from(["characters", "utf16"]),
        keeps_source=st.booleans(),
    ),
    discord=st.booleans(),
    latency=st.sampled_from([0.0, 0.1, 2.0]),
    stop_after=st.one_of(st.none(), st.floats(0.0, 30.0)),
    reasoning=st.sampled_from(["hidden", "summary", "shown"]),
)


@given(case=CASES)
@example(case=Case([], Finish("stop"), {}, Limits(120), False, 0.0, None))
@settings(max_examples=120, deadline=None)
def test_generated_is_recorded_is_shown_and_the_run_ends_once_whatever_fails(case: Case) -> None:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(_one(case))


async def _one(case: Case) -> None:
    posts_and_edits = 0

    def fault(call: str, _number: int) -> ConnectorError | Lost | None:
        nonlocal posts_and_edits
        if call not in ("post", "edit"):
            return None
        posts_and_edits += 1
        return case.faults.get(posts_and_edits)

    connector = MemoryConnector(
        limits=case.limits,
        budgets=like_discord if case.discord else like_slack,
        latency=case.latency,
        fault=fault,
        clock=lambda: clock_us() / 1e6,
    )
    script = [*case.tokens, case.end]
    async with a_way(script, connector=connector, reasoning=case.reasoning) as way:
        running = asyncio.create_task(way.answer())
        if case.stop_after is not None:
            await asyncio.sleep(case.stop_after)
            for run in way.runs.active:
                run.stop()
        result = await running
        await way.store.settled(result.run_id, 5.0)
        await _holds(way, result, case)


async def _holds(way: Way, result: Result, case: Case) -> None:
    row = await way.store.runs.get(result.run_id)
    assert row is not None
    assert row.end is not None
    assert row.end.outcome == result.outcome in set(Outcome) - {Outcome.UNDELIVERABLE}
    assert row.end.generated_text == result.text
    assert (await way.store.tokens.recorded(result.run_id)).text == result.text
    _assert_kept(result, case)
    assert result.receipt.verdict is Verdict.VERIFIED, result.receipt
    assert (await verify(row, way.store, way.connector)).verdict is Verdict.VERIFIED
    assert way.writing() == []
    assert len(way.shown) >= 1
    assert way.connector.platform.overlaps == []
    _assert_pace(way)
    _assert_never_shrinks(way)
    positions = [edit.position for edit in await way.store.edits.read(result.run_id)]
    assert all(after >= before - CLOSING for before, after in pairwise(positions))


def _assert_kept(result: Result, case: Case) -> None:
    """What the model sent and nobody stopped is kept, to the last character."""
    sent = [step if isinstance(step, tuple) else ("text", step) for step in case.tokens]
    said = [text for kind, text in sent if isinstance(text, str) and kind in ANSWER_KINDS]
    whole = "".join(said).replace("\x00", "\ufffd")
    late = result.error is not None and ("Stalled" in result.error or "time-out" in result.error)
    cut = late or case.stop_after is not None
    assert whole.startswith(result.text) if cut else whole == result.text


def _assert_never_shrinks(way: Way) -> None:
    """A message only loses closing marks, or its tail once the next message has that."""
    for message, following in zip(way.messages, [*way.messages[1:], None], strict=True):
        for before, after in pairwise(message.versions):
            if len(after.text) < len(before.text) - CLOSING:
                assert following is not None
                assert following.versions[0].at <= after.at


def _assert_pace(way: Way) -> None:
    """No call over the budget but those that were made to fail."""
    refused = [call.error for call in way.connector.platform.calls if call.error is not None]
    assert all("injected" in str(error) or "lost" in str(error) for error in refused), refused
