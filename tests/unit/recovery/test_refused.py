"""A process that died while the platform refused: what was shown and told is not done again."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Any

import pytest

from bot.runs import outcomes
from bot.words import Sentence, english, small
from connectors.base import ConnectorError, Limits, MessageRef, Part, Refused, Shown, TooLarge
from providers.scripted import Hang, Pause
from tests.unit.recovery.world import World, a_world

NOTE = small(outcomes.INTERRUPTED.note)
CUT = english(Sentence("shown.in_part"))
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


@pytest.mark.parametrize("problem", [TooLarge("msg_too_long"), Refused("closed")])
async def test_a_message_that_shows_more_than_was_noted_shows_no_less_in_the_end(
    problem: ConnectorError,
) -> None:
    """Its last edit was made, and its process died before anybody heard so."""
    async with a_world(Limits(400)) as world:
        first = await world.start([*SCRIPT, Hang()])
        await first.ask()
        await asyncio.sleep(3)
        noted = world.shown[0]
        _unheard(first)
        await asyncio.sleep(3)
        world.kill(first)
        shown = world.shown[0]
        assert len(shown) > len(noted)
        edits = count(1)
        await world.start(
            fault=lambda call, _n: (
                problem if call == "post" or (call == "edit" and next(edits) == 1) else None
            )
        )
        await world.recovered()
        assert world.shown[0].startswith(shown.strip())


async def test_an_answer_that_said_that_its_rest_is_missing_says_so_with_all_that_it_had() -> None:
    """Its process died before its end was kept, and the next one is refused as well."""
    async with a_world(Limits(1000)) as world:
        first = await world.start(["```python\n", *SCRIPT], fault=_no_more_than(posts=1, edit=4))
        first.store.runs.end = lambda *_end: None  # type: ignore[method-assign]
        await first.ask()
        await world.until(lambda: world.shown and CUT in world.shown[-1])
        (shown,) = world.shown
        world.kill(first)
        await world.start(fault=_no_more_than(posts=0, edit=1))
        await world.recovered()
        assert "w5." in shown
        assert world.shown[0].startswith(shown.removesuffix(f"_{CUT}_").rstrip())


def _no_more_than(posts: int, edit: int) -> Any:
    """So many posts are taken, and every edit but one."""
    made = {"post": count(1), "edit": count(1)}

    def refused(call: str, _n: int) -> TooLarge | None:
        n = next(made[call]) if call in made else 0
        no = n > posts if call == "post" else n == edit
        return TooLarge("msg_too_long") if no else None

    return refused


@pytest.mark.parametrize("shut", [1, 2, 3])
async def test_below_a_message_that_never_got_text_the_parts_stay_where_they_are(shut: int) -> None:
    """The first message took no edit after it was posted, and the answer went on below it."""
    async with a_world(Limits(400)) as world:
        first = await world.start(["```python\n", Pause(2.0), *SCRIPT, Hang()])
        await first.ask()
        await world.until(lambda: world.shown == ["…"])
        _refuses(first, world.messages[0].ref)
        _stricter(first, 120)
        await asyncio.sleep(12)
        world.kill(first)
        assert len(world.shown) > 3
        second = await world.start()
        _refuses(second, world.messages[0].ref)
        _refuses(second, world.messages[shut].ref)
        await world.recovered()
        said = [word for word in " ".join(world.shown).split() if word in WORDS]
        assert said == WORDS[: len(said)]


@pytest.mark.parametrize("noted", [2.0, 4.0, 8.0, 12.0])
@pytest.mark.parametrize("late", [0.0, 4.0, 8.5])
async def test_what_the_platform_takes_only_as_code_stays_code(noted: float, late: float) -> None:
    """Its records may be older than its messages; no word that was shown is taken back."""
    async with a_world(Limits(1200)) as world:
        first = await world.start(["```python\n", *SCRIPT, "\n```\n", Hang()])
        _takes_as_code(first, "w0.")
        await first.ask()
        await asyncio.sleep(noted)
        first.store.messages.add = lambda *_: None  # type: ignore[method-assign]
        first.store.tokens.add = lambda *_: None  # type: ignore[method-assign]
        await asyncio.sleep(late)
        world.kill(first)
        before = [word for word in " ".join(world.shown).split() if word in WORDS]
        second = await world.start()
        _takes_as_code(second, "w0.")
        await world.recovered()
        said = [word for word in " ".join(world.shown).split() if word in WORDS]
        assert len(said) >= len(before) > 0
        assert said == WORDS[: len(said)]
        assert world.shown[0].count("```python") == 1  # its marks are seen, as they were sent


def _takes_as_code(process: Any, word: str) -> None:
    """What has a word in it is refused as Markdown."""
    version = process.connector._version

    def strict(part: Part) -> Any:
        if word in part.text and not part.literal:
            raise Refused("bad content")
        return version(part)

    process.connector._version = strict


def _unheard(process: Any) -> None:
    """Edits are made, and nobody hears of them any more."""
    edit = process.connector.edit

    async def lost(to: MessageRef, part: Part) -> Shown:
        await edit(to, part)
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    process.connector.edit = lost


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
