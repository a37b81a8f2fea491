"""`/everytoken tools off` and `on`: for admins, and for every process at once."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.identity import Account, Named
from bot.intake import IntakeOptions
from connectors.base import Order, Person
from connectors.memory import ALICE
from tests.doubles.way import Way, a_way

ADMIN = Person("eve", "Eve")


@pytest.fixture
async def way() -> AsyncIterator[Way]:
    async with a_way(["Hello."], intake=IntakeOptions(admins=frozenset({Named("eve")}))) as way:
        yield way


async def told(way: Way, command: Order, person: Person) -> str:
    """What a person alone is told of a command."""
    assert await way.connector.command(command, person).accepted()
    await way.intake.settled()
    message = way.messages[-1]
    assert message.part is not None
    assert message.part.to == person
    return message.text


async def test_an_admin_turns_tools_off_and_on(way: Way) -> None:
    assert "Tools are off now" in await told(way, "tools off", ADMIN)
    (brake,) = await way.store.brakes.every()
    assert brake.by == str(Account.of(way.connector.place, ADMIN))
    assert await way.store.calls.off()
    assert "Tools are on now" in await told(way, "tools on", ADMIN)
    assert not await way.store.calls.off()


@pytest.mark.parametrize("command", ["tools off", "tools on"])
async def test_nobody_else_does(way: Way, command: Order) -> None:
    if command == "tools on":
        await way.store.brakes.put_on("tools")
    before = await way.store.calls.off()
    assert await told(way, command, ALICE) == "Only an admin of the bot can do that."
    assert await way.store.calls.off() == before


async def test_the_other_commands_need_no_admin(way: Way) -> None:
    assert "Forgotten" in await told(way, "new", ALICE)
    assert (await way.connector.command("stop", ALICE).accepted()) is True
