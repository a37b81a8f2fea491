"""An answer is its asker's: whoever else wants to change it needs to be an admin."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import TypeVar
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection

from bot.identity import Named
from bot.intake import Access, IntakeOptions, Limit, Quotas, notices
from bot.store import InlineDatabase, Store, StoreUnavailable
from bot.store.schema import metadata
from bot.words import Language
from connectors.base import Admitted, Person
from connectors.memory import ALICE
from providers.scripted import Hang
from tests.doubles.way import Way, a_way

T = TypeVar("T")
BOB, ADMIN = Person("bob", "Bob"), Person("eve", "Eve")
OPTIONS = IntakeOptions(
    admins=frozenset({Named("eve")}), limits=Quotas(Limit(runs_per_day=1), Limit())
)


class Unreadable(InlineDatabase):
    """A database that nothing can be read from while it is away."""

    away = False

    async def read(self, work: Callable[[Connection], T]) -> T:
        if self.away:
            raise StoreUnavailable("away")
        return await super().read(work)


@pytest.fixture
async def way() -> AsyncIterator[Way]:
    """Alice has had the one answer of her day; another, the admin's, is being written."""
    async with a_way(["Whole."], ["Half", Hang()], intake=OPTIONS) as way:
        await way.ask()
        await way.intake.settled()
        assert await way.connector.ask("Long?", ADMIN).accepted()
        await way.until(lambda: len(way.shown) == 2)
        yield way
        for run in way.runs.active:
            run.stop()


async def verdict(way: Way, person: Person, run_id: UUID | None) -> Admitted:
    """What a connector is told that asks before it changes an answer."""
    place = way.connector.place
    return await way.connector._inflow.admits(place, person, spends=False, run_id=run_id)


def run_ids(way: Way) -> list[UUID | None]:
    """The runs of the messages that stand, in order."""
    return [None if m.part is None else m.part.run_id for m in way.messages]


async def test_the_asker_may_change_their_own_answer_over_a_limit_too(way: Way) -> None:
    ended, growing = run_ids(way)
    assert await verdict(way, ALICE, ended) == Admitted(True)
    assert await verdict(way, ALICE, growing) == Admitted(
        False, notices.NOT_THEIRS.to(Language.ENGLISH)
    )


async def test_nobody_else_may(way: Way) -> None:
    """Neither while it is written nor after; nor somebody with the asker's id of another realm."""
    for run_id in run_ids(way):
        for person in (BOB, replace(ALICE, realm="elsewhere")):
            assert await verdict(way, person, run_id) == Admitted(
                False, notices.NOT_THEIRS.to(Language.ENGLISH)
            )


async def test_an_admin_may_change_any(way: Way) -> None:
    for run_id in (*run_ids(way), uuid4()):
        assert await verdict(way, ADMIN, run_id) == Admitted(True)


async def test_an_answer_of_which_nothing_is_kept_is_nobody_s(way: Way) -> None:
    assert await verdict(way, ALICE, uuid4()) == Admitted(
        False, notices.NOT_THEIRS.to(Language.ENGLISH)
    )


async def test_what_changes_no_answer_is_asked_as_ever(way: Way) -> None:
    assert await verdict(way, BOB, None) == Admitted(True)


async def test_who_may_not_be_here_hears_nothing_of_whose_it_is() -> None:
    access = Access(allow_people=frozenset({Named("alice")}))
    async with a_way(["Whole."], intake=IntakeOptions(access=access)) as way:
        await way.ask()
        await way.intake.settled()
        assert await verdict(way, BOB, run_ids(way)[0]) == Admitted(
            False, notices.NOT_ALLOWED.to(Language.ENGLISH)
        )


async def test_where_the_database_can_t_say_whose_it_is_nobody_may_for_now() -> None:
    database = Unreadable()
    await database.run(metadata.create_all)
    async with a_way(["Whole."], store=Store(database)) as way:
        await way.ask()
        await way.intake.settled()
        database.away = True
        assert await verdict(way, ALICE, run_ids(way)[0]) == Admitted(False, None, unsure=True)
        database.away = False
        assert await verdict(way, ALICE, run_ids(way)[0]) == Admitted(True)
