"""What admins have stopped: for all processes at once, everywhere or in a place."""

from __future__ import annotations

from uuid import uuid4

import pytest

from bot.store import CallKey, Store
from bot.words import Sentence
from connectors.base import Place
from tests.doubles.stored import start
from tests.doubles.tools import ADA, asked

pytestmark = pytest.mark.real_time

CHANNEL = Place("slack", "T1", "C1")
THREAD = Place("slack", "T1", "C1", "1.5")


async def test_a_brake_is_put_on_once_and_taken_off(store: Store) -> None:
    assert not await store.brakes.on("tools")
    assert await store.brakes.put_on("tools", ADA)
    assert not await store.brakes.put_on("tools"), "it is on, by whoever was first"
    (brake,) = await store.brakes.every()
    assert (brake.what, brake.by) == ("tools", str(ADA))
    assert brake.since_us > 0
    assert await store.brakes.on("tools")
    assert await store.brakes.take_off("tools")
    assert not await store.brakes.take_off("tools")
    assert not await store.brakes.on("tools")


async def test_a_brake_holds_in_its_place_and_all_that_lies_in_it(store: Store) -> None:
    await store.brakes.put_on("tools", place=CHANNEL)
    assert await store.brakes.on("tools", CHANNEL)
    assert await store.brakes.on("tools", THREAD)
    assert not await store.brakes.on("tools")
    for other in (Place("slack", "T1", "C2"), Place("slack", "T2", "C1"), Place("web", "T1", "C1")):
        assert not await store.brakes.on("tools", other)
    await store.brakes.put_on("tools")
    assert await store.brakes.on("tools", Place("web", "T1", "C1"))


async def test_a_call_that_is_allowed_is_not_sent_under_a_brake(store: Store) -> None:
    """The statement that sends it says so itself: whoever put it on, and whichever process asks."""
    run = start(uuid4())
    store.runs.begin(run)
    await store.settled(run.run_id, 10)
    key = CallKey(run.run_id, 0)
    await store.calls.ask(key, asked())
    await store.calls.allow(key, Sentence("tool.never", {"server": "mail"}))
    await store.brakes.put_on("tools")
    assert await store.calls.off()
    assert not await store.calls.send(key, 0, asked().binding)
    await store.brakes.take_off("tools")
    assert await store.calls.send(key, 0, asked().binding)
