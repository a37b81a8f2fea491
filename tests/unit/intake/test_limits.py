"""Limits: who is over one is told which and until when; nobody slips past, and nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection

from bot.identity import Account, Named
from bot.intake import IntakeOptions, Limit, Policy, Quotas
from bot.intake.quotas import PERSON, WORKSPACE, Sum, day_us, month_us, over_limit
from bot.store import Store
from bot.words import english
from connectors.base import Control, Person, Place
from connectors.memory import MemoryConnector
from providers.base import Usage
from providers.scripted import Finish, Hang, Pause
from tests.doubles.stored import FaultyDatabase, leases_of
from tests.doubles.way import Way, a_way, clock_us, words

BOB = Person("bob", "Bob")
NOW = 1_795_390_200_000_000
"""2026-11-22 23:30 UTC."""
T = TypeVar("T")
ALICE = Account("memory", "", "alice")
LATER = Place("memory", "T1", "later")


class SlowToRead(FaultyDatabase):
    """A database that takes its time to find things."""

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Reads, after a while."""
        await asyncio.sleep(self.delay)
        return await super().read(work)


def limits(policy: Policy = "queue", workspace: Limit = Limit(), **person: Any) -> IntakeOptions:  # noqa: B008 - frozen
    """What a person may use."""
    return IntakeOptions(policy, limits=Quotas(Limit(**person), workspace))


def places(count: int) -> list[Place]:
    """Conversations of one workspace."""
    return [Place("memory", "T1", f"C{n}") for n in range(count)]


async def settled(way: Way) -> list[str]:
    """Waits until everything had its effect; the texts that the bot shows then."""
    await way.intake.settled()
    return way.shown


def told(way: Way, words: str) -> int:
    """How many of the bot's messages say so."""
    return sum(words in text for text in way.shown)


async def test_no_more_than_so_many_answers_are_written_for_a_person_at_once() -> None:
    async with a_way(["One", Pause(20), " two."], intake=limits(runs_at_once=2)) as way:
        for place in places(5):
            way.connector.ask("Why?", place=place)
        await way.until(lambda: len(way.shown) == 5)
        assert len(way.runs.active) == 2
        assert told(way, "You have 2 answers under way, which is the most at once.") == 3
        assert (await settled(way)).count("One two.") == 2
        assert await way.store.inbox.unanswered() == []


async def test_a_place_is_free_again_once_an_answer_is_done() -> None:
    async with a_way(["One."], intake=limits(runs_at_once=1)) as way:
        for _ in range(3):
            await way.ask()
            await way.intake.settled()
        assert way.shown == ["One."] * 3


async def test_many_at_once_can_not_slip_past_a_slow_database() -> None:
    database = SlowToRead()
    database.delay = 0.5
    options = limits("parallel", runs_at_once=1)
    async with a_way(["One", Pause(60)], store=Store(database), intake=options) as way:
        for place in places(4):
            way.connector.ask("Why?", place=place)
        await way.until(lambda: told(way, "under way") == 3)
        assert len(way.runs.active) == 1
        database.delay = 0.0


async def test_questions_that_wait_for_their_turn_are_not_answers_under_way() -> None:
    async with a_way(["One", Pause(5), "."], intake=limits(runs_at_once=1)) as way:
        for _ in range(3):
            await way.ask()
        assert await settled(way) == ["One."] * 3


async def test_each_person_has_a_limit_of_their_own() -> None:
    async with a_way(["One", Pause(20)], intake=limits("parallel", runs_at_once=1)) as way:
        way.connector.ask("Why?")
        way.connector.ask("Why?", person=BOB)
        await way.until(lambda: len(way.runs.active) == 2)
        assert told(way, "under way") == 0


async def test_a_workspace_has_a_limit_for_all_of_its_people() -> None:
    options = limits("parallel", workspace=Limit(runs_per_day=1))
    async with a_way(["One."], intake=options) as way:
        await way.ask()
        await way.intake.settled()
        assert await way.connector.ask("Why?", person=BOB).accepted()
        await settled(way)
        assert told(way, "This workspace has had the 1 answer of today.") == 1


async def test_the_runs_of_a_day_are_counted_and_a_new_day_begins_at_midnight() -> None:
    async with a_way(["One."], intake=limits(runs_per_day=2)) as way:
        for _ in range(3):
            await way.ask()
            await way.intake.settled()
        assert way.shown[:2] == ["One.", "One."]
        assert told(way, "You have had the 2 answers of today.") == 1
        await asyncio.sleep((day_us(clock_us()) + 86_400_000_000 - clock_us()) / 1e6)
        await way.ask()
        assert (await settled(way))[-1] == "One."


async def test_an_answer_under_way_counts_once_although_it_is_in_the_store_as_well() -> None:
    async with a_way(["One", Pause(30)], intake=limits(runs_per_day=2)) as way:
        for place in places(3):
            way.connector.ask("Why?", place=place)
            await asyncio.sleep(5)
        assert len(way.runs.active) == 2
        assert told(way, "You have had the 2 answers of today.") == 1


async def test_the_tokens_of_a_day_count_those_of_an_answer_under_way() -> None:
    script = [*words("one two three four five"), Pause(30)]
    async with a_way(script, intake=limits("parallel", tokens_per_day=17)) as way:
        await way.ask()
        await way.until(lambda: way.shown)
        await way.ask("And?")  # about 12 tokens were given, 6 were made
        await way.until(lambda: told(way, "You have used up the 17 tokens of today."))


async def test_money_of_a_month_counts_what_it_cost() -> None:
    def price(_model: str, _called: str, usage: Usage) -> int:
        return usage.output_tokens * 1_000

    script = ["One.", Finish(usage=Usage(5, 1_000))]
    options = limits(microusd_per_month=1_500_000)
    async with a_way(script, intake=options, price=price) as way:
        for _ in range(3):
            await way.ask()
            await way.intake.settled()
        assert way.shown[:2] == ["One."] * 2
        assert told(way, "You have used up the 1.50 US dollars of this month.") == 1


async def test_after_a_reset_there_is_a_new_beginning() -> None:
    async with a_way(["One."], intake=limits(runs_per_day=1)) as way:
        for reset in (False, True):
            if reset:
                await way.store.usage.reset(ALICE, clock_us() + 1)
                await asyncio.sleep(1)
            await way.ask()
            await way.intake.settled()
        assert way.shown == ["One.", "One."]


async def test_no_limit_holds_for_admins() -> None:
    admins = frozenset({Named("alice")})
    options = IntakeOptions(limits=Quotas(Limit(runs_per_day=0)), admins=admins)
    async with a_way(["One."], intake=options) as way:
        await way.ask()
        assert await settled(way) == ["One."]
        assert await way.connector.ask("Why?", person=BOB).accepted()
        await settled(way)
        assert told(way, "You have had the 0 answers of today.") == 1


async def test_a_retry_is_one_more_answer() -> None:
    async with a_way([""], intake=limits(runs_per_day=1)) as way:
        await way.ask()
        await way.intake.settled()
        assert await way.connector.press(way.messages[0].ref, Control.RETRY).accepted()
        await settled(way)
        assert told(way, "You have had the 1 answer of today.") == 1
        assert len(way.provider.requests) == 1


@pytest.mark.parametrize("policy", ["queue", "parallel"])
async def test_a_stop_reaches_a_question_whose_limits_are_being_looked_at(policy: Policy) -> None:
    database = SlowToRead()
    options = limits(policy, runs_per_day=9)
    async with a_way(["One."], store=Store(database), intake=options) as way:
        await way.ask()
        database.delay = 2.0
        await asyncio.sleep(0.5)
        assert way.intake.waiting == 1
        assert await way.connector.command("stop").accepted()
        await way.intake.settled()
        assert (way.shown, way.provider.requests) == ([], [])
        assert await way.store.inbox.unanswered() == []


async def test_what_is_being_looked_at_when_the_intake_closes_stays_in_the_inbox() -> None:
    database = SlowToRead()
    async with a_way(["One."], store=Store(database), intake=limits(runs_per_day=9)) as way:
        await way.ask()
        database.delay = 2.0
        await asyncio.sleep(0.5)
        way.intake.close()
        await way.intake.settled()
        database.delay = 0.0
        assert way.provider.requests == []
        assert len(await way.store.inbox.unanswered()) == 1


async def test_processes_on_one_database_count_together() -> None:
    """The second sees what the first is answering, and what it has answered."""
    database = FaultyDatabase()
    async with AsyncExitStack() as stack:
        ways = [
            await stack.enter_async_context(
                a_way(
                    ["One", Hang()],
                    store=Store(database),
                    intake=limits(runs_at_once=1),
                    connector=MemoryConnector(clock=lambda: clock_us() / 1e6),
                )
            )
            for _ in range(2)
        ]
        for way in ways:
            await leases_of(way.store).beat(clock_us())
        await ways[0].ask()
        await ways[0].until(lambda: ways[0].shown)
        ways[1].connector.ask("Why?", place=LATER)
        await ways[1].until(lambda: told(ways[1], "1 answer under way"))
        ways[0].runs.stop(ways[0].runs.active[0].id)


@pytest.mark.parametrize(
    ("used", "limit", "told"),
    [
        (Sum(runs=1), Limit(runs_per_day=2), None),
        (Sum(runs=2), Limit(runs_per_day=2), "in 30 minutes (2026-11-23 00:00 UTC)"),
        (Sum(tokens=9), Limit(tokens_per_day=9), "the 9 tokens of today"),
        (Sum(microusd=1), Limit(microusd_per_month=1), "in 9 days (2026-12-01 00:00 UTC)"),
        (Sum(microusd=10), Limit(microusd_per_month=11), None),
        (Sum(), Limit(microusd_per_month=0), "the 0.00 US dollars of this month"),
        (Sum(at_once=1), Limit(runs_at_once=1), "1 answer under way"),
        (Sum(9, 9, 9, 9), Limit(), None),
    ],
)
def test_the_line_names_the_limit_and_its_end(used: Sum, limit: Limit, told: str | None) -> None:
    for whose, begins in ((PERSON, "You have "), (WORKSPACE, "This workspace has ")):
        line = over_limit(whose, limit, used, NOW)
        if told is None:
            assert line is None
        else:
            assert line is not None
            assert english(line).startswith(begins)
            assert told in english(line)


def test_days_and_months_begin_at_midnight_utc() -> None:
    assert (NOW - day_us(NOW)) / 3.6e9 == 23.5
    assert (NOW - month_us(NOW)) / 8.64e10 == 21 + 23.5 / 24
