"""Events that meet: a stop, a press or the end of the process while a question is being kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bot.intake import IntakeOptions, Policy
from bot.store import Store, StoreUnavailable
from connectors.base import Asked, Control
from providers.scripted import Finish, Pause
from tests.doubles.stored import FaultyDatabase
from tests.doubles.way import Way, a_way


@asynccontextmanager
async def slow_way(*scripts: Any, **options: Any) -> AsyncIterator[tuple[Way, FaultyDatabase]]:
    """The whole way over a database that can be slow."""
    database = FaultyDatabase()
    async with a_way(*scripts, store=Store(database), **options) as way:
        yield way, database


async def test_a_question_that_is_kept_while_the_intake_closes_stays_in_the_inbox() -> None:
    async with slow_way(["One."]) as (way, database):
        database.delay = 2.0
        incoming = way.connector.ask("Why?")
        await asyncio.sleep(1.0)
        way.intake.close()
        await way.runs.drain(0.5)
        assert await incoming.accepted()
        database.delay = 0.0
        await way.intake.settled()
        assert way.shown == []
        left = await way.store.inbox.unanswered()
    assert [question.asked.text for question in left] == ["Why?"]


@pytest.mark.parametrize("policy", ["queue", "parallel"])
@pytest.mark.parametrize("how", ["delete", "stop"])
async def test_a_stop_reaches_a_question_that_is_still_being_kept(policy: Policy, how: str) -> None:
    async with slow_way(["One.", Pause(50)], intake=IntakeOptions(policy)) as (way, database):
        database.delay = 2.0
        asked = way.connector.ask("Why?").event
        assert isinstance(asked, Asked)
        await asyncio.sleep(1.0)
        delete = how == "delete"
        stop = way.connector.delete(asked.message) if delete else way.connector.command("stop")
        later = way.connector.ask("And now?")
        assert await stop.accepted()
        database.delay = 0.0
        assert await later.accepted()
        await way.intake.settled()
        ended = [row.end.outcome for row in await way.store.runs.recent(2) if row.end]
    assert ended == ["complete", "stopped"]


async def test_continue_pressed_before_the_end_is_kept_goes_on_from_the_whole_answer() -> None:
    async with slow_way(["One two", Finish("length")], [" three"]) as (way, database):
        await way.ask("Count.")
        await way.until(lambda: way.messages and not way.writing())
        database.delay = 1.0
        assert await way.connector.press(way.messages[0].ref, Control.CONTINUE).accepted()
        database.delay = 0.0
        await way.intake.settled()
    assert "One two" in [turn.text for turn in way.provider.requests[-1].turns]


async def test_a_question_that_cannot_be_marked_does_not_cost_the_next_one_its_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def broken(*_args: Any) -> None:
        raise ValueError("a bug in the driver")

    async with a_way(["One.", Pause(5)], ["Two."]) as way:
        monkeypatch.setattr(way.store.inbox, "mark", broken)
        await way.ask("1")
        await way.ask("2")
        await way.intake.settled()
    assert way.shown == ["One.", "Two."]


async def test_a_question_that_cannot_be_marked_now_is_marked_once_the_database_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def away(*_args: Any) -> None:
        raise StoreUnavailable("away")

    async with a_way(["One."]) as way:
        with monkeypatch.context() as patched:
            patched.setattr(way.store.inbox, "mark", away)
            await way.ask("1")
            await way.until(lambda: way.shown == ["One."])
            await asyncio.sleep(10)
            assert len(await way.store.inbox.unanswered()) == 1
        await asyncio.sleep(5)
        assert await way.store.inbox.unanswered() == []
