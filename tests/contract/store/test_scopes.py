"""What is set for scopes and the log of its changes, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.identity import Account
from bot.store import ChangedMeanwhile, Store, open_store
from connectors.base import Scope

pytestmark = pytest.mark.real_time

CHANNEL, OTHER = Scope("slack", "T1", "C2"), Scope("slack", "T1", "C3")
ADA, BOB = Account("slack", "T1", "UADA"), Account("slack", "T1", "UBOB")


@pytest.fixture
async def second(url: str, store: Store) -> AsyncIterator[Store]:
    """Another process on the database of the first."""
    assert store.me
    found = open_store(url)
    yield found
    await found.aclose()


async def held(store: Store, scope: Scope = CHANNEL) -> dict[str, object]:
    return {one.name: one.value for one in await store.scopes.holding([scope])}


async def test_what_is_set_holds_for_that_scope_alone_and_can_be_taken_out(store: Store) -> None:
    await store.scopes.change(CHANNEL, {"model": ["deep"], "follow_ups": False}, ADA)
    await store.scopes.change(OTHER, {"model": ["fast"]}, ADA)
    assert await held(store) == {"model": ["deep"], "follow_ups": False}
    await store.scopes.change(CHANNEL, {"model": None}, ADA)
    assert await held(store) == {"follow_ups": False}
    assert await held(store, OTHER) == {"model": ["fast"]}


async def test_each_change_is_logged_with_who_what_from_and_to(store: Store) -> None:
    await store.scopes.change(CHANNEL, {"model": ["deep"]}, ADA)
    await store.scopes.change(CHANNEL, {"model": ["fast"]}, BOB)
    await store.scopes.change(CHANNEL, {"model": ["fast"]}, BOB)  # nothing changes
    await store.scopes.change(CHANNEL, {"model": None}, "operator")
    told = [(c.by, c.before, c.after) for c in await store.scopes.log([CHANNEL])]
    assert told == [
        ("operator", ["fast"], None),
        ("slack:T1/UBOB", ["deep"], ["fast"]),
        ("slack:T1/UADA", None, ["deep"]),
    ]
    assert await store.scopes.log([OTHER]) == []


@pytest.mark.parametrize("after", [["fast"], None])
async def test_who_comes_later_is_told_and_changes_nothing(
    store: Store, second: Store, after: list[str] | None
) -> None:
    (first,) = await store.scopes.change(CHANNEL, {"model": ["deep"]}, ADA)
    seen = {"model": first.id, "tools": None}
    await second.scopes.change(CHANNEL, {"model": after}, BOB)
    with pytest.raises(ChangedMeanwhile) as refusal:
        await store.scopes.change(CHANNEL, {"tools": [], "model": ["other"]}, ADA, seen)
    (told,) = refusal.value.changes
    assert (told.by, told.name, told.after) == (str(BOB), "model", after)
    assert await held(store) == ({} if after is None else {"model": after})


async def test_of_many_who_saw_the_same_one_changes_it(store: Store, second: Store) -> None:
    tries = [
        each.scopes.change(CHANNEL, {"model": [str(n)]}, ADA, {"model": None})
        for n, each in enumerate([store, second] * 8)
    ]
    ends = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(end, list) for end in ends) == 1
    assert sum(isinstance(end, ChangedMeanwhile) for end in ends) == 15
    assert len(await store.scopes.log()) == 1


async def test_the_log_leads_from_nothing_to_what_holds(store: Store, second: Store) -> None:
    await asyncio.gather(
        *(
            each.scopes.change(CHANNEL, {"model": [str(n)]}, ADA)
            for n, each in enumerate([store, second] * 8)
        )
    )
    changes = (await store.scopes.log(limit=100))[::-1]
    assert [c.before for c in changes] == [None, *(c.after for c in changes[:-1])]
    assert await held(store) == {"model": changes[-1].after}
