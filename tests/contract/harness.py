"""What the connectors' contract is tried out on: a connector that is open, and its people."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from uuid import UUID

import pytest

from connectors.base import (
    AnswerText,
    Connector,
    Control,
    Event,
    Incoming,
    MessageRef,
    Part,
    Place,
    Preflight,
    Shown,
)
from connectors.markdown import form

RUN = UUID("00000000-0000-4000-8000-000000000001")
LONG_AGO = 0
"""Before any post: microseconds since the epoch."""
PATIENCE = 10.0
"""Seconds after which something that should have come will not come."""


@dataclass
class Question:
    """A question as a person asked it."""

    ref: MessageRef
    settled: Callable[[], Awaitable[bool]]
    """Whether the platform was told that the bot has it: false where it must deliver again."""


@dataclass
class Harness:
    """A connector that is open, and the people on its platform. None: the platform can't do it."""

    connector: Connector
    place: Place
    ask: Callable[[str], Awaitable[Question]]
    delete: Callable[[MessageRef], Awaitable[None]] | None = None
    another: Callable[[], Connector] | None = None
    """Makes the connector that another process would have; it is the harness's to close."""
    seen: Callable[[str], str] = form
    """What is drawn of a text."""
    attach: Callable[[], Awaitable[None]] | None = None
    """Somebody attaches a file, and asks nothing."""
    direct: bool = False
    """Whether only one person is there: what they are told may stand in the history."""
    reads: bool = True
    remembers: bool = True
    """Whether it has a history."""
    rewrites: bool = True
    """Whether an edit may replace what was shown; if not, it can only add."""
    longest: bool = True
    """Whether a part of the greatest length is small enough for a test."""

    def sent(self, text: str) -> str:
        """A part's text, as what is shown of it is compared."""
        return self.seen(text)

    def shown(self, shown: Shown) -> str:
        """What a message shows, as it is compared with what was sent."""
        return shown.text


def part(text: str, *, last: bool = True, controls: tuple[Control, ...] = ()) -> Part:
    """A part that shows a text."""
    return Part(RUN, 0, AnswerText(text), controls=controls, last=last)


def growing(text: str) -> Part:
    """A part of an answer that is still being written."""
    return replace(part(text, last=False, controls=(Control.STOP,)), firm=len(text))


async def next_event(events: AsyncIterator[Incoming]) -> Incoming:
    """The next event, within patience; everybody may do everything."""
    async with asyncio.timeout(PATIENCE):
        while isinstance((incoming := await anext(events)).event, Preflight):
            incoming.accept()
        return incoming


async def accepted(events: AsyncIterator[Incoming], count: int) -> list[Event]:
    """The next `count` events, each accepted."""
    taken = []
    for _ in range(count):
        incoming = await next_event(events)
        incoming.accept()
        taken.append(incoming.event)
    return taken


class Opens:
    """What every suite of the contract stands on: it opens a connector for each test."""

    def connector(self) -> AbstractAsyncContextManager[Harness]:
        """Opens a connector with budgets that a dozen calls at once don't exhaust."""
        raise NotImplementedError

    @asynccontextmanager
    async def able(self, *abilities: str) -> AsyncIterator[Harness]:
        """A harness that can do all of these; the test is skipped where it can't."""
        async with self.connector() as harness:
            for ability in abilities:
                if not getattr(harness, ability):
                    pytest.skip(f"this platform has no such thing: {ability}")
            yield harness
