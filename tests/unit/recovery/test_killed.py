"""A process that was killed in mid-answer: another one ends what it left, once and visibly."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.runs import Outcome, outcomes
from bot.store import StoreUnavailable
from bot.words import small
from connectors.base import (
    ConnectorError,
    Control,
    Limits,
    Place,
    RateLimited,
    Refused,
    Unavailable,
)
from connectors.memory import Lost
from providers.scripted import Hang, Pause
from tests.doubles.way import words
from tests.unit.recovery.world import World, a_world

NOTE = small(outcomes.INTERRUPTED.note)
SLOW = [step for word in words("One two three four five.") for step in (word, Pause(1.0))]
ENDLESS = [*SLOW, Hang()]


async def text_of(world: World) -> str:
    """What the only run is said to have generated."""
    row = await world.row()
    assert row.end is not None
    assert (row.end.outcome, row.end.verdict) == (Outcome.INTERRUPTED, "unproven")
    return row.end.generated_text


@pytest.mark.parametrize("after", [0.03, 0.1, 0.2, 0.5, 1.1, 1.6, 2.2, 3.3, 4.4, 5.5, 60.0])
@pytest.mark.parametrize("latency", [0.0, 0.9])
async def test_an_answer_is_ended_whenever_its_process_dies(after: float, latency: float) -> None:
    async with a_world() as world:
        first = await world.start(ENDLESS, latency=latency)
        await first.ask()
        await asyncio.sleep(after)
        world.kill(first)
        await world.start(["Anew."])
        await world.recovered()
        assert world.writing == []
        if await world.outcomes() == ["complete"]:  # nobody had seen anything
            assert after <= 1.1
            assert world.shown == ["Anew."]
            return
        text = await text_of(world)
        assert "One two three four five.".startswith(text)
        assert world.shown == [f"{text}\n\n{NOTE}".strip()]


async def test_it_is_ended_within_a_lease_and_a_second_by_a_process_that_runs_already() -> None:
    async with a_world() as world:
        first = await world.start(ENDLESS)
        await world.start()
        await first.ask()
        await world.until(lambda: world.shown)
        world.kill(first)
        await world.until(lambda: not world.writing, seconds=12.0)


async def test_continue_goes_on_from_what_the_dead_process_had_shown() -> None:
    async with a_world() as world:
        first = await world.start(ENDLESS)
        await first.ask()
        await asyncio.sleep(3)
        world.kill(first)
        second = await world.start([" four five."])
        await world.recovered()
        assert await second.connector.press(world.messages[0].ref, Control.CONTINUE).accepted()
        await second.intake.settled()
        asked = [turn.text for turn in second.provider.requests[0].turns]
        assert await world.outcomes() == ["interrupted", "complete"]
        row = (await world.rows())[0]
        assert row.end is not None
        assert row.end.generated_text in asked
        assert world.shown[-1] == "four five."


async def test_a_post_whose_answer_was_lost_with_its_process_is_found_and_not_doubled() -> None:
    async with a_world() as world:
        first = await world.start(ENDLESS, latency=2.0)
        await first.ask()
        await world.until(lambda: world.messages)
        world.kill(first)
        await world.start()
        await world.recovered()
        assert len(world.messages) == 1
        assert world.writing == []


@pytest.mark.parametrize("after", [0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5])
async def test_between_two_parts_nothing_is_lost_or_doubled(after: float) -> None:
    script = [step for n in range(9) for step in (f"word{n} " * 8, Pause(1.0))]
    async with a_world(Limits(200)) as world:
        first = await world.start([*script, Hang()], latency=0.4)
        await first.ask()
        await asyncio.sleep(after)
        world.kill(first)
        await world.start()
        await world.recovered()
        text = await text_of(world)
        joined = " ".join(world.shown)
        assert joined.replace(NOTE, "").split() == text.split()
        assert joined.count(NOTE) == 1
        assert world.writing == []


async def test_what_only_the_screen_has_is_kept() -> None:
    """The log could not be written for some seconds when the process died."""
    async with a_world() as world:
        first = await world.start([*SLOW, "**Six", Hang()])
        await first.ask()
        await asyncio.sleep(2.2)
        first.line.cut = True
        await world.until(lambda: "Six" in world.shown[0])
        world.kill(first)
        await world.start()
        await world.recovered()
        assert await text_of(world) == "One two three four five.**Six"
        assert world.shown == [f"One two three four five.**Six\n\n{NOTE}"]


@pytest.mark.parametrize("keeps_source", [True, False])
async def test_an_answer_of_which_nothing_was_recorded_keeps_what_was_seen_of_it(
    keeps_source: bool,
) -> None:
    """Another answer in its place would take the words away that somebody has read."""
    async with a_world(Limits(4000, keeps_source=keeps_source)) as world:
        first = await world.start(ENDLESS)
        await first.ask()
        first.line.cut = True
        await world.until(lambda: world.shown)
        await asyncio.sleep(4.0)
        world.kill(first)
        seen = world.shown[0]
        second = await world.start(["Because."])
        await world.recovered()
        assert len(seen) > 8
        assert [text.split("\n")[0] for text in world.shown] == [seen]
        assert NOTE in world.shown[0]
        assert world.writing == []
        assert second.provider.requests == []
        assert (await text_of(world)) == seen
        assert (await world.row()).start.question == "Why?"


async def test_an_answer_whose_first_message_was_deleted_is_not_given_a_second_time() -> None:
    """Nothing of it was recorded; the others that somebody has read still stand."""
    async with a_world(Limits(20)) as world:
        first = await world.start(ENDLESS)
        await first.ask()
        first.line.cut = True
        await world.until(lambda: len(world.shown) > 1)
        world.kill(first)
        world.messages[0].deleted = True
        second = await world.start(["Because."])
        await world.recovered()
        assert second.provider.requests == []
        assert await world.outcomes() == ["interrupted"]
        assert world.writing == []


async def test_an_answer_that_was_seen_and_not_recorded_is_ended_once_whatever_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with a_world() as world:
        first = await world.start(ENDLESS)
        await first.ask()
        first.line.cut = True
        await world.until(lambda: world.shown)
        world.kill(first)
        second = await world.start(["Because."])
        mark, failed = second.store.inbox.mark, [0]

        async def forgetful(*given: Any) -> None:
            failed[0] += 1
            if failed[0] < 3:
                raise StoreUnavailable("away")
            await mark(*given)

        monkeypatch.setattr(second.store.inbox, "mark", forgetful)
        await world.recovered()
        assert failed == [3]
        assert world.shown == [f"One\n\n{NOTE}"]
        assert await world.outcomes() == ["interrupted"]


async def test_an_answer_that_the_reader_deleted_stays_deleted() -> None:
    async with a_world() as world:
        first = await world.start(ENDLESS)
        await first.ask()
        await asyncio.sleep(3)
        world.kill(first)
        world.messages[0].deleted = True
        await world.start()
        await world.recovered()
        assert world.shown == []
        await text_of(world)


async def test_a_platform_that_is_away_is_tried_again_until_it_is_back() -> None:
    away = True
    async with a_world() as world:
        first = await world.start(ENDLESS)
        await first.ask()
        await asyncio.sleep(3)
        world.kill(first)
        await world.start(fault=lambda _call, _n: Unavailable("away") if away else None)
        await asyncio.sleep(600)
        assert await world.outcomes() == [""]
        away = False
        await world.recovered()
        assert world.writing == []
        await text_of(world)


async def test_a_claim_of_a_process_that_dies_too_goes_to_the_next() -> None:
    async with a_world() as world:
        first = await world.start(ENDLESS)
        await first.ask()
        await asyncio.sleep(3)
        world.kill(first)
        second = await world.start(fault=lambda _call, _n: Unavailable("away"))
        await asyncio.sleep(60)
        world.kill(second)
        await world.start()
        await world.recovered()
        assert world.writing == []
        assert len(world.messages) == 1


async def test_of_several_processes_exactly_one_ends_an_answer() -> None:
    async with a_world() as world:
        first = await world.start(ENDLESS)
        for _ in range(4):
            await world.start(latency=0.3)
        await first.ask()
        await asyncio.sleep(3)
        edits = sum(call.name == "edit" for call in world.platform.calls)
        world.kill(first)
        await world.recovered()
        assert sum(call.name == "edit" for call in world.platform.calls) == edits + 1
        assert world.writing == []


async def test_what_a_process_could_not_end_before_it_closed_is_handed_over_at_once() -> None:
    down = False
    async with a_world() as world:
        first = await world.start(ENDLESS, fault=lambda *_: Unavailable("away") if down else None)
        await first.ask()
        await asyncio.sleep(3)
        await world.start()
        down = True
        await world.close(first)
        assert len(world.writing) == 1
        await world.until(lambda: not world.writing, seconds=2.0)
        await world.recovered()
        await text_of(world)


async def test_under_a_message_that_takes_no_edit_any_more_only_what_it_lacks_is_said() -> None:
    async with a_world() as world:
        first = await world.start(ENDLESS)
        await first.ask()
        await world.until(lambda: world.shown == ["One two"])
        await asyncio.sleep(0.1)
        world.kill(first)
        refused = Refused("too old")
        await world.start(fault=lambda call, _n: refused if call == "edit" else None)
        await world.recovered()
        assert await text_of(world) == "One two"
        assert world.shown[0] == "One two"
        assert world.shown[1].endswith(NOTE)
        assert "One" not in world.shown[1]


async def test_errors_of_the_platform_on_the_way_change_nothing() -> None:
    faults: list[ConnectorError | Lost] = [
        Lost(),
        RateLimited("busy", 5.0),
        Unavailable("away"),
        Lost(),
    ]
    async with a_world() as world:
        first = await world.start(ENDLESS)
        await first.ask()
        await asyncio.sleep(3)
        world.kill(first)
        await world.start(fault=lambda _call, _n: faults.pop() if faults else None)
        await world.recovered()
        text = await text_of(world)
        assert world.shown == [f"{text}\n\n{NOTE}"]


async def test_a_run_of_a_terminal_is_closed_without_a_word() -> None:
    async with a_world() as world:
        first = await world.start(ENDLESS)
        first.connector.place = Place("terminal", "local", "terminal")
        await first.ask()
        await asyncio.sleep(3)
        shown = list(world.shown)
        world.kill(first)
        await world.start()
        await world.recovered()
        await text_of(world)
        assert world.shown == shown
