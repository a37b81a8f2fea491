"""What is set for a place is heeded before a question is answered; a pause holds for everybody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from bot.identity import Named
from bot.intake import IntakeOptions, Limit, Quotas
from bot.scopes import Offered, Scopes
from bot.store import memory_store
from connectors.base import EVERYTHING, Person, Place, Preflight, Scope
from connectors.memory import ALICE
from connectors.words import Sentence
from tests.doubles.way import Way, a_way

LEGAL = Place("memory", "home", "legal")
GENERAL = Place("memory", "home", "general")
BOB = Person("bob", "Bob")
HERE, THERE = Scope("memory", "home", "legal"), Scope("memory", "home", "general")


@asynccontextmanager
async def opened(**options: Any) -> AsyncIterator[tuple[Way, Scopes]]:
    store = memory_store()
    scopes = Scopes(store.scopes, Offered(("fast",)), file_only=options.pop("file_only", False))
    intake = IntakeOptions(scopes=scopes, admins=frozenset({Named("alice")}), **options)
    async with a_way(["Yes."], store=store, intake=intake) as way:
        yield way, scopes


async def ask(
    way: Way, place: Place, person: Person = ALICE, text: str = "Why?", **more: Any
) -> str:
    """The newest thing that the bot says there, or nothing."""
    before = len(way.messages)
    assert await way.connector.ask(text, person, place, **more).accepted()
    await way.intake.settled()
    return " ".join(m.text for m in way.messages[before:] if m.ref.place == place)


@pytest.mark.parametrize("scope", [HERE, Scope("memory", "home"), EVERYTHING])
async def test_a_pause_is_said_to_who_asks_and_a_resume_ends_it(scope: Scope) -> None:
    async with opened() as (way, scopes):
        assert await scopes.pause(scope, "Ada")
        assert not await scopes.pause(scope, "Ada")
        assert (await ask(way, LEGAL)).startswith("I am paused")  # an admin, too
        assert ("Yes." in await ask(way, GENERAL)) == (scope == HERE)
        assert await scopes.resume(scope, "Ada")
        assert not await scopes.resume(scope, "Ada")
        assert "Yes." in await ask(way, LEGAL)


async def test_what_is_narrower_does_not_end_a_wider_pause() -> None:
    async with opened() as (way, scopes):
        await scopes.pause(EVERYTHING, "Ada")
        await scopes.pause(HERE, "Ada")
        await scopes.resume(HERE, "Ada")
        assert await ask(way, LEGAL) == "I am paused. Please ask again later."


async def test_a_pause_holds_also_where_only_the_file_counts() -> None:
    async with opened(file_only=True) as (way, scopes):
        await scopes.pause(HERE, "Ada")
        assert "paused in this channel" in await ask(way, LEGAL)


async def test_a_connector_is_told_of_a_pause_before_anything_is_seen() -> None:
    async with opened() as (way, scopes):
        await scopes.pause(HERE, "Ada")
        incoming = way.connector._inflow.put(Preflight(LEGAL, BOB))
        assert not await incoming.accepted()
        assert incoming.declined
        assert incoming.told is not None
        assert incoming.told.sentence == Sentence("paused.channel")
        looks = way.connector._inflow.put(Preflight(LEGAL, BOB, spends=False))
        assert await looks.accepted()


async def test_answers_under_way_go_on_through_a_pause() -> None:
    async with opened() as (way, scopes):
        await way.ask("One?")
        await way.until(lambda: way.runs.active)
        await scopes.pause(THERE, "Ada")
        await way.intake.settled()
        assert "Yes." in way.shown[-1]


async def test_only_who_is_named_and_admins_are_answered() -> None:
    async with opened() as (way, scopes):
        await scopes.change(HERE, {"allow_people": "memory:carol"}, "Ada")
        assert "Yes." not in await ask(way, LEGAL, BOB)
        assert "Yes." in await ask(way, LEGAL, ALICE)
        assert "Yes." in await ask(way, LEGAL, Person("carol", "Carol"))
        assert "Yes." in await ask(way, GENERAL, BOB)


async def test_a_question_may_be_shorter_in_one_place() -> None:
    async with opened() as (way, scopes):
        await scopes.change(HERE, {"max_question_chars": "5"}, "Ada")
        assert "Yes." not in await ask(way, LEGAL, text="Why that?")
        assert "Yes." in await ask(way, LEGAL, text="Why?")
        assert "Yes." in await ask(way, GENERAL, text="Why that?")


@pytest.mark.parametrize("usual", [True, False])
async def test_whether_it_follows_up_is_a_place_s_own(usual: bool) -> None:
    async with opened(follow_ups=usual) as (way, scopes):
        await scopes.change(HERE, {"follow_ups": "off" if usual else "on"}, "Ada")
        for place, follows in ((LEGAL, not usual), (GENERAL, usual)):
            thread = replace(place, thread="7")
            assert await ask(way, thread, addressed=False) == ""  # it takes no part yet
            assert "Yes." in await ask(way, thread)
            assert ("Yes." in await ask(way, thread, addressed=False)) == follows


async def test_the_deployment_s_money_of_a_day_holds_for_admins_and_everywhere() -> None:
    limits = Quotas(deployment=Limit(microusd_per_day=10))

    def price(*_: Any) -> int:
        return 10

    store = memory_store()
    intake = IntakeOptions(limits=limits, admins=frozenset({Named("alice")}))
    async with a_way(["Yes."], store=store, intake=intake, price=price) as way:
        assert "Yes." in await ask(way, LEGAL, BOB)
        for person in (ALICE, BOB):
            told = await ask(way, GENERAL, person)
            assert told.startswith("The 0.00 US dollars of today are used up.")
            assert "23:59" in told or "00:00" in told
