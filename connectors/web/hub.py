"""Who looks at which conversation, and what each browser has yet to be told.

Telling never waits: a browser that is slow, or gone, costs nobody else anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from functools import partial

from connectors.base import Status
from connectors.web import protocol
from connectors.web.messages import PageMessage
from connectors.web.protocol import Drawings

Encode = Callable[[], str]
"""Makes a frame's JSON: called only for a frame that is sent, off the event loop."""

CAPACITY = 512
"""So many frames may wait for one browser; with more it is let go, and comes back for all."""
_ANSWER = "answer "
"""What the key of an answer to a request begins with."""


class Shared:
    """A frame that is made once, off the event loop, for all who are sent it."""

    def __init__(self, encode: Encode) -> None:
        self._encode = encode
        self._made: asyncio.Task[str] | None = None

    async def text(self) -> str:
        """Its JSON."""
        if self._made is None:
            self._made = asyncio.create_task(asyncio.to_thread(self._encode))
        return await asyncio.shield(self._made)


class Outbox:
    """The frames that wait for one person's browser: of each thing the newest version only."""

    def __init__(self, person_id: str = "") -> None:
        self.person_id = person_id
        self.code = 1000
        """The code to close the socket with."""
        self._waiting: dict[str, tuple[int, Encode | Shared]] = {}
        self._held = False
        self._closed = False
        self._news = asyncio.Event()

    def put(self, about: str, encode: Encode | Shared, version: int = 0) -> None:
        """Replaces what waits about the same thing, unless that is newer."""
        known = self._waiting.get(about)
        if known is not None and known[0] > version:
            return
        if known is None and len(self._waiting) >= CAPACITY:
            self.close(1013)
            return
        self._waiting[about] = (version, encode)
        self._news.set()

    def answer(self, request: str, encode: Encode) -> None:
        """Answers a request of this browser's, whatever conversation it shows by then."""
        self.put(f"{_ANSWER}{request}", encode)

    def hold(self) -> None:
        """Sends nothing more of the conversation until `release`: a snapshot comes first."""
        self._held = True
        answers = {key: frame for key, frame in self._waiting.items() if key.startswith(_ANSWER)}
        self._waiting = answers

    def release(self, snapshot: Encode | None) -> None:
        """Goes on, with the snapshot at the head of all that came in meanwhile."""
        self._held = False
        if snapshot is not None:
            self._waiting = {"snapshot": (0, snapshot), **self._waiting}
        self._news.set()

    def close(self, code: int) -> None:
        """Nothing more is sent; the socket is to be closed with this code."""
        if not self._closed:
            self._closed = True
            self.code = code
            self._news.set()

    async def next(self) -> Encode | Shared | None:
        """The next frame to send, or None once closed."""
        while not self._closed:
            if self._waiting and not self._held:
                about = next(iter(self._waiting))
                return self._waiting.pop(about)[1]
            self._news.clear()
            await self._news.wait()
        return None


class Hub:
    """The open sockets, by the conversation they show."""

    def __init__(self) -> None:
        self.drawings = Drawings()
        self._sockets: dict[Outbox, str | None] = {}
        self._watching: dict[str, set[Outbox]] = {}
        self._statuses: dict[str, Status] = {}
        self.told: dict[str, int] = {}
        """The version of each message that was told of lately."""
        self._empty = asyncio.Event()
        self._empty.set()

    def join(self, outbox: Outbox) -> None:
        """A socket has come; it shows nothing yet."""
        self._sockets[outbox] = None
        self._empty.clear()

    def leave(self, outbox: Outbox) -> None:
        """A socket is gone."""
        self._unwatch(outbox)
        self._sockets.pop(outbox, None)
        if not self._sockets:
            self._empty.set()

    def watch(self, outbox: Outbox, conversation: str) -> None:
        """The socket shows this conversation now, and no other."""
        self._unwatch(outbox)
        self._sockets[outbox] = conversation
        self._watching.setdefault(conversation, set()).add(outbox)
        if status := self._statuses.get(conversation):
            outbox.put("status", partial(protocol.status, status))

    def tell(self, message: PageMessage) -> None:
        """Shows a message, or its new version, to all who look and may see it."""
        self.told[message.id] = message.version
        frame = Shared(partial(protocol.message, message, self.drawings))
        for outbox in self._watching.get(message.conversation, ()):
            if message.is_for(outbox.person_id):
                outbox.put(f"message {message.id}", frame, message.version)

    @property
    def watched(self) -> Collection[str]:
        """The conversations that somebody looks at."""
        return self._watching.keys()

    def tell_deleted(self, message: PageMessage) -> None:
        """Takes a message off every screen; no version of it comes after."""
        frame = partial(protocol.deleted, message.id)
        for outbox in self._watching.get(message.conversation, ()):
            if message.is_for(outbox.person_id):
                outbox.put(f"message {message.id}", frame, protocol.NEWEST)

    def tell_status(self, conversation: str, status: Status) -> None:
        """Says what the bot is doing; kept for browsers that come while it lasts."""
        if status in (Status.WRITING, Status.WAITING):  # the text itself is seen
            status = Status.IDLE
        if self._statuses.get(conversation, Status.IDLE) is status:
            return
        self._statuses[conversation] = status
        if status is Status.IDLE:
            del self._statuses[conversation]
        for outbox in self._watching.get(conversation, ()):
            outbox.put("status", partial(protocol.status, status))

    async def close(self, code: int, seconds: float) -> None:
        """Closes every socket and waits at most `seconds` until they are gone."""
        for outbox in self._sockets:
            outbox.close(code)
        try:
            await asyncio.wait_for(self._empty.wait(), seconds)
        except TimeoutError:
            self._sockets.clear()

    def _unwatch(self, outbox: Outbox) -> None:
        conversation = self._sockets.get(outbox)
        if conversation is None:
            return
        watching = self._watching[conversation]
        watching.discard(outbox)
        if not watching:
            del self._watching[conversation]
