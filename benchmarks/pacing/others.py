"""What others do: edits at fixed times, and round robin. Each waits out the 429s that it draws."""

from __future__ import annotations

import asyncio
from collections import deque

from benchmarks.pacing.load import TICK_S, WORD, Answer
from benchmarks.pacing.scene import SLACK, Scope, Way, generated
from bot.pacing import Pacing
from bot.pacing.limiter import RateLimiter
from bot.pacing.plan import Lengths, Plan
from bot.pacing.scheduler import FASTEST_S
from connectors.base import AnswerText, MessageRef, Part, RateLimited
from connectors.memory import MemoryConnector

_GATHER_S = 0.15


class Message:
    """An answer's message: posted with the first text, then edited."""

    def __init__(self, connector: MemoryConnector, about: MessageRef, answer: Answer) -> None:
        self._connector, self._about, self._answer = connector, about, answer
        self._ref: MessageRef | None = None
        self._shown = 0

    @property
    def news(self) -> bool:
        """Whether there is text that is not shown."""
        return generated(self._answer, asyncio.get_running_loop().time()) > self._shown

    @property
    def whole(self) -> bool:
        """Whether all is shown."""
        return self._shown == self._answer.tokens

    async def send(self) -> None:
        """Shows what there is, once the platform lets it."""
        while True:
            tokens = generated(self._answer, asyncio.get_running_loop().time())
            part = Part(None, 0, AnswerText((WORD * tokens).strip()), about=self._about)
            try:
                if self._ref is None:
                    key = self._about.id
                    self._ref = (await self._connector.post(self._about.place, part, key)).ref
                else:
                    await self._connector.edit(self._ref, part)
            except RateLimited as error:
                await asyncio.sleep(error.retry_after)
            else:
                self._shown = tokens
                return


class Every(Way):
    """An edit of each message as often as this, whatever the others do."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def show(self, connector: MemoryConnector, about: MessageRef, answer: Answer) -> None:
        message = Message(connector, about, answer)
        await asyncio.sleep(_GATHER_S)
        await message.send()
        while not message.whole:
            await asyncio.sleep(self._seconds)
            if message.news:
                await message.send()


class NoReserve(Pacing):
    """The bot's own, but nothing is kept for last edits."""

    def _plan(self, meter: RateLimiter) -> Plan:
        return _SavesNothing(meter, Lengths(), FASTEST_S)


class _SavesNothing(Plan):
    @property
    def leaves(self) -> int:
        return 0

    def saves(self, ends: float) -> float:  # noqa: ARG002 - however many come
        return 0.0


class RoundRobin(Way):
    """One budget for all, spent evenly: whoever has waited for the most turns is next."""

    def __init__(self, scope: Scope = SLACK) -> None:
        self._spacing = scope.seconds / scope.calls
        self._circle: deque[tuple[Message, asyncio.Event]] = deque()
        self._turns: asyncio.Task[None] | None = None

    async def show(self, connector: MemoryConnector, about: MessageRef, answer: Answer) -> None:
        message, whole = Message(connector, about, answer), asyncio.Event()
        await asyncio.sleep(_GATHER_S)
        await message.send()
        if message.whole:
            return
        self._circle.append((message, whole))
        if self._turns is None:
            self._turns = asyncio.create_task(self._go_round())
        await whole.wait()

    async def _go_round(self) -> None:
        while True:
            for _ in range(len(self._circle)):
                message, whole = self._circle.popleft()
                if not message.news:
                    self._circle.append((message, whole))
                    continue
                await message.send()
                if message.whole:
                    whole.set()
                else:
                    self._circle.append((message, whole))
                await asyncio.sleep(self._spacing)
                break
            else:
                await asyncio.sleep(TICK_S)

    async def aclose(self) -> None:
        if self._turns is not None:
            self._turns.cancel()
