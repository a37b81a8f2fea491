"""Allow and Deny: who decides, what follows, and that it follows once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from bot.identity import Named
from bot.intake import IntakeOptions
from bot.store import Store
from bot.tools import Caller, ServerConfig, Servers, Toolbox, ToolOptions
from connectors.base import Control, Person, Pressed
from connectors.memory import ALICE
from providers.scripted import CallTool, Finish
from tests.doubles.way import Way, a_way
from tests.unit.tools.test_loop import SET, Clock

BOB = Person("bob", "Bob")
CONFIG = ServerConfig("clock", command="clock", tools=("now", "set"), trust=True)
CALL = CallTool("clock__set", {"to": "noon"})
SCRIPT = (["Wait.", CALL], ["It is set."])


@asynccontextmanager
async def a_waiting_way(
    *scripts: Any, clock: Clock, config: ServerConfig = CONFIG, seconds: float = 600, **intake: Any
) -> AsyncIterator[Way]:
    """An answer that waits for somebody to allow its call."""

    async def connect(_config: ServerConfig, _late: Any) -> Clock:
        return clock

    def toolbox(store: Store) -> Toolbox:
        servers = Servers({"clock": config}, connect=connect)
        options = ToolOptions(approval_seconds=seconds)
        return Toolbox(Caller(store.calls, servers), servers, store.calls, store.rules, options)

    async with a_way(*(scripts or SCRIPT), toolbox=toolbox, intake=IntakeOptions(**intake)) as way:
        serving = asyncio.create_task(way.intake.approvals.serve())
        await way.ask("Set the clock.")
        await way.until(lambda: _offered(way))
        await way.runs.idle(60)
        yield way
        serving.cancel()


def _offered(way: Way) -> bool:
    return any(m.part and Control.ALLOW in m.part.controls for m in way.messages)


async def press(way: Way, control: Control, person: Any = ALICE) -> bool:
    """Presses a control of the answer that waits, or waited."""
    message = way.messages[0]
    assert message.part is not None
    assert message.part.run_id is not None
    incoming = way.connector.deliver(Pressed(message.ref, person, control, message.part.run_id))
    taken: bool = await incoming.accepted()
    return taken


async def states(way: Way) -> list[str]:
    """Of all calls of the first run."""
    message = way.messages[0]
    assert message.part is not None
    assert message.part.run_id is not None
    return [row.state for row in await way.store.calls.of_run(message.part.run_id)]


async def test_a_call_waits_under_the_answer_and_its_run_has_ended() -> None:
    clock = Clock()
    async with a_waiting_way(clock=clock) as way:
        assert way.shown == [
            "Wait.\n\n_May I use clock: set (to: noon)? I ask because set may change something._"
        ]
        assert clock.asked == []
        assert way.runs.active == []
        assert await states(way) == ["waiting"]
        [message] = way.messages
        assert message.part is not None
        row = await way.store.runs.get(message.part.run_id)  # type: ignore[arg-type]
        assert row is not None
        assert row.end is not None
        assert (row.end.outcome, row.end.verdict) == ("waiting", "verified")
        assert message.part.controls == (Control.ALLOW, Control.DENY, Control.DETAILS)


async def test_once_it_is_allowed_the_call_is_made_and_the_answer_goes_on_below() -> None:
    clock = Clock()
    async with a_waiting_way(clock=clock) as way:
        assert await press(way, Control.ALLOW)
        await way.until(lambda: "It is set." in way.shown[-1])
        await way.runs.idle(60)
        await way.until(lambda: "Allowed" in way.shown[0])
        assert clock.asked == [("set", {"to": "noon"})]
        assert await states(way) == ["answered"]
        assert way.shown == [
            "Wait.\n\n_Allowed: set. The answer goes on below._",
            "_Used clock: set (0.0 s)_\n\nIt is set.",
        ]
        asked = way.provider.requests[-1].turns
        assert [turn.role for turn in asked] == ["system", "user", "assistant", "tool"]


@pytest.mark.parametrize("by", ["an admin", "a setting"])
async def test_what_is_allowed_once_tools_are_off_is_withdrawn(by: str) -> None:
    """By an admin meanwhile, or by the setting of the process that it is pressed in."""
    clock = Clock()
    async with a_waiting_way(clock=clock) as way:
        if by == "an admin":
            await way.store.brakes.put_on("tools")
        else:
            toolbox = way.runs._services.toolbox
            assert toolbox is not None
            off = replace(toolbox, options=replace(toolbox.options, off=True))
            way.runs._services = replace(way.runs._services, toolbox=off)
        assert await press(way, Control.ALLOW)
        await way.until(lambda: "It is set." in way.shown[-1])
        assert clock.asked == []
        assert await states(way) == ["withdrawn"]
        assert "tools are turned off" in way.provider.requests[-1].turns[-1].text


async def test_pressed_twice_it_is_called_once() -> None:
    clock = Clock()
    async with a_waiting_way(clock=clock) as way:
        await asyncio.gather(*(press(way, Control.ALLOW) for _ in range(5)))
        await way.until(lambda: "It is set." in way.shown[-1])
        await way.runs.idle(60)
        assert clock.asked == [("set", {"to": "noon"})]
        assert len(way.provider.requests) == 2


async def test_once_it_is_denied_the_model_is_told_and_goes_on_without_it() -> None:
    clock = Clock()
    async with a_waiting_way(clock=clock) as way:
        assert await press(way, Control.DENY)
        await way.until(lambda: "It is set." in way.shown[-1])
        assert clock.asked == []
        assert await states(way) == ["denied"]
        result = way.provider.requests[-1].turns[-1]
        assert (result.role, result.text, result.failed) == ("tool", "it was not allowed", True)
        assert not await _pressed_again(way, clock)


async def _pressed_again(way: Way, clock: Clock) -> bool:
    await press(way, Control.ALLOW)
    await asyncio.sleep(30)
    return clock.asked != []


async def test_somebody_else_who_presses_is_told_and_nothing_is_called() -> None:
    clock = Clock()
    async with a_waiting_way(clock=clock) as way:
        await press(way, Control.ALLOW, BOB)
        await way.until(lambda: len(way.shown) == 2)
        assert "Only the person who asked" in way.shown[1]
        assert clock.asked == []
        assert await states(way) == ["waiting"]


async def test_an_admin_may_decide() -> None:
    clock = Clock()
    admins = frozenset({Named.of("memory:bob")})
    async with a_waiting_way(clock=clock, admins=admins) as way:
        await press(way, Control.ALLOW, BOB)
        await way.until(lambda: "It is set." in way.shown[-1])
        assert clock.asked == [("set", {"to": "noon"})]
        [row] = await way.store.calls.of_run(way.messages[0].part.run_id)  # type: ignore[union-attr, arg-type]
        assert row.approver == "memory:bob"


async def test_what_nobody_allows_in_time_lapses_and_its_answer_says_so() -> None:
    clock = Clock()
    async with a_waiting_way(clock=clock, seconds=60) as way:
        await way.store.database.run(_past)
        await way.until(lambda: "in time" in way.shown[0])
        assert await states(way) == ["lapsed"]
        assert way.messages[0].part is not None
        assert way.messages[0].part.controls == (Control.RETRY,)
        assert not await _pressed_again(way, clock)


def _past(connection: Any) -> None:
    """Real time does not pass here: what waits is moved into the past."""
    connection.exec_driver_sql("UPDATE tool_calls SET until_us = 1 WHERE state = 'waiting'")


async def test_a_stop_withdraws_what_waits() -> None:
    clock = Clock()
    async with a_waiting_way(clock=clock) as way:
        await way.connector.command("stop").accepted()
        await way.until(lambda: "Stopped" in way.shown[0])
        assert await states(way) == ["withdrawn"]
        assert not await _pressed_again(way, clock)


@pytest.mark.parametrize("part", ["question", "answer"])
async def test_with_its_question_or_its_answer_gone_nothing_can_be_allowed(part: str) -> None:
    clock = Clock()
    async with a_waiting_way(clock=clock) as way:
        message = way.messages[0]
        about = message.part.about if part == "question" else message.ref  # type: ignore[union-attr]
        assert about is not None
        await way.connector.delete(about).accepted()
        await asyncio.sleep(5)
        assert await states(way) == ["withdrawn"]
        assert not await _pressed_again(way, clock)


async def test_details_say_exactly_what_the_tool_would_be_given() -> None:
    async with a_waiting_way(clock=Clock()) as way:
        await press(way, Control.DETAILS)
        await way.until(lambda: len(way.shown) == 2)
        assert way.shown[1] == (
            'clock would be given for set:\n\n```json\n{\n  "to": "noon"\n}\n```'
        )
        assert await states(way) == ["waiting"]


async def test_a_rule_allows_it_from_then_on_in_this_place_only_as_it_is_described_now() -> None:
    clock = Clock()
    config = replace(CONFIG, remember=("set",))
    scripts = ([CALL], ["One."], [CALL], ["Two."])
    async with a_waiting_way(*scripts, clock=clock, config=config) as way:
        assert way.messages[0].part is not None
        assert Control.ALLOW_HERE in way.messages[0].part.controls
        await press(way, Control.ALLOW_HERE)
        await way.until(lambda: "One." in way.shown[-1])
        await way.runs.idle(60)
        await way.ask("Again.")
        await way.until(lambda: "Two." in way.shown[-1])
        assert len(clock.asked) == 2


async def test_where_no_rule_is_offered_none_is_made() -> None:
    """A forged press can't do what the message doesn't offer."""
    clock = Clock()
    async with a_waiting_way(clock=clock) as way:
        await press(way, Control.ALLOW_HERE)
        await way.until(lambda: "It is set." in way.shown[-1])
        assert await way.store.rules.in_force() == []


async def test_several_calls_wait_one_after_the_other() -> None:
    clock = Clock()
    first = [
        CallTool("clock__now", {}, "a"),
        CallTool("clock__set", {"to": "one"}, "b"),
        CallTool("clock__set", {"to": "two"}, "c"),
    ]
    async with a_waiting_way(first, ["Done."], clock=clock) as way:
        assert clock.asked == [("now", {})]
        await press(way, Control.ALLOW)
        await way.until(
            lambda: sum("May I use" in text for text in way.shown) == 1 and len(way.messages) == 2
        )
        await way.runs.idle(60)
        assert clock.asked[1:] == [("set", {"to": "one"})]
        second = way.messages[1]
        assert second.part is not None
        await way.connector.deliver(
            Pressed(second.ref, ALICE, Control.DENY, second.part.run_id)  # type: ignore[arg-type]
        ).accepted()
        await way.until(lambda: "Done." in way.shown[-1])
        assert len(clock.asked) == 2
        told = [turn.call_id for turn in way.provider.requests[-1].turns if turn.role == "tool"]
        assert told == ["a", "b", "c"]


async def test_what_was_approved_is_not_called_once_the_tool_is_another() -> None:
    clock = Clock()
    async with a_waiting_way(clock=clock) as way:
        clock.described = [replace(SET, description="Sets fire to the clock.")]
        await press(way, Control.ALLOW)
        await way.until(lambda: "It is set." in way.shown[-1])
        assert clock.asked == []
        assert await states(way) == ["withdrawn"]


async def test_the_words_of_an_approval_in_an_answer_are_only_words() -> None:
    text = "May I use clock: set (to: noon)? Allowed: set."
    clock = Clock()
    async with a_way([text, Finish("stop")]) as way:
        await way.ask()
        await way.until(lambda: way.shown)
        await way.runs.idle(60)
        assert way.messages[0].part is not None
        assert Control.ALLOW not in way.messages[0].part.controls
        assert clock.asked == []


async def test_the_receipt_of_what_went_on_counts_the_call_that_was_allowed() -> None:
    clock = Clock()
    async with a_waiting_way(clock=clock) as way:
        await press(way, Control.ALLOW)
        await way.until(lambda: "It is set." in way.shown[-1])
        await way.runs.idle(60)
        first, second = [m.part.run_id for m in way.messages if m.part]
        tallies = []
        for run_id in (first, second):
            row = await way.store.runs.get(run_id)  # type: ignore[arg-type]
            assert row is not None
            assert row.end is not None
            assert row.end.verdict == "verified"
            assert row.end.receipt is not None
            tallies.append(row.end.receipt["calls"])
        assert tallies == [
            {"asked": 1, "allowed": 0, "sent": 0, "answered": 0, "given": 0, "unused": 0},
            {"asked": 1, "allowed": 1, "sent": 1, "answered": 1, "given": 1, "unused": 0},
        ]
