"""What the double keeps: messages with all that they ever showed, calls, refusals, deliveries."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.doubles.slack import visible


@dataclass(frozen=True, slots=True)
class Version:
    """What a message showed from `at` on (seconds since the epoch)."""

    at: float
    text: str
    blocks: tuple[Mapping[str, Any], ...] = ()
    metadata: Mapping[str, Any] | None = None
    live: bool = False
    """It is a stream that is still written."""
    sent: tuple[Mapping[str, Any], ...] = ()
    """The blocks as they were sent, before any translation."""

    @property
    def visible(self) -> str:
        """What a reader sees, without small print and controls."""
        return visible.text(self.blocks)

    @property
    def pings(self) -> list[str]:
        """Whom it makes Slack notify."""
        return visible.pings(self.blocks)

    @property
    def stop(self) -> bool:
        """It has a Stop button."""
        return visible.stops(self.blocks)


@dataclass(slots=True)
class Stream:
    """A message that is written by appending; it dies `life` seconds after its start."""

    started: float
    life: float
    markdown: str = ""
    stopped: bool = False
    stopped_by_user: bool = False

    @property
    def live(self) -> bool:
        """Whether it can still be appended to."""
        return not self.stopped and time.monotonic() < self.started + self.life


@dataclass(slots=True)
class Message:
    """A message of a channel; `ts` is unique in all channels here."""

    workspace: str
    channel: str
    ts: str
    user: str
    by_bot: bool
    versions: list[Version]
    thread_ts: str = ""
    to: str = ""
    """The only person who sees it: an ephemeral message."""
    subtype: str = ""
    user_team: str = ""
    files: tuple[Mapping[str, Any], ...] = ()
    edited: Mapping[str, Any] | None = None
    deleted: bool = False
    tombstone: bool = False
    stream: Stream | None = None

    @property
    def now(self) -> Version:
        """What it shows now."""
        return self.versions[-1]

    @property
    def is_reply(self) -> bool:
        """It stands in a thread that another message began."""
        return self.thread_ts not in {"", self.ts}

    @property
    def writing(self) -> bool:
        """It looks unfinished: a live stream, or one that offers to stop the answer."""
        return not self.deleted and (self.now.stop or bool(self.stream and self.stream.live))


@dataclass(slots=True)
class Call:
    """One call of the Web API: when it came and was answered (seconds since the epoch)."""

    method: str
    args: Mapping[str, Any]
    at: float
    number: int
    """Counts the calls of its method from one."""
    workspace: str = ""
    status: int = 0
    """Of the HTTP answer; 0 where there was none."""
    error: str = ""
    answered_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """A 429: when, of which method, in which window. `injected` where a fault asked for it."""

    at: float
    method: str
    key: str
    retry_after: int
    injected: bool = False


@dataclass(frozen=True, slots=True)
class Ping:
    """A message of the bot's that made Slack notify somebody."""

    at: float
    ts: str
    who: str


@dataclass(slots=True)
class Attempt:
    """One time that an event was sent; `delay` is how long the acknowledgement took, seconds."""

    at: float
    delay: float | None = None
    status: int = 0
    """Of the answer over HTTP; 0 in Socket Mode."""


@dataclass(slots=True, eq=False)
class Delivery:
    """An event on its way to the bot."""

    kind: str
    """As in Socket Mode: `events_api`, `interactive` or `slash_commands`."""
    payload: Mapping[str, Any]
    attempts: list[Attempt] = field(default_factory=list)
    response: Any = None
    """What the bot said with its acknowledgement."""
    _first: asyncio.Future[bool] = field(init=False, repr=False)
    _whole: asyncio.Future[bool] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._first, self._whole = loop.create_future(), loop.create_future()

    @property
    def attempts_left(self) -> bool:
        """Slack sends events again up to three times, and nothing else ever."""
        return len(self.attempts) < (4 if self.kind == "events_api" else 1)

    async def settled(self) -> bool:
        """Whether the first attempt was acknowledged; False where Slack had to send it again."""
        return await asyncio.shield(self._first)

    async def acknowledged(self) -> bool:
        """Whether it was acknowledged at last; False once Slack gave up."""
        return await asyncio.shield(self._whole)

    def ended(self, attempt: Attempt, taken: bool) -> None:
        """An attempt was acknowledged or was not."""
        if not self._first.done():
            self._first.set_result(taken and attempt is self.attempts[0])
        if not self._whole.done() and (taken or not self.attempts_left):
            self._whole.set_result(taken)

    def abandon(self) -> None:
        """The double closes: nobody will hear of it any more."""
        for future in (self._first, self._whole):
            if not future.done():
                future.set_result(False)
