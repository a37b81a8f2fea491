"""The playground as a connector: what is stored, shown, read back and told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.store.database import open_engine
from connectors.base import (
    Asked,
    Connector,
    Control,
    File,
    Gone,
    Inflow,
    MessageRef,
    Person,
    Place,
    TooLarge,
    Unavailable,
)
from connectors.web import WebConnector
from connectors.web.desk import Desk, place_of
from connectors.web.files import FileQuota, FileStore, Upload
from connectors.web.hub import Hub
from connectors.web.messages import PageMessages, metadata, storable
from connectors.web.protocol import Ask, Declined
from tests.contract.connector import next_event
from tests.doubles.databases import postgres_schema
from tests.doubles.page import ABOUT, RUN, part

pytestmark = pytest.mark.real_time


@pytest.fixture(params=["sqlite", "postgresql"])
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """A database of each kind, with the playground's table."""
    with ExitStack() as stack:
        url = f"sqlite:///{tmp_path / 'web.db'}"
        if request.param == "postgresql":
            url = stack.enter_context(postgres_schema())
        engine = open_engine(url, deadline=10)
        async with engine.begin() as connection:
            await connection.run_sync(metadata.create_all)
        yield engine
        await engine.dispose()


HERE = place_of("conversation-1")
ELSEWHERE = place_of("conversation-2")
ANN = Person("person-ann", "You")
BEN = Person("person-ben", "You")
OTHER = UUID("87654321-1234-5678-1234-567812345678")


@pytest.fixture
async def broken(tmp_path: Path) -> AsyncIterator[WebConnector]:
    """A playground whose table was never made."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}")
    yield WebConnector(engine, about=ABOUT)
    await engine.dispose()


async def say(engine: AsyncEngine, place: Place, words: str, name: str) -> MessageRef:
    """A person says something, and the bot takes it."""
    inflow = Inflow()
    desk = Desk(PageMessages(engine), FileStore(engine, FileQuota()), Hub(), inflow)
    asking = asyncio.create_task(desk.ask(place.channel, ANN, Ask(name, words)))
    incoming = await next_event(inflow.events())
    incoming.accept()
    await asking
    return incoming.event.message


async def test_it_is_a_connector(connector: WebConnector) -> None:
    """The type checker holds it against the protocol."""
    as_such: Connector = connector
    assert as_such.name == "web"
    assert connector.limits.length == 4000
    assert connector.limits.receipts


async def test_a_post_is_read_as_it_is_drawn_and_its_source_is_what_the_table_holds(
    connector: WebConnector,
) -> None:
    """White space at both ends is stripped, and `read` says the same."""
    shown = await connector.post(HERE, part(" \n Hello, *you*. \n"), "k")
    assert (shown.text, shown.source) == ("Hello, you.", "Hello, *you*.")
    assert shown.ref.place == HERE
    assert await connector.read(shown.ref) == shown


async def test_the_same_key_posts_once(connector: WebConnector) -> None:
    """Also when both posts are under way at the same moment."""
    first, second = await asyncio.gather(
        connector.post(HERE, part("one"), "k"), connector.post(HERE, part("two"), "k")
    )
    assert first == second
    assert await connector.post(HERE, part("three"), "k") == first
    assert await connector.post(HERE, part("one"), "other") != first


async def test_an_edit_replaces_the_text(connector: WebConnector) -> None:
    """The message stays the same message."""
    posted = await connector.post(HERE, part("one"), "k")
    edited = await connector.edit(posted.ref, part("two", Control.RETRY))
    assert edited.ref == posted.ref
    assert edited.text == "two"
    assert await connector.read(posted.ref) == edited


async def test_what_is_shown_is_read_from_the_table_and_no_echo(
    connector: WebConnector, engine: AsyncEngine
) -> None:
    """Where the database changes a text behind our back, `Shown` says so."""
    if engine.dialect.name != "sqlite":
        pytest.skip("the trigger is written for SQLite")
    trigger = (
        "CREATE TRIGGER meddle AFTER {} ON web_messages WHEN NEW.text LIKE '%whole%' "
        "BEGIN UPDATE web_messages SET text = 'ha' WHERE seq = NEW.seq; END"
    )
    async with engine.begin() as connection:
        await connection.execute(text(trigger.format("INSERT").replace("meddle", "meddle_1")))
        await connection.execute(text(trigger.format("UPDATE")))
    posted = await connector.post(HERE, part("the whole text"), "k")
    assert posted.text == "ha"
    assert (await connector.edit(posted.ref, part("the whole text"))).text == "ha"


@pytest.mark.parametrize("ref", [MessageRef(HERE, "never"), None])
async def test_a_message_that_is_not_there_is_gone(
    connector: WebConnector, engine: AsyncEngine, ref: MessageRef | None
) -> None:
    """One that never was, and one that was deleted."""
    if ref is None:
        ref = (await connector.post(HERE, part("x"), "k")).ref
        assert await PageMessages(engine).delete(HERE.channel, ref.id)
        assert not await PageMessages(engine).delete(HERE.channel, ref.id)
    with pytest.raises(Gone):
        await connector.edit(ref, part("y"))
    with pytest.raises(Gone):
        await connector.read(ref)


async def test_a_message_is_there_in_its_own_conversation_only(connector: WebConnector) -> None:
    """Knowing a message's name is not enough."""
    shown = await connector.post(HERE, part("x"), "k")
    with pytest.raises(Gone):
        await connector.edit(MessageRef(ELSEWHERE, shown.ref.id), part("y"))


async def test_the_bot_can_not_edit_what_a_person_said(
    connector: WebConnector, engine: AsyncEngine
) -> None:
    """A person's words are theirs."""
    asked = await say(engine, HERE, "mine", "question-1")
    with pytest.raises(Gone):
        await connector.edit(asked, part("changed"))
    assert (await connector.read(asked)).text == "mine"


async def test_a_text_over_the_limit_is_too_long(connector: WebConnector) -> None:
    """4,000 characters are taken, one more is not; the message stays as it was."""
    shown = await connector.post(HERE, part("x" * 4000), "k")
    with pytest.raises(TooLarge):
        await connector.edit(shown.ref, part("x" * 4001))
    with pytest.raises(TooLarge):
        await connector.post(HERE, part("x" * 4001), "k2")
    assert len((await connector.read(shown.ref)).text) == 4000


async def test_history_is_the_newest_before_a_message_oldest_first(
    connector: WebConnector, engine: AsyncEngine
) -> None:
    """Without what was deleted, what was commanded, and what others said elsewhere."""
    await say(engine, HERE, "too old", "question-0")
    await say(engine, HERE, "one", "question-1")
    answer = await connector.post(HERE, part("two"), "k1")
    deleted = await connector.post(HERE, part("deleted"), "k2")
    await PageMessages(engine).delete(HERE.channel, deleted.ref.id)
    await say(engine, ELSEWHERE, "elsewhere", "question-2")
    await say(engine, HERE, "/new", "question-3")
    question = await say(engine, HERE, "three", "question-4")
    await connector.post(HERE, part("later"), "k3")
    said = await connector.history(HERE, question, 2)
    assert [one.text for one in said] == ["one", "two"]
    assert [one.by_bot for one in said] == [False, True]
    assert said[0].author == ANN
    assert said[1].ref == answer.ref
    assert 0 < said[0].at_us <= said[1].at_us


async def test_history_before_a_message_that_never_was_is_gone(connector: WebConnector) -> None:
    """It does not fall back to some other messages."""
    with pytest.raises(Gone):
        await connector.history(HERE, MessageRef(HERE, "never"), 5)


async def test_every_failure_of_the_database_is_unavailable(broken: WebConnector) -> None:
    """Nothing of SQLAlchemy crosses the seam; `probe` names the cure."""
    ref = MessageRef(HERE, "some-message")
    for call in (
        broken.post(HERE, part("x"), "k"),
        broken.edit(ref, part("x")),
        broken.read(ref),
        broken.history(HERE, ref, 1),
    ):
        with pytest.raises(Unavailable):
            await call
    with pytest.raises(Unavailable, match="everytoken db upgrade"):
        await broken.probe()


async def test_a_probe_of_a_sound_playground_says_nothing(connector: WebConnector) -> None:
    """The table is there."""
    await connector.probe()


async def test_posts_and_edits_of_a_conversation_share_a_budget(connector: WebConnector) -> None:
    """Five calls a second, for each conversation."""
    post = connector.budget(HERE, "post")
    assert (post.calls, post.seconds) == (5, 1.0)
    assert post == connector.budget(HERE, "edit")
    assert post.key != connector.budget(ELSEWHERE, "post").key


async def test_a_conversation_has_the_pace_and_the_length_that_its_name_says(
    connector: WebConnector,
) -> None:
    discord, slack = place_of("discord-12345678"), place_of("slack-12345678")
    assert [connector.limits.at(place).length for place in (HERE, discord, slack)] == [
        4000,
        2000,
        11_000,
    ]
    assert (
        connector.budget(discord, "edit").calls / connector.budget(discord, "edit").seconds == 0.8
    )
    assert connector.budget(slack, "edit").calls == 50
    with pytest.raises(TooLarge, match="the most is 2000"):
        await connector.post(discord, part("x" * 2001), "key")


async def test_only_conversations_at_slacks_pace_share_one_budget(connector: WebConnector) -> None:
    def key(name: str) -> str:
        return connector.budget(place_of(name), "edit").key

    assert key("slack-12345678") == key("slack-87654321")
    assert key("discord-12345678") != key("discord-87654321")


# Files.


async def test_a_file_goes_with_the_question_of_the_person_who_attached_it(
    connector: WebConnector, engine: AsyncEngine
) -> None:
    inflow = Inflow()
    desk = Desk(PageMessages(engine), FileStore(engine, FileQuota()), Hub(), inflow)
    upload = Upload("notes.txt", "text/plain", b"swordfish")
    attaching = asyncio.create_task(desk.attach(HERE.channel, ANN, upload))
    (await anext(inflow.events())).accept()
    file = await attaching
    ask = Ask("question-1", "", (file.id,))
    asking = asyncio.create_task(desk.ask(HERE.channel, ANN, ask))
    incoming = await next_event(inflow.events())
    incoming.accept()
    await asking
    assert isinstance(incoming.event, Asked)
    assert incoming.event.files == (File(file.id, "notes.txt", "text/plain", 9),)
    assert await connector.fetch(file, 9) == b"swordfish"
    with pytest.raises(TooLarge):
        await connector.fetch(file, 8)
    asking = asyncio.create_task(
        desk.ask(HERE.channel, BEN, Ask("question-2", "Mine?", (file.id,)))
    )
    (await anext(inflow.events())).accept()
    with pytest.raises(Declined, match=r"web\.file_gone"):
        await asking
    with pytest.raises(Gone):
        await connector.fetch(File("0" * 32, "x", "text/plain", 1), 9)


async def test_events_end_when_it_is_closed(connector: WebConnector) -> None:
    """The reader of events is not left waiting; closing twice does no harm."""
    reading = asyncio.create_task(anext(connector.events(), None))
    await connector.aclose()
    await connector.aclose()
    assert await reading is None


async def test_a_change_whose_caller_gives_up_is_made_and_told(
    connector: WebConnector, engine: AsyncEngine
) -> None:
    """No lock is left behind, and closing waits for it."""
    shown = await connector.post(HERE, part("one"), "k")
    editing = asyncio.create_task(connector.edit(shown.ref, part("two")))
    await asyncio.sleep(0)  # lets the edit begin; nothing is waited for
    editing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await editing
    await connector.aclose()
    message = await PageMessages(engine).find(HERE.channel, shown.ref.id)
    assert message is not None
    assert (message.text, message.version) == ("two", 2)


async def test_a_question_is_stored_before_the_bot_hears_of_it(
    connector: WebConnector, engine: AsyncEngine
) -> None:
    """Whoever gets the event can read the message."""
    inflow = Inflow()
    desk = Desk(PageMessages(engine), FileStore(engine, FileQuota()), Hub(), inflow)
    asking = asyncio.create_task(desk.ask(HERE.channel, ANN, Ask("question-1", " why? ")))
    incoming = await next_event(inflow.events())
    assert incoming.event == Asked(MessageRef(HERE, "question-1"), ANN, "why?")
    assert (await connector.read(incoming.event.message)).text == "why?"
    incoming.accept()
    await asking


def test_text_is_made_storable_for_every_database() -> None:
    """NUL and lone surrogates are marked, split pairs are joined, the rest is kept."""
    assert storable("a\0b\ud800c\udc00") == "a\ufffdb\ufffdc\ufffd"
    assert storable("\ud83d\ude00") == "😀"
    assert storable("\ufeffé") == "\ufeffé"


async def test_messages_from_before_a_time_are_deleted_and_later_ones_stay(
    engine: AsyncEngine, connector: WebConnector
) -> None:
    old = await say(engine, HERE, "old", "message-1")
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE web_messages SET at_us = 5"))
    young = await say(engine, HERE, "young", "message-2")
    assert await connector.delete_before(5) == 0
    assert await connector.delete_before(6) == 1
    assert (await connector.read(young)).text == "young"
    with pytest.raises(Gone):
        await connector.read(old)


async def test_all_of_a_person_can_be_shown_and_erased(
    engine: AsyncEngine, connector: WebConnector
) -> None:
    """What they said, what answered them, and what was said to them alone; nothing of others."""
    await say(engine, HERE, "mine", "message-1")
    await connector.post(HERE, part("answer"), "run:0")
    await connector.post(HERE, replace(part("notice"), run_id=None), f"re:x:y:z:m:{ANN.id}:notice")
    await connector.post(HERE, replace(part("theirs"), run_id=OTHER), "run:1")
    rows = await connector.data_of(ANN.id, [RUN])
    assert [row["text"] for row in rows] == ["mine", "answer", "notice"]
    assert [row["text"] for row in await connector.data_of(ANN.id, [])] == ["mine", "notice"]
    assert await connector.data_of("person-bob", []) == []
    assert await connector.erase(ANN.id, [RUN]) == 3
    assert await connector.data_of(ANN.id, [RUN]) == []
    assert [row["text"] for row in await connector.data_of("", [OTHER])] == ["theirs"]
