"""The platform in memory: it keeps the contract, and it is as strict as a real one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Literal

import pytest

from connectors.base import (
    AnswerText,
    Budget,
    Commanded,
    ConnectorError,
    Control,
    Gone,
    Limits,
    MessageRef,
    Part,
    Person,
    Place,
    Pressed,
    RateLimited,
    Refused,
    Status,
    TooLarge,
    Unavailable,
)
from connectors.memory import Lost, MemoryConnector, like_discord, like_slack
from tests.contract.connector import RUN, ConnectorContract, Harness, Question, part


def now() -> float:
    return asyncio.get_running_loop().time()


def generous(place: Place, call: Literal["post", "edit"]) -> Budget:
    return Budget(f"{place.channel}/{call}", 1000, 1.0)


@asynccontextmanager
async def opened(connector: MemoryConnector) -> AsyncIterator[Harness]:
    async def ask(text: str) -> Question:
        incoming = connector.ask(text)
        return Question(incoming.event.message, incoming.accepted)

    async def delete(ref: MessageRef) -> None:
        connector.delete(ref).accept()

    def another() -> MemoryConnector:
        return MemoryConnector(budgets=generous, platform=connector.platform)

    try:
        yield Harness(connector, connector.place, ask, delete, another)
    finally:
        await connector.aclose()


class TestContract(ConnectorContract):
    """As a platform that counts characters."""

    def connector(self) -> AbstractAsyncContextManager[Harness]:
        return opened(MemoryConnector(budgets=generous, latency=0.1))


class TestContractInUtf16(ConnectorContract):
    """As a platform that counts UTF-16 units."""

    def connector(self) -> AbstractAsyncContextManager[Harness]:
        return opened(MemoryConnector(budgets=generous, limits=Limits(2000, "utf16")))


# As strict as a real platform.


async def test_the_51st_edit_of_a_minute_is_refused_and_says_for_how_long() -> None:
    connector = MemoryConnector(budgets=like_slack)
    shown = await connector.post(connector.place, part("0"), "key")
    for i in range(50):
        await connector.edit(shown.ref, part(str(i)))
        await asyncio.sleep(0.1)
    with pytest.raises(RateLimited) as refused:
        await connector.edit(shown.ref, part("50"))
    await asyncio.sleep(refused.value.retry_after - 0.01)
    with pytest.raises(RateLimited):
        await connector.edit(shown.ref, part("50"))
    await asyncio.sleep(0.01)
    assert (await connector.edit(shown.ref, part("50"))).text == "50"


async def test_on_slack_edits_are_shared_by_a_workspace_and_posts_by_a_channel() -> None:
    here, there = Place("m", "home", "here"), Place("m", "home", "there")
    assert like_slack(here, "edit") == like_slack(there, "edit")
    assert like_slack(here, "post") != like_slack(there, "post")
    assert like_slack(here, "edit") != like_slack(Place("m", "other", "here"), "edit")


async def test_on_discord_posts_and_edits_share_a_channel() -> None:
    connector = MemoryConnector(budgets=like_discord)
    shown = await connector.post(connector.place, part("0"), "key")
    for i in range(4):
        await connector.edit(shown.ref, part(str(i)))
    with pytest.raises(RateLimited):
        await connector.post(connector.place, part("more"), "other key")
    elsewhere = Place(connector.name, "home", "elsewhere")
    assert (await connector.post(elsewhere, part("here"), "third key")).text == "here"


async def test_white_space_at_both_ends_is_dropped() -> None:
    connector = MemoryConnector()
    assert (await connector.post(connector.place, part("\n  One \n"), "key")).text == "One"


async def test_an_empty_message_is_refused() -> None:
    connector = MemoryConnector()
    with pytest.raises(Refused):
        await connector.post(connector.place, part(" \n"), "key")


async def test_an_edit_of_a_message_that_never_was_says_that_it_is_gone() -> None:
    connector = MemoryConnector()
    with pytest.raises(Gone):
        await connector.edit(MessageRef(connector.place, "99"), part("One"))


async def test_a_call_takes_its_latency_and_half_of_it_before_the_effect() -> None:
    connector = MemoryConnector(latency=2.0)
    shown = await connector.post(connector.place, part("One"), "key")
    assert now() == 2
    assert connector.platform.messages[shown.ref].versions[0].at == 1


async def test_a_closed_connector_makes_no_calls_and_takes_no_questions() -> None:
    connector = MemoryConnector()
    await connector.aclose()
    assert not await connector.ask("Question").accepted()
    with pytest.raises(Unavailable):
        await connector.post(connector.place, part("One"), "key")


# The record of what was done.


async def test_every_version_of_a_message_is_kept_with_its_time() -> None:
    connector = MemoryConnector()
    shown = await connector.post(connector.place, part("One", last=False), "key")
    await asyncio.sleep(3)
    await connector.edit(shown.ref, part("One, two"))
    versions = connector.platform.messages[shown.ref].versions
    assert [(version.at, version.text) for version in versions] == [(0, "One"), (3, "One, two")]


async def test_a_message_that_offers_to_stop_looks_unfinished() -> None:
    connector = MemoryConnector()
    shown = await connector.post(connector.place, part("One", controls=(Control.STOP,)), "key")
    message = connector.platform.messages[shown.ref]
    assert message.writing
    await connector.edit(shown.ref, part("One, two", controls=(Control.RETRY,)))
    assert not message.writing


async def test_two_edits_of_one_message_at_once_are_noted() -> None:
    connector = MemoryConnector(latency=1.0)
    shown = await connector.post(connector.place, part("One"), "key")
    await connector.edit(shown.ref, part("Two"))
    assert connector.platform.overlaps == []
    await asyncio.gather(*(connector.edit(shown.ref, part(text)) for text in ("Three", "Four")))
    assert connector.platform.overlaps == [shown.ref]


async def test_every_call_is_noted_with_its_time_and_its_error() -> None:
    connector = MemoryConnector(budgets=like_discord)
    for i in range(5):
        await connector.post(connector.place, part("x"), str(i))
    with pytest.raises(RateLimited):
        await connector.post(connector.place, part("x"), "5")
    calls = connector.platform.calls
    assert [call.number for call in calls] == [1, 2, 3, 4, 5, 6]
    assert [type(call.error) for call in calls[-2:]] == [type(None), RateLimited]


async def test_signals_are_noted() -> None:
    connector = MemoryConnector()
    await connector.signal(connector.place, Status.THINKING)
    assert connector.platform.signals == [(connector.place, Status.THINKING)]


# Faults on demand.


@pytest.mark.parametrize("error", [Unavailable("down"), TooLarge("no"), RateLimited("slow", 3.0)])
async def test_a_fault_comes_before_the_effect(error: ConnectorError) -> None:
    connector = MemoryConnector(
        budgets=generous, fault=lambda call, n: error if (call, n) == ("edit", 2) else None
    )
    shown = await connector.post(connector.place, part("0"), "key")
    await connector.edit(shown.ref, part("1"))
    with pytest.raises(type(error)):
        await connector.edit(shown.ref, part("2"))
    assert (await connector.read(shown.ref)).text == "1"
    assert (await connector.edit(shown.ref, part("3"))).text == "3"


async def test_a_lost_answer_comes_after_the_effect() -> None:
    connector = MemoryConnector(budgets=generous, fault=lambda _, n: Lost() if n == 1 else None)
    with pytest.raises(Unavailable):
        await connector.post(connector.place, part("One"), "key")
    (message,) = connector.platform.messages.values()
    assert message.text == "One"
    assert (await connector.post(connector.place, part("One"), "key")).ref == message.ref


# What people do.


async def test_a_person_presses_a_control_that_is_there() -> None:
    connector = MemoryConnector()
    shown = await connector.post(connector.place, part("One", controls=(Control.STOP,)), "key")
    bob = Person("bob", "Bob")
    pressed = connector.press(shown.ref, Control.STOP, bob)
    assert pressed.event == Pressed(shown.ref, bob, Control.STOP, RUN)


@pytest.mark.parametrize(
    "shown",
    [part("One"), Part(None, 0, AnswerText("One"), controls=(Control.RETRY,))],
    ids=["none", "no run"],
)
async def test_a_control_that_is_not_there_cannot_be_pressed(shown: Part) -> None:
    connector = MemoryConnector()
    ref = (await connector.post(connector.place, shown, "key")).ref
    with pytest.raises(ValueError, match="shows no retry"):
        connector.press(ref, Control.RETRY)


async def test_a_command_is_an_event_and_no_message() -> None:
    connector = MemoryConnector()
    incoming = connector.command("new")
    assert isinstance(incoming.event, Commanded)
    assert incoming.event.command == "new"
    assert connector.platform.messages == {}


async def test_an_event_can_be_delivered_twice() -> None:
    connector = MemoryConnector()
    first = connector.ask("Question")
    again = connector.deliver(first.event)
    assert again.event == first.event
    assert len(connector.platform.messages) == 1


async def test_history_keeps_to_its_place_and_leaves_out_what_was_deleted() -> None:
    connector = MemoryConnector()
    thread = Place(connector.name, "home", "general", thread="1")
    kept = connector.ask("kept").event.message
    connector.ask("elsewhere", place=thread)
    connector.delete(connector.ask("deleted").event.message)
    last = connector.ask("last").event.message
    history = await connector.history(connector.place, last, limit=10)
    assert [said.ref for said in history] == [kept]


async def test_no_history_is_empty() -> None:
    connector = MemoryConnector()
    connector.ask("earlier")
    last = connector.ask("last").event.message
    assert await connector.history(connector.place, last, limit=0) == []


async def test_times_of_history_are_microseconds_since_the_epoch() -> None:
    connector = MemoryConnector(clock=lambda: 1_700_000_000.5)
    connector.ask("earlier")
    last = connector.ask("last").event.message
    (said,) = await connector.history(connector.place, last, limit=10)
    assert said.at_us == 1_700_000_000_500_000


async def test_a_restarted_process_finds_the_messages_as_they_were() -> None:
    before = MemoryConnector(budgets=generous)
    shown = await before.post(before.place, part("One", last=False), "key")
    await before.aclose()
    after = MemoryConnector(budgets=generous, platform=before.platform)
    assert await after.read(shown.ref) == shown
    assert (await after.post(after.place, part("Two"), "other key")).ref != shown.ref
