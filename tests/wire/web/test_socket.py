"""The page's WebSocket over a real server: what it may say, and what it is told."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from connectors.base import Asked, Commanded, Control, Deleted, Pressed, Status
from connectors.web import WebConnector
from connectors.web.access import PURPOSE, VISITOR_COOKIE
from connectors.web.desk import place_of
from connectors.web.hub import CAPACITY, Outbox
from connectors.web.protocol import FRAME_LIMIT, TEXT_LIMIT
from connectors.web.signing import signed
from tests.doubles.page import RUN, SECRET_KEY, Bot, part
from tests.doubles.said import Spoken

pytestmark = pytest.mark.real_time

TALK = "conversation-1"
HERE = place_of(TALK)


class Visitor:
    """A browser that is a script."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def say(self, **frame: Any) -> None:
        """Sends a frame."""
        await self.connection.send(json.dumps(frame))

    async def hear(self, kind: str) -> dict[str, Any]:
        """The next frame, which has to be of this type."""
        frame = json.loads(await asyncio.wait_for(self.connection.recv(), 10))
        assert frame["type"] == kind, frame
        return dict(frame)

    async def open(self, conversation: str = TALK) -> list[dict[str, Any]]:
        """Opens a conversation; what it shows."""
        await self.say(type="open", conversation=conversation)
        snapshot = await self.hear("snapshot")
        assert snapshot["conversation"] == conversation
        return list(snapshot["messages"])

    async def refused(self, **frame: Any) -> str:
        """Sends a frame that is refused; why."""
        await self.say(**frame)
        return str((await self.hear("refused"))["why"])


@asynccontextmanager
async def visit(address: str, person: str = "person-ann") -> AsyncIterator[Visitor]:
    """A socket of a person's, opened as their browser does."""
    headers = {"Cookie": f"{VISITOR_COOKIE}={signed(SECRET_KEY, PURPOSE, person)}"}
    url = f"ws://{address}/ws"
    origin = f"http://{address}"
    async with connect(url, origin=origin, additional_headers=headers, proxy=None) as connection:  # type: ignore[arg-type]  # Origin is a NewType of str
        yield Visitor(connection)


@pytest.fixture
async def visitor(address: str) -> AsyncIterator[Visitor]:
    """A visitor who has not opened anything."""
    async with visit(address) as visitor:
        yield visitor


async def test_a_question_is_stored_handed_on_and_accepted(visitor: Visitor, bot: Bot) -> None:
    """In this order, and it is there when the conversation is opened again."""
    assert await visitor.open() == []
    await visitor.say(type="ask", id="question-1", text=" <b>why?</b>\n")
    asked = await bot.next(Asked)
    assert (asked.message.place, asked.message.id) == (HERE, "question-1")
    assert (asked.text, asked.person.id) == ("<b>why?</b>", "person-ann")
    assert (await visitor.hear("message"))["message"]["text"] == "<b>why?</b>"
    assert (await visitor.hear("accepted"))["id"] == "question-1"
    (message,) = await visitor.open()
    assert (message["id"], message["by_bot"], message["author"]) == ("question-1", False, "You")


async def test_a_post_and_its_edits_are_told_with_growing_versions(
    visitor: Visitor, bot: Bot
) -> None:
    """The frame has all that the page needs."""
    await visitor.open()
    shown = await bot.connector.post(HERE, part("*Well*", Control.STOP), "k")
    message = (await visitor.hear("message"))["message"]
    assert message == {
        "id": shown.ref.id,
        "seq": 1,
        "author": "Everytoken",
        "by_bot": True,
        "alone": False,
        "html": "<p><em>Well</em></p>\n",
        "controls": ["stop"],
        "footer": "",
        "run_id": str(RUN),
        "part": 0,
        "last": False,
        "version": 1,
        "files": [],
        "about": None,
        "failed": False,
        "instead": None,
        "verdict": None,
    }
    await bot.connector.edit(
        shown.ref, part("Done", Control.UP, footer=Spoken("verified"), last=True)
    )
    edited = (await visitor.hear("message"))["message"]
    assert (edited["version"], edited["controls"]) == (2, ["up", "retry"])
    assert edited["source"] == "Done"
    assert (edited["footer"], edited["last"]) == ("verified", True)


async def test_a_question_can_be_asked_instead_of_ones_own_alone(
    visitor: Visitor, bot: Bot
) -> None:
    await visitor.open()
    await visitor.say(type="ask", id="question-1", text="waht?")
    await bot.next(Asked)
    shown = await bot.connector.post(HERE, part("Well", Control.UP, last=True), "k")
    for kind in ("message", "accepted", "message"):
        await visitor.hear(kind)
    for other in (shown.ref.id, "nobody-asked-it"):
        await visitor.say(type="ask", id="question-2", text="what?", instead=other)
        assert (await visitor.hear("refused"))["id"] == "question-2"
    await visitor.say(type="ask", id="question-3", text="what?", instead="question-1")
    await bot.next(Asked)
    for kind in ("message", "accepted"):
        await visitor.hear(kind)
    assert [each["instead"] for each in await visitor.open()] == [None, None, 1]


async def test_a_question_that_the_bot_refuses_is_taken_back(visitor: Visitor, bot: Bot) -> None:
    """It does not stand there unanswered, and may be sent again."""
    bot.accepts = False
    await visitor.open()
    await visitor.say(type="ask", id="question-1", text="hello")
    await bot.next(Asked)
    frames = [json.loads(await visitor.connection.recv())["type"]]
    while frames[-1] != "refused":
        frames.append(json.loads(await visitor.connection.recv())["type"])
    assert frames[-2] == "deleted"
    assert await visitor.open() == []
    bot.accepts = True
    await visitor.say(type="ask", id="question-1", text="hello")
    await visitor.hear("message")
    await visitor.hear("accepted")


async def test_the_same_question_again_is_the_same_message(visitor: Visitor, bot: Bot) -> None:
    """A page that lost its connection sends again what was not accepted."""
    await visitor.open()
    for _ in range(2):
        await visitor.say(type="ask", id="question-1", text="hello")
        assert (await bot.next(Asked)).message.id == "question-1"
        await visitor.hear("message")
        await visitor.hear("accepted")
    assert len(await visitor.open()) == 1


async def test_a_question_can_not_take_the_name_of_another_message(
    visitor: Visitor, bot: Bot
) -> None:
    """Neither of the bot's, nor of somebody else's."""
    await visitor.open()
    shown = await bot.connector.post(HERE, part("mine"), "k")
    await visitor.hear("message")
    assert "again" in await visitor.refused(type="ask", id=shown.ref.id, text="yours")
    assert (await bot.connector.read(shown.ref)).text == "mine"


async def test_typed_commands_are_commands(visitor: Visitor, bot: Bot) -> None:
    """`/new` and `/stop`; with more words behind it is a question."""
    await visitor.open()
    for name, words in (("command-1", "/new"), ("command-2", " /stop ")):
        await visitor.say(type="ask", id=name, text=words)
        command = await bot.next(Commanded)
        assert f"/{command.command}" == words.strip()
        await visitor.hear("message")
        await visitor.hear("accepted")
    await visitor.say(type="ask", id="question-1", text="/new ideas?")
    assert (await bot.next(Asked)).text == "/new ideas?"


async def test_a_control_can_be_pressed_while_the_message_has_it(
    visitor: Visitor, bot: Bot
) -> None:
    """What the message does not offer is refused."""
    await visitor.open()
    shown = await bot.connector.post(HERE, part("x", Control.STOP), "k")
    await visitor.hear("message")
    await visitor.say(type="press", message=shown.ref.id, control="stop")
    pressed = await bot.next(Pressed)
    assert (pressed.message, pressed.control, pressed.run_id) == (shown.ref, Control.STOP, RUN)
    assert "any more" in await visitor.refused(type="press", message=shown.ref.id, control="retry")
    assert "not there" in await visitor.refused(
        type="press", message="some-message", control="stop"
    )
    bot.accepts = False
    assert "try again" in await visitor.refused(type="press", message=shown.ref.id, control="stop")


async def test_an_answer_can_be_deleted_and_the_bot_hears_of_it(visitor: Visitor, bot: Bot) -> None:
    """Everybody who looks is told."""
    await visitor.open()
    shown = await bot.connector.post(HERE, part("x"), "k")
    await visitor.hear("message")
    await visitor.say(type="delete", message=shown.ref.id)
    assert (await visitor.hear("deleted"))["id"] == shown.ref.id
    assert await bot.next(Deleted) == Deleted(shown.ref)
    assert await visitor.open() == []


async def test_nobody_deletes_what_another_person_said(
    visitor: Visitor, bot: Bot, address: str
) -> None:
    """Also if they have the conversation's address."""
    await visitor.open()
    await visitor.say(type="ask", id="question-1", text="hello")
    await bot.next(Asked)
    async with visit(address, "person-bob") as other:
        assert len(await other.open()) == 1
        assert "Only who" in await other.refused(type="delete", message="question-1")
        assert "again" in await other.refused(type="ask", id="question-1", text="hello")


async def test_a_message_of_another_conversation_can_not_be_reached(
    visitor: Visitor, bot: Bot
) -> None:
    """A socket acts in the conversation that it has opened, and nowhere else."""
    shown = await bot.connector.post(HERE, part("x", Control.STOP), "k")
    await visitor.open("conversation-2")
    for frame in ({"type": "press", "control": "stop"}, {"type": "delete"}):
        assert "not there" in await visitor.refused(message=shown.ref.id, **frame)


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        ("not json", "JSON object"),
        ("[" * 50_000, "JSON object"),
        ("[]", "JSON object"),
        ('{"type": "dance"}', "does not know"),
        ('{"type": []}', "does not know"),
        ('{"type": "open"}', "proper conversation"),
        ('{"type": "open", "conversation": "../../etc"}', "proper conversation"),
        ('{"type": "open", "conversation": 12345678}', "proper conversation"),
        ('{"type": "ask", "id": "question-1", "text": " \\n "}', "no text"),
        ('{"type": "ask", "id": "question-1", "text": 7}', "no text"),
        ('{"type": "ask", "id": "q", "text": "x"}', "proper id"),
        ('{"type": "press", "message": "message-1", "control": "dance"}', "proper control"),
        ('{"type": "press", "message": "message-1", "control": []}', "proper control"),
        ('{"type": "delete", "message": "message-1"}', "opened no conversation"),
        (
            json.dumps({"type": "ask", "id": "question-1", "text": "x" * (TEXT_LIMIT + 1)}),
            "20,001 characters; the most is 20,000",
        ),
    ],
)
async def test_what_makes_no_sense_is_refused_in_a_plain_sentence(
    visitor: Visitor, frame: str, why: str
) -> None:
    """And the socket stays open for what does."""
    await visitor.connection.send(frame)
    assert why in (await visitor.hear("refused"))["why"]
    assert await visitor.open() == []


@pytest.mark.parametrize(
    ("frame", "code"), [("x" * (FRAME_LIMIT + 1), 1009), ("x" * 10_000_000, 1009), (b"x", 1003)]
)
async def test_a_frame_that_is_too_large_or_binary_ends_its_socket_only(
    visitor: Visitor, bot: Bot, address: str, frame: str | bytes, code: int
) -> None:
    """The next visitor is served as ever."""
    with suppress(ConnectionClosed):  # while it is still being sent, where it is very large
        await visitor.connection.send(frame)
    with pytest.raises(ConnectionClosed):
        await visitor.connection.recv()
    assert visitor.connection.close_code in (code, 1006)
    async with visit(address) as other:
        await other.open()
        await other.say(type="ask", id="question-1", text="hello")
        await bot.next(Asked)


async def test_the_longest_question_arrives_however_json_writes_it(
    visitor: Visitor, bot: Bot
) -> None:
    """A control character takes six times the room."""
    await visitor.open()
    await visitor.say(type="ask", id="question-1", text="\x01" * TEXT_LIMIT)
    assert len((await bot.next(Asked)).text) == TEXT_LIMIT


async def test_surrogates_and_nul_in_a_question_are_made_storable(
    visitor: Visitor, bot: Bot
) -> None:
    """JSON can carry what no database takes."""
    await visitor.open()
    await visitor.connection.send(r'{"type":"ask","id":"question-1","text":"a\ud800b\u0000c"}')
    assert (await bot.next(Asked)).text == "a\ufffdb\ufffdc"


async def test_a_status_is_told_and_kept_until_the_bot_writes(visitor: Visitor, bot: Bot) -> None:
    """Who comes while the bot thinks is told too; the first words end it."""
    await visitor.open()
    await bot.connector.signal(HERE, Status.THINKING)
    assert (await visitor.hear("status"))["status"] == "thinking"
    await visitor.open()
    assert (await visitor.hear("status"))["status"] == "thinking"
    await bot.connector.post(HERE, part("x"), "k")
    await visitor.hear("message")
    assert (await visitor.hear("status"))["status"] == "idle"


@pytest.mark.usefixtures("bot")
async def test_a_failing_database_is_said_in_plain_words(
    visitor: Visitor, engine: AsyncEngine
) -> None:
    """The socket outlives it."""
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE web_messages RENAME TO away"))
    assert "database" in await visitor.refused(type="open", conversation=TALK)
    assert "database" in await visitor.refused(type="ask", id="question-1", text="hello")
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE away RENAME TO web_messages"))
    assert await visitor.open() == []


async def test_closing_the_connector_closes_its_sockets_with_1012(
    visitor: Visitor, connector: WebConnector
) -> None:
    """The page then knows that the server comes back."""
    await visitor.open()
    await connector.aclose()
    with pytest.raises(ConnectionClosed):
        await visitor.connection.recv()
    assert visitor.connection.close_code == 1012


async def test_a_socket_that_breaks_off_harms_nobody(
    visitor: Visitor, bot: Bot, address: str
) -> None:
    """No goodbye, in the middle of an answer; the other reader gets all of it."""
    await visitor.open()
    async with visit(address) as other:
        await other.open()
        shown = await bot.connector.post(HERE, part("1"), "k")
        await other.hear("message")
        other.connection.transport.abort()
    await bot.connector.edit(shown.ref, part("1 2"))
    await visitor.hear("message")
    assert "1 2" in (await visitor.hear("message"))["message"]["html"]


async def test_a_browser_that_reads_nothing_delays_nobody(bot: Bot, address: str) -> None:
    """Posts and edits go on; when it reads again it gets what is newest, not all that was."""
    loop = asyncio.get_running_loop()
    with await _deaf(address) as deaf:
        shown = await bot.connector.post(HERE, part("0"), "k")
        for number in range(1, 100):
            shown = await bot.connector.edit(shown.ref, part(f"edit-{number} " + "x" * 3900))
        heard = b""
        while b"edit-99 " not in heard:
            heard += await asyncio.wait_for(loop.sock_recv(deaf, 65536), 10)
    assert heard.count(b"edit-") < 99


async def _deaf(address: str) -> socket.socket:
    """A browser that opens a conversation and then reads nothing; its buffer is small."""
    loop = asyncio.get_running_loop()
    deaf = socket.socket()
    deaf.setblocking(False)
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    host, _, port = address.partition(":")
    await loop.sock_connect(deaf, (host, int(port)))
    handshake = (
        f"GET /ws HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    await loop.sock_sendall(deaf, handshake.encode())
    await _until(deaf, b"\r\n\r\n")
    opening = json.dumps({"type": "open", "conversation": TALK}).encode()
    # A client's frame: final, text; masked, short; a mask of zeros.
    await loop.sock_sendall(deaf, bytes([0x81, 0x80 | len(opening), 0, 0, 0, 0]) + opening)
    await _until(deaf, b"snapshot")
    return deaf


async def _until(reader: socket.socket, mark: bytes) -> None:
    heard = b""
    while mark not in heard:
        heard += await asyncio.get_running_loop().sock_recv(reader, 1024)


async def test_an_outbox_keeps_only_the_newest_version() -> None:
    """Stale versions are dropped, whichever comes last; order is by first news."""
    outbox = Outbox()
    outbox.put("message a", lambda: "a2", 2)
    outbox.put("message b", lambda: "b1", 1)
    outbox.put("message a", lambda: "a3", 3)
    outbox.put("message a", lambda: "a1", 1)
    encodes = [await outbox.next(), await outbox.next()]
    assert [encode() for encode in encodes if callable(encode)] == ["a3", "b1"]


async def test_a_snapshot_comes_before_what_happened_since_it_was_asked_for() -> None:
    """And what waited of the conversation before is dropped; answers to the page are not."""
    outbox = Outbox()
    outbox.put("message old", lambda: "old")
    outbox.put("answer x", lambda: "accepted")
    outbox.hold()
    outbox.put("message new", lambda: "new")
    outbox.release(lambda: "snapshot")
    encodes = [await outbox.next() for _ in range(3)]
    assert [encode() for encode in encodes if callable(encode)] == ["snapshot", "accepted", "new"]


async def test_an_outbox_that_is_full_lets_its_browser_go() -> None:
    """It comes back and gets a snapshot: cheaper than a queue without end."""
    outbox = Outbox()
    for number in range(CAPACITY + 1):
        outbox.put(f"message {number}", lambda: "x")
    assert await outbox.next() is None
    assert outbox.code == 1013
