"""A process that died while the platform refused: what was shown and told is not done again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.runs import outcomes
from connectors.base import Limits, MessageRef, Part, Refused, Shown, TooLarge
from providers.scripted import Hang, Pause
from tests.recovery.world import World, a_world

NOTE = outcomes.small(outcomes.INTERRUPTED.note)
WORDS = [f"w{number}." for number in range(100)]
SCRIPT = [step for word in WORDS for step in (f"{word} ", Pause(0.2))]


def called(world: World, name: str) -> int:
    return sum(call.name == name for call in world.platform.calls)


def refuses(*names: str) -> Any:
    return lambda call, _n: Refused("no") if call in names else None


async def test_the_asker_is_told_once_by_two_processes_one_after_the_other() -> None:
    """The first told them, and died before its end was kept."""
    async with a_world() as world:
        first = await world.start(["Hello."], fault=refuses("post"))
        first.store.runs.end = lambda *_end: None  # type: ignore[method-assign]
        await first.ask()
        await world.until(lambda: world.platform.whispers)
        world.kill(first)
        await world.start(fault=refuses("post"))
        await world.recovered()
        assert await world.outcomes() == ["interrupted"]
        assert called(world, "whisper") == 1
        assert world.shown == []


async def test_another_process_tells_what_the_first_did_not_come_to() -> None:
    async with a_world() as world:
        first = await world.start(["Hello.", Hang()], fault=refuses("post"))
        await first.ask()
        await asyncio.sleep(0.3)
        world.kill(first)
        await world.start(fault=refuses("post"))
        await world.recovered()
        assert called(world, "whisper") == 1


@pytest.mark.parametrize("most", [300, 200, 120])
@pytest.mark.parametrize("late", [4.0, 12.0, 22.0])
@pytest.mark.parametrize("shut", [None, 1, 2, 3])
async def test_parts_that_had_to_be_smaller_stay_as_they_are(
    most: int, late: float, shut: int | None
) -> None:
    """Laid out again they would take words of the next one, which may refuse to give them up."""
    async with a_world(Limits(400)) as world:
        first = await world.start([*SCRIPT, Hang()])
        _stricter(first, most)
        await first.ask()
        await asyncio.sleep(late)
        world.kill(first)
        second = await world.start()
        if shut is None:
            _stricter(second, most)
        elif shut < len(world.messages):
            _refuses(second, world.messages[shut].ref)
        await world.recovered()
        assert await world.outcomes() == ["interrupted"]
        shown = " ".join(world.shown)
        said = [word for word in WORDS if word in shown.split()]
        assert said == WORDS[: len(said)]
        assert all(shown.split().count(word) == 1 for word in said)
        assert NOTE in shown
        assert world.writing == [] or shut is not None


def _refuses(process: Any, ref: MessageRef) -> None:
    """One message takes no edit."""
    edit = process.connector.edit

    async def but(to: MessageRef, part: Part) -> Shown:
        if to == ref:
            raise Refused("edit_window_closed")
        shown: Shown = await edit(to, part)
        return shown

    process.connector.edit = but


def _stricter(process: Any, most: int) -> None:
    """The platform takes less than it says."""
    connector = process.connector
    version = connector._version

    def strict(part: Part) -> Any:
        if len(part.text) > most:
            raise TooLarge("msg_too_long")
        return version(part)

    connector._version = strict
