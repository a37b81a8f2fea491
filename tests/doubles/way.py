"""The whole way on virtual time: a platform in memory, a scripted model, a store inline."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from bot.cluster import Cluster
from bot.intake import Intake, IntakeOptions
from bot.pacing import Pacing
from bot.runs import Maker, Question, RequestOptions, Result, RunOptions, Runs
from bot.store import Store, memory_store
from bot.telemetry import UNWATCHED, Watch
from bot.tools import Toolbox
from connectors.base import Asked, MessageRef
from connectors.memory import ALICE, BOT, MemoryConnector, PostedMessage, Version
from providers.scripted import ScriptedProvider

START_US = 1_700_000_000_000_000


@dataclass
class Way:
    """Everything between a message and its answer, and what people on the platform see of it."""

    connector: MemoryConnector
    provider: Any
    store: Store
    runs: Runs
    intake: Intake

    async def answer(self, text: str = "Why?") -> Result:
        """Asks, without intake, and waits until the run has settled."""
        platform = self.connector.platform
        ref = platform.new_ref(self.connector.place)
        platform.add(ref, ALICE, Version(asyncio.get_running_loop().time(), text), clock_us())
        return await self.runs.answer(Question(Asked(ref, ALICE, text)), self.connector)

    async def ask(self, text: str = "Why?") -> MessageRef:
        """Asks as a person does, and waits until the bot has kept the question."""
        incoming = self.connector.ask(text)
        assert await incoming.accepted()
        assert isinstance(incoming.event, Asked)
        return incoming.event.message

    @property
    def messages(self) -> list[PostedMessage]:
        """The bot's messages, in order, as the platform has them."""
        return [m for m in self.connector.platform.messages.values() if m.author == BOT]

    @property
    def shown(self) -> list[str]:
        """The texts of the bot's messages that are still there."""
        return [message.text for message in self.messages if not message.deleted]

    def writing(self) -> list[str]:
        """The texts of messages that still look as if they were being written."""
        return [m.text for m in self.messages if m.writing and not m.deleted]

    async def until(self, seen: Any) -> None:
        """Lets virtual time pass until something is so; fails after an hour of it."""
        async with asyncio.timeout(3600):
            while not seen():  # noqa: ASYNC110 - it waits for anything at all
                await asyncio.sleep(0.01)


def clock_us() -> int:
    """Virtual time as microseconds since the epoch."""
    return START_US + int(asyncio.get_running_loop().time() * 1_000_000)


@asynccontextmanager
async def a_way(
    *scripts: Any,
    provider: Any = None,
    connector: MemoryConnector | None = None,
    store: Store | None = None,
    intake: IntakeOptions | None = None,
    request: RequestOptions | None = None,
    watch: Watch = UNWATCHED,
    toolbox: Callable[[Store], Toolbox] | None = None,
    maker: Callable[[Store], Maker] | None = None,
    **options: Any,
) -> AsyncIterator[Way]:
    """Opens the whole way; the model plays `scripts`, or is `provider`."""
    model = provider or ScriptedProvider(*scripts)
    platform = connector or MemoryConnector(clock=lambda: clock_us() / 1e6)
    kept = store or memory_store()
    usual = RequestOptions("Be brief.", options.pop("history_messages", 20), None)
    pacing = Pacing()
    runs = Runs(
        provider=model,
        store=kept,
        pacing=pacing,
        options=RunOptions(request or usual, **options),
        now_us=clock_us,
        watch=watch,
        toolbox=toolbox and toolbox(kept),
        maker=maker and maker(kept),
    )
    door = Intake(Cluster(kept, clock_us), runs, pacing, intake or IntakeOptions(), clock_us)
    serving = asyncio.create_task(door.serve(platform))
    way = Way(platform, model, kept, runs, door)
    try:
        yield way
    finally:
        await door.settled()
        await platform.aclose()
        await serving
        await kept.aclose()


def words(text: str) -> Sequence[str]:
    """A text as tokens: words with the space before them."""
    return [f" {word}" if n else word for n, word in enumerate(text.split(" "))]
