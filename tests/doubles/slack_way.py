"""The whole way over the real Slack connector: people, bolt, intake, runs, and what Slack shows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from bot import http
from bot.cluster import Cluster
from bot.intake import Intake, IntakeOptions
from bot.pacing import Pacing
from bot.runs import Maker, RequestOptions, RunOptions, Runs
from bot.store import RunRow, Store, memory_store
from bot.tools import Toolbox
from connectors.slack import SlackConnector, SlackOptions
from providers.scripted import ScriptedProvider
from tests.doubles.ends import ended
from tests.doubles.slack import SIGNING_SECRET, Message, Slack
from tests.doubles.waiting import PATIENCE_S

LIVELY: dict[str, Any] = {
    "edits_per_minute": 3000,
    "posts_per_minute": 3000,
    "appends_per_minute": 3000,
}
"""Rates with which a test needn't wait; the server must be unmetered then."""


def now_us() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1000


@dataclass
class Way:
    """The bot on Slack. `provider.requests` is what its model was asked."""

    slack: Slack
    connector: SlackConnector
    provider: Any
    store: Store
    runs: Runs
    intake: Intake

    async def until(self, seen: Callable[[], Any]) -> None:
        """Waits until something is so."""
        async with asyncio.timeout(PATIENCE_S):
            while not seen():  # noqa: ASYNC110 - it waits for anything at all
                await asyncio.sleep(0.01)

    async def settled(self) -> None:
        """Waits until all that was taken has had its effect."""
        async with asyncio.timeout(PATIENCE_S):
            await self.intake.settled()

    async def rows(self, count: int) -> list[RunRow]:
        """The runs, oldest first, once so many have ended."""
        return await ended(self.runs, self.store, count)

    async def verdicts(self, count: int) -> list[str]:
        """The verdicts of so many runs, once they have ended."""
        return [str(row.end and row.end.verdict) for row in await self.rows(count)]

    @property
    def answers(self) -> list[Message]:
        """The bot's messages that stand, in order."""
        return self.slack.messages(by_bot=True)

    @property
    def shown(self) -> list[str]:
        """What can be read in the bot's messages."""
        return [message.now.visible for message in self.answers]


@asynccontextmanager
async def slack_way(
    slack: Slack,
    *scripts: Any,
    provider: Any = None,
    by_http: bool = False,
    intake: IntakeOptions | None = None,
    store: Store | None = None,
    maker: Callable[[Store], Maker] | None = None,
    toolbox: Callable[[Store], Toolbox] | None = None,
    request: RequestOptions | None = None,
    **options: Any,
) -> AsyncIterator[Way]:
    """Opens the whole way, by Socket Mode or by signed HTTP, and closes it in order."""
    secret, app_token = (SIGNING_SECRET, None) if by_http else (None, slack.app_token)
    connector = SlackConnector(
        SlackOptions(
            bot_token=slack.bot_token,
            app_token=app_token,
            signing_secret=secret,
            api_url=slack.url,
            **options,
        )
    )
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
    serving = asyncio.create_task(door.serve(connector))
    async with _listening(slack, connector, by_http=by_http):
        try:
            yield Way(slack, connector, model, kept, runs, door)
        finally:
            for run in runs.active:
                run.stop()
            await asyncio.wait_for(door.settled(), PATIENCE_S)
            await connector.aclose()
            await serving
            await kept.aclose()


@asynccontextmanager
async def _listening(
    slack: Slack, connector: SlackConnector, *, by_http: bool
) -> AsyncIterator[None]:
    if not by_http:
        await slack.connected()
        yield
        return
    listener = http.listen("127.0.0.1", 0)
    server = http.serve(http.build(list(connector.routes())))
    serving = asyncio.create_task(server.serve([listener]))
    slack.deliver_to(f"http://127.0.0.1:{listener.getsockname()[1]}/slack/events")
    try:
        yield
    finally:
        server.should_exit = True
        await serving
        listener.close()
