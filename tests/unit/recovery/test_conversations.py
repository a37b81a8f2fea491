"""One conversation and several processes: one of them answers there at a time."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from bot.cluster import Cluster
from bot.cluster.heartbeat import LEASE_S
from bot.intake import IntakeOptions
from bot.runs import outcomes
from bot.store import RunStart, Store
from bot.words import small
from connectors.base import Asked, Commanded, Control, Deleted, Edited, Pressed, Unavailable
from connectors.memory import ALICE
from providers.scripted import Hang, Pause
from tests.doubles.way import clock_us
from tests.unit.recovery.world import World, a_world

STOPPED = small(outcomes.STOPPED.note)
SLOW = ["First", Pause(5.0), "."]
ENDLESS = ["Endless", Hang()]


async def answering(world: World, count: int = 1) -> None:
    """Waits until so many messages of the bot's stand."""
    await world.until(lambda: len(world.shown) == count)


async def test_a_question_that_comes_to_another_process_waits_for_the_answer_before_it() -> None:
    async with a_world() as world:
        first, second = await world.start(SLOW, ["Second."]), await world.start(["Side by side!"])
        await first.ask()
        await answering(world)
        await second.ask("And then?")
        await asyncio.sleep(2)
        assert world.shown == ["First"]
        await world.recovered()
        assert world.shown == ["First.", "Second."]
        assert [len(p.provider.requests) for p in world.processes] == [2, 0]


async def test_other_conversations_are_answered_meanwhile() -> None:
    async with a_world() as world:
        first, second = await world.start(ENDLESS), await world.start(["At once."])
        await first.ask()
        await answering(world)
        await second.ask(thread="another")
        await world.until(lambda: "At once." in world.shown, seconds=10)


async def test_a_conversation_that_is_over_is_answered_by_whoever_hears_the_next_question() -> None:
    async with a_world() as world:
        first, second = await world.start(["One."]), await world.start(["Two."])
        await first.ask()
        await world.until(lambda: world.shown == ["One."])
        await world.recovered()
        await second.ask()
        await world.until(lambda: world.shown == ["One.", "Two."], seconds=10)


async def test_what_is_queued_for_a_process_that_dies_goes_on_in_another_in_order() -> None:
    async with a_world() as world:
        first = await world.start(ENDLESS)
        second = await world.start(["A."], ["B."])
        await first.ask()
        await answering(world)
        await first.ask("A?")
        await second.ask("B?")
        await asyncio.sleep(2)
        world.kill(first)
        await world.until(lambda: len(world.shown) == 3, seconds=3 * LEASE_S)
        await world.recovered()
        assert world.shown[1:] == ["A.", "B."]
        assert [r.turns[-1].text for r in second.provider.requests] == ["A?", "B?"]


async def test_a_process_that_closes_gives_its_conversations_away_as_each_ends() -> None:
    async with a_world() as world:
        first, second = await world.start(SLOW, ["Not here!"]), await world.start(["Second."])
        await first.ask()
        await answering(world)
        await second.ask("And then?")
        await world.close(first, grace=20.0)
        await world.recovered()
        assert world.shown == ["First.", "Second."]


async def test_a_closing_process_keeps_its_conversation_until_the_answer_there_has_ended() -> None:
    """Also where another question of the conversation is refused meanwhile."""
    async with a_world() as world:
        first = await world.start(ENDLESS)
        asked = await first.ask()
        await answering(world)
        closing = asyncio.create_task(world.close(first, grace=20.0))
        await asyncio.sleep(1)
        edited = Edited(asked, ALICE, "Why, then?", "2")
        await first.connector.deliver(edited).accepted()
        await asyncio.sleep(1)
        assert await first.cluster.locks.held(asked.place)
        await closing
        assert not await Cluster(Store(world.database), clock_us).locks.held(asked.place)


async def test_a_closing_process_shares_the_budgets_with_those_that_come() -> None:
    async with a_world() as world:
        first = await world.start(ENDLESS)
        await first.ask()
        await answering(world)
        closing = asyncio.create_task(world.close(first, grace=20.0))
        await asyncio.sleep(1)
        second = await world.start()
        await asyncio.sleep(5)
        shares = [p.runs._services.pacing._share(p.connector.name) for p in (first, second)]
        assert [share._processes for share in shares] == [2, 2]
        await closing


async def test_replace_stops_the_answer_that_another_process_gives() -> None:
    replace = IntakeOptions(policy="replace")
    async with a_world() as world:
        first = await world.start(ENDLESS, ["Newer."], intake=replace)
        second = await world.start(intake=replace)
        await first.ask()
        await answering(world)
        await second.ask("Rather this?")
        await world.until(lambda: "Newer." in world.shown, seconds=5)
        assert STOPPED in world.shown[0]
        assert second.provider.requests == []


async def test_parallel_answers_side_by_side_in_both_processes() -> None:
    parallel = IntakeOptions(policy="parallel")
    async with a_world() as world:
        first = await world.start(ENDLESS, intake=parallel)
        second = await world.start(["Second."], intake=parallel)
        await first.ask()
        await answering(world)
        await second.ask()
        await world.until(lambda: "Second." in world.shown, seconds=10)


async def test_stop_edit_delete_and_the_command_reach_the_process_that_answers() -> None:
    async with a_world() as world:
        first = await world.start(ENDLESS, ENDLESS, ENDLESS, ENDLESS, ["To the new."])
        second = await world.start()
        await asyncio.sleep(2)  # they know of each other
        deliver = second.connector.deliver
        for number in range(4):
            ref = await first.ask(f"{number}?")
            await world.until(lambda: world.writing)
            (run,) = first.runs.active
            event = (
                Pressed(world.messages[-1].ref, ALICE, Control.STOP, run.id),
                Deleted(ref),
                Commanded(ref, ALICE, "stop"),
                Edited(ref, ALICE, "New?", "2"),
            )[number]
            assert await deliver(event).accepted()
            await world.until(lambda: not first.runs.active or number == 3, seconds=5)  # noqa: B023 - it is awaited here
        await world.until(lambda: "To the new." in world.shown, seconds=5)
        assert first.provider.requests[-1].turns[-1].text == "New?"


async def test_stop_reaches_what_waits_elsewhere_and_nothing_that_is_asked_after_it() -> None:
    async with a_world() as world:
        first, second = await world.start(ENDLESS, ["After."]), await world.start()
        await asyncio.sleep(2)  # they know of each other
        ref = await first.ask("One?")
        await answering(world)
        await first.ask("Two?")
        await second.connector.deliver(Commanded(ref, ALICE, "stop")).accepted()
        await second.ask("Three?")  # before the other process has heard of the stop
        await world.recovered()
        assert world.shown == [f"Endless\n\n{STOPPED}", "After."]
        assert first.provider.requests[-1].turns[-1].text == "Three?"


async def test_a_run_begun_anew_that_is_stopped_while_it_waits_is_closed() -> None:
    async with a_world() as world:
        living = await world.start(ENDLESS)
        await living.ask("Me first.")
        await answering(world)
        ref = world.platform.new_ref(living.connector.place)
        dead, run_id = Store(living.line), uuid4()
        await dead.inbox.add(Asked(ref, ALICE, "Blank?"), clock_us(), run_id)
        dead.runs.begin(RunStart(run_id, ref.place, ref.id, ALICE, "Blank?", "x", clock_us()))
        await world.until(living.intake.kept)
        assert await living.connector.deliver(Deleted(ref)).accepted()
        await world.until(lambda: not living.intake.kept())
        for run in living.runs.active:
            run.stop()
        await world.recovered()
        assert await world.outcomes() == ["stopped", "stopped"]
        assert len(living.provider.requests) == 1


async def test_no_process_takes_the_floor_for_a_question_whose_run_is_anothers() -> None:
    """Or the one that has claimed the run, and is to answer, waits for it for ever."""
    async with a_world() as world:
        first = await world.start([Pause(5), "Never."])
        await first.ask()
        await asyncio.sleep(3)
        world.kill(first)
        third = await world.start(["Because."])
        run_id = (await world.row()).start.run_id
        left = await third.cluster.leases.question_of(run_id)
        assert left is not None
        await third.cluster.locks.vacate({left.owner or ""})
        with pytest.raises(Unavailable, match="its run has not ended yet"):
            await third.intake.resume(left.row, third.connector)
        assert not await third.cluster.locks.held(left.row.asked.message.place)
        await world.recovered()
        assert world.shown == ["Because."]


async def test_a_question_whose_mark_was_lost_is_marked_later() -> None:
    async with a_world() as world:
        first = await world.start(["One", Pause(2.0), "."], ["Two."])
        await first.ask()
        await answering(world)
        marked = first.store.inbox.mark
        fails = [True]

        async def fail(*arguments: object) -> None:
            if fails:
                fails.pop()
                raise OSError("not now")
            await marked(*arguments)  # type: ignore[arg-type]

        first.store.inbox.mark = fail  # type: ignore[assignment, method-assign]
        await world.recovered()
        assert fails == []
        assert world.shown == ["One."]
