"""The figures of hours are the runs', whoever counts them, and whoever is erased meanwhile."""

from __future__ import annotations

from dataclasses import asdict
from uuid import UUID, uuid4

import pytest

from bot.identity import Account
from bot.store import HOUR_US, Hour, InlineDatabase, Store
from bot.store.counting import HELD_US, SETTLED_US
from connectors.base import Person
from tests.doubles.stored import add_tokens, edit, end, start

pytestmark = pytest.mark.real_time

ADA, BOB = Person("U1", "Ada"), Person("U2", "Bob")
BEGAN_US = 100 * HOUR_US
LATER_US = BEGAN_US + HOUR_US + SETTLED_US


@pytest.fixture
def stores() -> list[Store]:
    """Two processes on one database."""
    database = InlineDatabase()
    return [Store(database), Store(database)]


async def begun(store: Store, at_us: int, person: Person = ADA) -> UUID:
    """A run that has begun."""
    run_id = uuid4()
    store.runs.begin(start(run_id, at_us, person=person))
    await store.settled(run_id, 10)
    return run_id


async def ended(store: Store, run_id: UUID, at_us: int, cost: int = 10) -> None:
    """It has ended a second after it began."""
    add_tokens(store, run_id, ["a", "b"])
    store.edits.add(run_id, edit(error="RateLimited: 2 s"))
    store.runs.end(run_id, end(ended_us=at_us + 1_000_000, cost_microusd=cost))
    await store.settled(run_id, 10)


async def lives(store: Store, at_us: int, person: Person = ADA, cost: int = 10) -> None:
    """A whole run."""
    await ended(store, await begun(store, at_us, person), at_us, cost)


async def hour(store: Store, now_us: int) -> Hour:
    """The hour in which the runs began, as a process sees it."""
    hours, _ = await store.hours.read(BEGAN_US, now_us)
    return hours[BEGAN_US]


async def test_what_is_looked_at_often_is_what_is_counted_at_once(stores: list[Store]) -> None:
    """Each look goes on from the one before; together they are a look at everything."""
    often, once = stores
    open_runs = []
    for n in range(12):
        await lives(often, BEGAN_US + n * 1000)
        open_runs.append(await begun(often, BEGAN_US + n * 1000 + 500))
        if n >= 3:
            await ended(often, open_runs[n - 3], BEGAN_US + (n - 3) * 1000 + 500)
        seen = await hour(often, BEGAN_US + n * 1000)
        assert (seen.runs, seen.outcomes["running"]) == (2 * n + 2, min(n + 1, 3))
    assert asdict(await hour(often, BEGAN_US)) == asdict(await hour(once, BEGAN_US))


async def test_a_run_that_is_recorded_late_is_counted(stores: list[Store]) -> None:
    for n in range(3):
        await lives(stores[0], BEGAN_US + n)
    assert (await hour(stores[0], BEGAN_US)).runs == 3
    await lives(stores[1], BEGAN_US + 1)
    assert (await hour(stores[0], BEGAN_US)).runs == 4


async def test_an_hour_with_a_run_that_has_not_ended_is_not_kept_yet(stores: list[Store]) -> None:
    left = await begun(stores[0], BEGAN_US)
    assert await stores[0].hours.count(LATER_US) == 0
    hours, lacking = await stores[0].hours.read(BEGAN_US, LATER_US)
    assert (hours[BEGAN_US].outcomes["running"], lacking) == (1, 0)
    await ended(stores[0], left, BEGAN_US)
    assert await stores[0].hours.count(LATER_US) == 1
    assert (await hour(stores[1], LATER_US)).outcomes == {"complete": 1}


async def test_a_run_that_never_ends_keeps_its_hour_open_for_a_day(stores: list[Store]) -> None:
    await begun(stores[0], BEGAN_US)
    late_us = BEGAN_US + HOUR_US + HELD_US
    await stores[0].hours.count(late_us - 1)
    assert BEGAN_US not in (await stores[0].hours.read(BEGAN_US, late_us))[0]
    assert await stores[0].hours.count(late_us) > 0
    assert (await hour(stores[1], late_us)).outcomes == {"running": 1}


@pytest.mark.parametrize("kept", [True, False])
async def test_a_person_who_was_erased_is_named_by_no_process(
    stores: list[Store], *, kept: bool
) -> None:
    await lives(stores[0], BEGAN_US, ADA, cost=7)
    await lives(stores[0], BEGAN_US + 1, BOB)
    now_us = LATER_US if kept else BEGAN_US
    await stores[0].hours.count(now_us)
    for store in stores:
        assert "Ada" in str(await hour(store, now_us))
    await stores[1].people.erase(Account("slack", "", ADA.id))
    for store in stores:
        seen = await hour(store, now_us)
        assert "Ada" not in str(seen)
        assert "slack\n\nU1" not in seen.people
        spent = sum(each.microusd for each in seen.people.values())
        assert spent == (17 if kept else 10), "what is kept keeps its sum"


async def test_what_is_older_than_a_month_is_not_kept(stores: list[Store]) -> None:
    await lives(stores[0], BEGAN_US)
    assert await stores[0].hours.count(LATER_US) == 1
    await stores[0].hours.count(LATER_US + 40 * 24 * HOUR_US, days=1)
    assert BEGAN_US not in (await stores[1].hours.read(BEGAN_US, LATER_US))[0]
