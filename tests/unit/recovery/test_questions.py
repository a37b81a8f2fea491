"""Questions that were acknowledged and that no run took: another process answers them."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.cluster.heartbeat import LEASE_S
from bot.intake import Access, IntakeOptions
from bot.runs import outcomes
from bot.words import small
from connectors.base import Asked, Control, Person
from connectors.memory import ALICE
from providers.scripted import Cut, Hang, Pause
from tests.doubles.said import NOT_ALLOWED, NOT_ANSWERED
from tests.doubles.way import words
from tests.unit.recovery.world import Process, World, a_world

ENDLESS = [*words("One two three."), Hang()]


async def kept_and_killed(world: World, process: Process, text: str = "Why?") -> None:
    """A question is acknowledged, and in that moment the process dies."""
    incoming = process.connector.ask(text)
    assert await incoming.accepted()
    world.kill(process)


async def test_a_question_that_was_only_just_acknowledged_is_answered_by_another_process() -> None:
    async with a_world() as world:
        await kept_and_killed(world, await world.start())
        await world.start(["Because."])
        await world.recovered()
        assert world.shown == ["Because."]
        assert await world.outcomes() == ["complete"]


@pytest.mark.parametrize("others", [1, 3])
async def test_a_run_of_which_nobody_has_seen_anything_is_begun_anew(others: int) -> None:
    async with a_world() as world:
        first = await world.start([Pause(5), "Never."])
        await first.ask()
        await asyncio.sleep(3)
        world.kill(first)
        for _ in range(others):
            await world.start(["Because."])
        await world.recovered()
        assert world.shown == ["Because."]
        assert await world.outcomes() == ["complete"]
        (row,) = await world.rows()
        assert row.end is not None
        assert row.end.verdict == "verified"


async def test_a_run_of_which_nobody_has_seen_anything_is_ended_when_it_is_too_late() -> None:
    async with a_world() as world:
        first = await world.start([Pause(5), "Never."])
        await first.ask()
        await asyncio.sleep(3)
        world.kill(first)
        await asyncio.sleep(601)
        await world.start(["Because."])
        await world.recovered()
        assert world.shown == [small(outcomes.INTERRUPTED.note)]
        assert await world.outcomes() == ["interrupted"]


async def test_a_message_that_stands_of_a_run_that_was_never_recorded_is_ended_however_late() -> (
    None
):
    async with a_world() as world:
        first = await world.start(["Because", Pause(5), "."])
        await first.ask()
        first.line.cut = True
        await world.until(lambda: world.writing)
        world.kill(first)
        await asyncio.sleep(601)
        await world.start(["Because."])
        await world.recovered()
        assert world.shown == [f"Because\n\n{small(outcomes.INTERRUPTED.note)}"]
        assert world.writing == []
        assert await world.outcomes() == ["interrupted"]


async def test_of_several_processes_one_answers() -> None:
    async with a_world() as world:
        first = await world.start()
        others = [await world.start(["Because."]) for _ in range(4)]
        await kept_and_killed(world, first)
        await world.recovered()
        assert world.shown == ["Because."]
        assert sum(len(each.provider.requests) for each in others) == 1


async def test_what_was_queued_in_a_conversation_is_answered_in_its_order() -> None:
    async with a_world() as world:
        first = await world.start(ENDLESS)
        for text in ("1", "2", "3"):
            await first.ask(text)
        await asyncio.sleep(3)
        world.kill(first)
        second = await world.start(["Two."], ["Three."])
        await world.recovered()
        assert world.shown[1:] == ["Two.", "Three."]
        assert [request.turns[-1].text for request in second.provider.requests] == ["2", "3"]
        assert await world.outcomes() == ["interrupted", "complete", "complete"]


async def test_after_a_clean_end_what_waits_is_handed_over_at_once() -> None:
    async with a_world() as world:
        first = await world.start(ENDLESS)
        await first.ask("1")
        await first.ask("2")
        await asyncio.sleep(3)
        await world.start(["Two."])
        await world.close(first)
        await world.until(lambda: "Two." in world.shown, seconds=3.0)
        await asyncio.sleep(1)
        assert await world.outcomes() == ["interrupted", "complete"]


@pytest.mark.parametrize(
    ("control", "kind", "said"),
    [(Control.RETRY, "retry", "Why?"), (Control.CONTINUE, "continue", "One two three.")],
)
async def test_a_press_that_was_acknowledged_is_seen_to(
    control: Control, kind: str, said: str
) -> None:
    async with a_world() as world:
        first = await world.start([*words("One two three."), Cut()], [Hang()])
        await first.ask()
        await world.until(lambda: world.messages and not world.writing)
        await asyncio.sleep(1)
        assert await first.connector.press(world.messages[0].ref, control).accepted()
        world.kill(first)
        second = await world.start(["Four."])
        await world.recovered()
        rows = await world.rows()
        assert [row.start.kind for row in rows] == ["ask", kind]
        assert rows[1].start.parent_run_id == rows[0].run_id
        assert said in [turn.text for turn in second.provider.requests[0].turns]
        assert world.shown[-1] == "Four."


async def test_a_changed_question_is_answered_in_its_last_form_alone() -> None:
    async with a_world() as world:
        first = await world.start(ENDLESS)
        await first.ask("1")
        asked = await first.ask("2")
        assert await first.connector.change(asked, "2, changed").accepted()
        assert await first.connector.change(asked, "2, changed again").accepted()
        world.kill(first)
        second = await world.start(["Done."])
        await world.recovered()
        last = [request.turns[-1].text for request in second.provider.requests]
        assert last[-1] == "2, changed again"
        assert not any(text in last for text in ("2", "2, changed"))


async def test_a_question_that_is_too_old_is_not_answered_and_the_asker_is_told() -> None:
    async with a_world() as world:
        await kept_and_killed(world, await world.start())
        await asyncio.sleep(601)
        second = await world.start(["Because."])
        await world.recovered()
        assert world.shown == [NOT_ANSWERED]
        assert second.provider.requests == []


async def test_a_question_whose_run_has_ended_is_not_answered_again() -> None:
    """It could not be marked as done when its process died."""
    async with a_world() as world:
        first = await world.start(["Because."])

        async def lost(*_arguments: object) -> None:
            raise ValueError("a bug")

        first.store.inbox.mark = lost  # type: ignore[assignment, method-assign]
        await first.ask()
        await asyncio.sleep(5)
        world.kill(first)
        second = await world.start(["Again!"])
        await world.recovered()
        assert world.shown == ["Because."]
        assert second.provider.requests == []


async def test_somebody_of_another_organisation_is_refused_by_any_process() -> None:
    mallory = Person("mallory", "Mallory", external=True)
    shut = IntakeOptions(access=Access(allow_external=False))
    async with a_world() as world:
        first = await world.start(intake=shut)
        incoming = first.connector.ask("Why?", mallory)
        assert await incoming.accepted()
        world.kill(first)
        await world.start(["Because."], intake=shut)
        await world.recovered()
        assert "Because." not in world.shown
        assert set(world.shown) <= {NOT_ALLOWED}


async def test_a_question_is_kept_with_all_that_decides_about_it() -> None:
    async with a_world() as world:
        first = await world.start()
        told = first.connector.ask("Why?", replace(ALICE, external=True), addressed=False).event
        assert isinstance(told, Asked)
        await first.store.inbox.add(told, 0)
        (kept,) = await first.store.inbox.unanswered()
        assert kept.asked == told


@pytest.mark.parametrize("after", [0.0, 0.1, 1.0, *(LEASE_S + n / 2 for n in range(-2, 7))])
@pytest.mark.parametrize("latency", [0.0, 0.9])
async def test_what_is_asked_after_a_restart_comes_behind_what_waited(
    after: float, latency: float
) -> None:
    """However soon it is asked, and however long the platform takes to show that an answer ends."""
    async with a_world() as world:
        first = await world.start(ENDLESS, latency=latency)
        for text in ("1", "2", "3"):
            await first.ask(text)
        await asyncio.sleep(5)
        world.kill(first)
        second = await world.start(["Two."], ["Three."], ["Four."], ["Five."], latency=latency)
        await asyncio.sleep(after)
        await second.ask("4")
        await second.ask("5")
        await world.until(lambda: "Five." in world.shown, seconds=30)
        assert [r.turns[-1].text for r in second.provider.requests] == ["2", "3", "4", "5"]
        assert world.shown[1:] == ["Two.", "Three.", "Four.", "Five."]
