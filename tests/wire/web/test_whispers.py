"""What one visitor is told alone: on their screens only, whichever process says it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.base import AnswerText, Control, Part, Person, Preflight, Status, Whispers
from connectors.web import WebConnector, desk
from connectors.web.access import REALM
from connectors.web.messages import PageMessages
from connectors.words import Language, Sentence
from tests.doubles.page import ABOUT, RUN, SECRET_KEY, Bot, part, serving
from tests.doubles.said import Spoken
from tests.wire.web.test_connector import HERE
from tests.wire.web.test_socket import Visitor, visit

pytestmark = pytest.mark.real_time

ANN, BEN = (Person(f"person-{name}", "You", realm=REALM) for name in ("ann", "ben"))
ALONE = "Only you can see this."
NOT_YOURS = Sentence("notice.not_theirs")


@dataclass
class Room:
    """One conversation, which two people have open; Ann in two windows."""

    connector: WebConnector
    address: str
    ann: Visitor
    ann_again: Visitor
    ben: Visitor


@pytest.fixture
async def room(
    connector: WebConnector, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Room]:
    """All three look."""
    assert bot.accepts
    monkeypatch.setattr(desk, "LOOK_S", 0.05)
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(serving(connector))
        people = [ANN.id, ANN.id, BEN.id]
        looking = [await stack.enter_async_context(visit(address, each)) for each in people]
        for each in looking:
            await each.open()
        yield Room(connector, address, *looking)


async def heard(visitor: Visitor, seconds: float = 0.4) -> list[dict[str, Any]]:
    """What a page is told until it is told nothing more."""
    frames = []
    while True:
        try:
            frames.append(json.loads(await asyncio.wait_for(visitor.connection.recv(), seconds)))
        except TimeoutError:
            return frames


async def shown(visitor: Visitor) -> list[str]:
    """The ids of what a page shows when it is opened again."""
    await heard(visitor)
    return [message["id"] for message in await visitor.open()]


async def test_a_whisper_is_on_all_screens_of_one_person_and_on_nobody_else_s(room: Room) -> None:
    assert isinstance(room.connector, Whispers)
    await room.connector.whisper(HERE, BEN, Spoken("Not **you**."), "key")
    frames = await heard(room.ben)
    assert {frame["type"] for frame in frames} == {"message"}, frames
    # Where a look and the whisper meet, a page may be told twice: it is one message there.
    message, *again = [frame["message"] for frame in frames]
    assert {each["id"] for each in again} <= {message["id"]}, frames
    assert (message["html"], message["footer"]) == ("<p>Not <strong>you</strong>.</p>\n", ALONE)
    assert (message["alone"], message["controls"]) == (True, [])
    assert await heard(room.ann) == []
    assert await shown(room.ben) == [message["id"]]
    assert await shown(room.ann) == []
    await room.connector.whisper(HERE, ANN, Spoken("You."), "for Ann")
    for window in (room.ann, room.ann_again):
        assert (await window.hear("message"))["message"]["html"] == "<p>You.</p>\n"
    assert await heard(room.ben) == []


async def test_the_same_key_whispers_once(room: Room) -> None:
    for _ in range(2):
        await room.connector.whisper(HERE, BEN, Spoken("Once."), "key")
    assert len(await shown(room.ben)) == 1


async def test_a_part_to_one_person_is_a_whisper(room: Room) -> None:
    await room.connector.post(HERE, Part(None, 0, AnswerText("Yours."), last=True, to=BEN), "key")
    assert (await room.ben.hear("message"))["message"]["alone"]
    assert await heard(room.ann) == []


async def test_another_process_s_whisper_reaches_its_person_alone(
    room: Room, engine: AsyncEngine
) -> None:
    other = WebConnector(engine, about=ABOUT, secret_keys=(SECRET_KEY,))
    await other.whisper(HERE, BEN, Spoken("From afar."), "key")
    await other.post(HERE, part("For all."), "another key")
    told = [frame["message"]["html"] for frame in await heard(room.ben)]
    assert sorted(told) == ["<p>For all.</p>\n", "<p>From afar.</p>\n"]
    assert [frame["message"]["html"] for frame in await heard(room.ann)] == ["<p>For all.</p>\n"]
    await other.aclose()


async def test_nobody_else_can_act_on_it_or_learn_that_it_is_there(room: Room) -> None:
    await room.connector.whisper(HERE, BEN, Spoken("Yours."), "key")
    whispered = (await room.ben.hear("message"))["message"]["id"]
    for frame in ({"type": "delete"}, {"type": "press", "control": "up"}):
        assert "not there" in await room.ann.refused(message=whispered, **frame)
    await room.ben.say(type="delete", message=whispered)
    assert (await room.ben.hear("deleted"))["id"] == whispered
    assert await heard(room.ann) == []
    assert await shown(room.ben) == []


async def test_it_is_no_part_of_the_conversation(room: Room) -> None:
    """The model is not given it, and what all wait for goes on."""
    await room.connector.signal(HERE, Status.THINKING)
    await room.connector.whisper(HERE, BEN, Spoken("Aside."), "key")
    await room.connector.post(HERE, part("Said to all."), "before")
    last = await room.connector.post(HERE, part("x", Control.UP, index=1), "last")
    told = await room.connector.history(HERE, last.ref, 10)
    assert [said.text for said in told] == ["Said to all."]
    statuses = [frame["status"] for frame in await heard(room.ann) if frame["type"] == "status"]
    assert statuses == ["thinking", "idle"]


async def test_a_whisper_ends_no_status(room: Room) -> None:
    await room.connector.signal(HERE, Status.THINKING)
    await room.connector.whisper(HERE, BEN, Spoken("Aside."), "key")
    assert [each["type"] for each in await heard(room.ann)] == ["status"]


async def test_a_person_s_whispers_are_shown_and_erased_with_what_is_kept_of_them(
    room: Room,
) -> None:
    await room.connector.whisper(HERE, BEN, Spoken("Yours."), "key")
    await room.connector.whisper(HERE, ANN, Spoken("Hers."), "another")
    assert [row["text"] for row in await room.connector.data_of(BEN.id, [])] == ["Yours."]
    assert await room.connector.erase(BEN.id, []) == 1
    assert await shown(room.ben) == []
    assert len(await shown(room.ann)) == 1


async def test_the_bot_is_asked_whose_answer_it_is_before_one_is_deleted(
    engine: AsyncEngine,
) -> None:
    """As the bot says, so it is; whoever is refused is told alone."""
    connector = WebConnector(engine, about=ABOUT, secret_keys=(SECRET_KEY,))
    asked: list[Preflight] = []

    async def bot() -> None:
        async for incoming in connector.events():
            event = incoming.event
            if not isinstance(event, Preflight):
                incoming.accept()
                continue
            asked.append(event)
            if event.person.id == ANN.id:
                incoming.accept()
            else:
                incoming.decline(NOT_YOURS.to(Language.ENGLISH))

    running = asyncio.create_task(bot())
    async with (
        serving(connector) as address,
        visit(address, ANN.id) as ann,
        visit(address, BEN.id) as ben,
    ):
        answer = await connector.post(HERE, part("x"), "key")
        for each in (ann, ben):
            await each.open()
        assert (
            await ben.refused(type="delete", message=answer.ref.id)
            == NOT_YOURS.to(Language.ENGLISH).text
        )
        assert await heard(ann) == []
        assert await PageMessages(engine).find(HERE.channel, answer.ref.id)
        await ann.say(type="delete", message=answer.ref.id)
        assert (await ben.hear("deleted"))["id"] == answer.ref.id
    await running
    assert asked == [Preflight(HERE, person, False, RUN) for person in (BEN, ANN)]
