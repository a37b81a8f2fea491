"""One browser's WebSocket: reads what its page asks for, writes what there is to show."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from functools import partial

from starlette.websockets import WebSocket, WebSocketDisconnect

from connectors.base import Person
from connectors.web import protocol
from connectors.web.desk import Desk
from connectors.web.hub import Encode, Outbox, Shared
from connectors.web.protocol import Ask, Declined, Delete, Open, Press

AT_ONCE = 8
"""So many questions and presses of one socket may be on their way to the bot."""


class Browser:
    """A browser from its coming to its going.

    `errands` holds what was handed to the bot and not yet settled: it goes on when the browser
    has gone.
    """

    def __init__(
        self, socket: WebSocket, person: Person, desk: Desk, errands: set[asyncio.Task[None]]
    ) -> None:
        self._socket = socket
        self._person = person
        self._desk = desk
        self._errands = errands
        self._outbox = Outbox(person.id)
        self._conversation: str | None = None
        self._under_way = 0

    async def run(self) -> None:
        """Serves the browser, whose socket was accepted, until it goes or is let go."""
        self._desk.hub.join(self._outbox)
        try:
            async with asyncio.TaskGroup() as group:
                writing = group.create_task(self._write())
                await self._read()
                writing.cancel()
        finally:
            self._desk.hub.leave(self._outbox)

    def close(self, code: int) -> None:
        """Lets the browser go; nothing more is sent to it."""
        self._outbox.close(code)

    async def _write(self) -> None:
        try:
            while frame := await self._outbox.next():
                await self._socket.send_text(await _made(frame))
            await self._socket.close(self._outbox.code)
        except WebSocketDisconnect:
            return

    async def _read(self) -> None:
        while (frame := await self._socket.receive())["type"] == "websocket.receive":
            text = frame.get("text")
            if text is None or len(text) > protocol.FRAME_LIMIT:
                self._outbox.close(1003 if text is None else 1009)
                continue
            try:
                await self._take(text)
            except Declined as declined:
                self._decline(declined)

    async def _take(self, text: str) -> None:
        match protocol.parse(text):
            case Open(conversation):
                await self._open(conversation)
            case Ask() as ask:
                accepted = partial(protocol.accepted, ask.id)
                self._run(self._desk.ask(self._opened(), self._person, ask), ask.id, accepted)
            case Press() as press:
                self._run(self._desk.press(self._opened(), self._person, press), press.message)
            case Delete(message):
                self._run(self._desk.delete(self._opened(), self._person, message), message)

    async def _open(self, conversation: str) -> None:
        self._conversation = conversation
        snapshot: Encode | None = None
        self._outbox.hold()
        try:
            messages = await self._desk.open(self._outbox, conversation)
            snapshot = partial(protocol.snapshot, conversation, messages, self._desk.hub.drawings)
        finally:
            self._outbox.release(snapshot)

    def _opened(self) -> str:
        if self._conversation is None:
            raise Declined("The page has opened no conversation. Please reload it.")
        return self._conversation

    def _run(self, errand: Awaitable[None], message_id: str, done: Encode | None = None) -> None:
        """Waits for the bot apart from the reading, so that Stop is heard meanwhile."""
        task = asyncio.ensure_future(self._settle(errand, message_id, done))
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def _settle(self, errand: Awaitable[None], message_id: str, done: Encode | None) -> None:
        self._under_way += 1
        try:
            if self._under_way > AT_ONCE:
                raise Declined("That is too much at once. Please wait a moment.", message_id)
            await errand
        except Declined as declined:
            self._decline(declined)
        else:
            if done is not None:
                self._outbox.put(f"answer {message_id}", done)
        finally:
            self._under_way -= 1

    def _decline(self, declined: Declined) -> None:
        refused = partial(protocol.refused, declined.message_id, str(declined))
        self._outbox.put(f"answer {declined.message_id}", refused)


async def _made(frame: Encode | Shared) -> str:
    """A frame's JSON, made by a thread: drawing Markdown takes milliseconds."""
    if isinstance(frame, Shared):
        return await frame.text()
    return await asyncio.to_thread(frame)
