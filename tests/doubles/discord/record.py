"""What happened: every call, every version of every message, and questions about them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tests.doubles.discord.model import Message, Version
from tests.doubles.waiting import PATIENCE_S


@dataclass(slots=True)
class Call:
    """One call of the REST API. Times in seconds since the epoch; status 0: never answered."""

    at: float
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any = None
    route: str = ""
    """The route's pattern; empty where there is no such route."""
    status: int = 0
    answer: Any = None
    answer_headers: dict[str, str] = field(default_factory=dict)
    ended: float | None = None
    fault: str = ""
    """The fault that struck it, by name."""


@dataclass(frozen=True, slots=True)
class Typing:
    """The bot showed that it is typing."""

    at: float
    channel_id: str


@dataclass(frozen=True, slots=True)
class Link:
    """Something that happened on the gateway: `connect`, `identify`, `resume`, `heartbeat`, …"""

    at: float
    what: str
    session_id: str = ""
    data: Any = None


@dataclass(slots=True)
class Record:
    """Everything that the platform saw, in order. Times in seconds since the epoch."""

    bot_id: str
    history: dict[str, Message]
    """Every message that ever was, by id."""
    calls: list[Call] = field(default_factory=list)
    typing: list[Typing] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    _waiting: set[asyncio.Future[None]] = field(default_factory=set)

    # Writing it.

    def link(self, what: str, session_id: str = "", data: Any = None) -> None:
        """Notes something of the gateway."""
        self.links.append(Link(time.time(), what, session_id, data))
        self.changed()

    def changed(self) -> None:
        """Wakes those who wait in `until`."""
        waiting, self._waiting = self._waiting, set()
        for future in waiting:
            if not future.done():
                future.set_result(None)

    # Reading it.

    async def until(self, seen: Callable[[], object], within: float = PATIENCE_S) -> None:
        """Returns as soon as `seen()` is true; raises TimeoutError after `within` seconds."""
        async with asyncio.timeout(within):
            while not seen():
                future = asyncio.get_running_loop().create_future()
                self._waiting.add(future)
                await future

    def messages(
        self, *, by_bot: bool | None = None, channel: str | None = None, deleted: bool | None = None
    ) -> list[Message]:
        """Messages in the order of their posting; each filter that is not None applies."""
        return [
            message
            for message in self.history.values()
            if by_bot in (None, message.author.id == self.bot_id)
            and channel in (None, message.channel_id)
            and deleted in (None, message.deleted is not None)
        ]

    def shown(self, channel: str | None = None) -> list[str]:
        """What the bot's messages show now, in order, without the deleted ones."""
        return [m.content for m in self.messages(by_bot=True, channel=channel, deleted=False)]

    def called(self, method: str = "", route: str = "") -> list[Call]:
        """The calls of a method and a route's pattern; empty means any."""
        return [
            call for call in self.calls if method in ("", call.method) and route in ("", call.route)
        ]

    def linked(self, what: str) -> list[Link]:
        """What happened on the gateway, of one kind."""
        return [link for link in self.links if link.what == what]

    @property
    def rate_limited(self) -> list[Call]:
        """The calls that went over a limit: those that drew a 429 without a fault's doing."""
        return [call for call in self.calls if call.status == 429 and not call.fault]

    @property
    def unknown(self) -> list[Call]:
        """The calls of routes that don't exist."""
        return [call for call in self.calls if not call.route]

    def shrank(self, message_id: str) -> list[tuple[Version, Version]]:
        """Each step at which a message showed less text than before: before and after."""
        versions = self.history[message_id].versions
        steps = pairwise(versions)
        return [(old, new) for old, new in steps if len(new.text) < len(old.text)]

    def largest_gap(self, message_id: str) -> float:
        """The longest time in seconds in which a message did not change, between its changes."""
        times = [version.at for version in self.history[message_id].versions]
        return max((b - a for a, b in pairwise(times)), default=0.0)

    def pinged(self, *, by_bot: bool = True) -> list[tuple[str, str]]:
        """Who heard it ring: pairs of message id and ping (`everyone`, `user:ID`, `reply:ID`)."""
        return [
            (message.id, ping)
            for message in self.messages(by_bot=by_bot)
            for version in message.versions
            for ping in version.mentions.pings
        ]

    def writing(self) -> list[Message]:
        """Messages that look unfinished: they still offer to stop."""
        return [message for message in self.history.values() if message.writing]
