"""The whole way over the real Discord connector: people, gateway, intake, runs, and the screen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from bot.cluster import Cluster
from bot.intake import Intake, IntakeOptions
from bot.pacing import Pacing
from bot.runs import Maker, RequestOptions, RunOptions, Runs
from bot.store import RunRow, Store, memory_store
from bot.tools import Toolbox
from connectors.base import Event, Preflight
from connectors.discord import commands, gateway, questions
from connectors.discord.connector import DiscordConnector
from connectors.discord.options import DiscordOptions
from providers.scripted import ScriptedProvider
from tests.doubles.discord import TOKEN, DiscordServer, Limits, Message
from tests.doubles.ends import ended
from tests.doubles.waiting import PATIENCE_S, until

FREE = Limits(
    channel_calls=None, webhook_calls=None, route_calls=None, global_calls=None, typing_calls=None
)
"""Rates switched off, lengths and lifetimes as they are."""

LIVELY = {"calls": 5000}
"""A rate with which a test needn't wait; the server must be unmetered then."""


def options_for(server: DiscordServer, **changes: object) -> DiscordOptions:
    """Options that point at a server."""
    where = {"api_url": server.url, "gateway_url": server.gateway_url}
    return DiscordOptions(**({"token": TOKEN} | where | changes))  # type: ignore[arg-type]  # of a test's own choice


def now_us() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1000


@dataclass
class Way:
    """The bot on Discord. `provider.requests` is what its model was asked."""

    server: DiscordServer
    connector: DiscordConnector
    provider: Any
    store: Store
    runs: Runs
    intake: Intake

    async def rows(self, count: int) -> list[RunRow]:
        """The runs, oldest first, once so many have ended."""
        return await ended(self.runs, self.store, count)

    async def verdicts(self, count: int) -> list[str]:
        """The verdicts of so many runs, once they have ended."""
        return [str(row.end and row.end.verdict) for row in await self.rows(count)]

    async def settled(self) -> None:
        """Waits until all that was taken has had its effect."""
        async with asyncio.timeout(PATIENCE_S):
            await self.intake.settled()

    @property
    def answers(self) -> list[Message]:
        """The bot's messages that stand, in order."""
        return self.server.record.messages(by_bot=True, deleted=False)

    @property
    def shown(self) -> list[str]:
        """What the bot's messages show."""
        return [message.content for message in self.answers]


@contextmanager
def hurried() -> Iterator[None]:
    """Discord's pauses before a session begins, left out. Whether somebody may ask takes as long as
    it does: on a busy machine the bot would say that it can't tell just now.
    """

    async def at_once(*_: object, **__: object) -> None: ...

    with (
        patch.object(gateway.Client, "before_identify_hook", at_once),
        patch.object(gateway, "READY_S", 0.05),
        patch.object(questions, "PAUSES_S", (0.01, 0.02)),
        patch.object(commands, "_ADMITTED_S", 60.0),
    ):
        yield


@asynccontextmanager
async def listening(
    server: DiscordServer, settle: Callable[[Event], bool] = lambda _event: True, **options: Any
) -> AsyncIterator[tuple[DiscordConnector, list[Event]]]:
    """A connector alone, and what it hears; `settle` says what is kept of it."""
    connector = DiscordConnector(options_for(server, **options))
    heard: list[Event] = []

    async def listen() -> None:
        async for incoming in connector.events():
            if isinstance(incoming.event, Preflight):
                incoming.accept()
                continue
            heard.append(incoming.event)
            (incoming.accept if settle(incoming.event) else incoming.refuse)()

    with hurried():
        async with _served(connector, listen()):
            yield connector, heard


@asynccontextmanager
async def discord_way(
    server: DiscordServer,
    *scripts: Any,
    provider: Any = None,
    intake: IntakeOptions | None = None,
    store: Store | None = None,
    maker: Callable[[Store], Maker] | None = None,
    toolbox: Callable[[Store], Toolbox] | None = None,
    request: RequestOptions | None = None,
    **options: Any,
) -> AsyncIterator[Way]:
    """Opens the whole way, and closes it in order."""
    connector = DiscordConnector(options_for(server, **{**LIVELY, **options}))
    model = provider or ScriptedProvider(*scripts)
    kept = store or memory_store()
    pacing = Pacing()
    runs = Runs(
        provider=model,
        store=kept,
        pacing=pacing,
        options=RunOptions(request or RequestOptions("Be brief.", 20, None)),
        now_us=now_us,
        maker=maker and maker(kept),
        toolbox=toolbox and toolbox(kept),
    )
    door = Intake(Cluster(kept, now_us), runs, pacing, intake or IntakeOptions(), now_us)
    with hurried():
        async with _served(connector, door.serve(connector)):
            try:
                yield Way(server, connector, model, kept, runs, door)
            finally:
                for run in runs.active:
                    run.stop()
                await asyncio.wait_for(door.settled(), PATIENCE_S)
    if store is None:
        await kept.aclose()


@asynccontextmanager
async def _served(connector: DiscordConnector, serve: Awaitable[None]) -> AsyncIterator[None]:
    serving = asyncio.ensure_future(serve)
    try:
        await until(lambda: connector.connected)
        yield
    finally:
        await connector.aclose()
        await serving
