"""A load on the in-memory platform, on virtual time: shown by the bot's own code, or by others'."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from uuid import uuid4

import structlog

from benchmarks.pacing.load import CHARS, TICK_S, WORD, Answer
from bot.pacing import Pacing
from bot.pacing.scheduler import FASTEST_S
from bot.reply import Ending, Reply
from bot.store import Store, memory_store
from connectors.base import Budget, Limits, MessageRef, Place
from connectors.memory import Budgets, MemoryConnector, Platform, like_discord, like_slack
from tests.doubles.clock import VirtualTimeLoop

_SOON_S = 1e-6
"""Virtual times are sums of fractions."""
_MOST_S = 3600.0


@dataclass(frozen=True)
class Scope:
    """A platform's limits: what the bot is told, what is enforced, and how many share a channel."""

    name: str
    told: Budgets
    calls: int
    seconds: float
    in_channel: int

    def question(self, number: int) -> MessageRef:
        """What an answer answers."""
        return MessageRef(Place("memory", "W", f"C{number // self.in_channel}"), f"Q{number}")


SLACK = Scope("slack", like_slack, 50, 60.0, 1)
DISCORD = Scope("discord", like_discord, 5, 5.0, 10)


@dataclass
class Enforcing(Platform):
    """Allows what the platform allows, whatever smaller budget the bot keeps to."""

    scope: Scope = SLACK

    def spend(self, budget: Budget, now: float) -> None:
        """Counts a call; a budget of one call a second is a channel's for posts."""
        if budget.calls > 1:
            budget = Budget(budget.key, self.scope.calls, self.scope.seconds)
        super().spend(budget, now)


@dataclass
class Seen:
    """What came of a load; times in seconds."""

    staleness: float = 0.0
    """Characters x seconds until each is shown."""
    refused: int = 0
    """Calls that the platform answered with a 429."""
    calls: int = 0
    first_text: list[float] = field(default_factory=list)
    """From an answer's first token to its first text."""
    last_edit: list[float] = field(default_factory=list)
    """From an answer's last token until all of it is shown."""
    edits: int = 0
    """Calls that changed a message, its last one too."""
    shown: list[tuple[float, int]] = field(default_factory=list)
    """When each call was made, and how many characters it brought to the screen."""
    unnoticed: int = 0
    """Edits of these that brought nothing new, or were replaced within 300 ms."""


def play(answers: Sequence[Answer], scope: Scope, way: Callable[[], Way]) -> Seen:
    """Shows a load, and reads from the platform's own record what a reader saw when."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(_play(answers, scope, way()))


class Way:
    """A bot, as far as a load is concerned."""

    async def show(self, connector: MemoryConnector, about: MessageRef, answer: Answer) -> None:
        """Shows one answer, whose first token comes now; returns when all of it is shown."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Once all is shown."""


async def _play(answers: Sequence[Answer], scope: Scope, way: Way) -> Seen:
    connector = MemoryConnector(
        budgets=scope.told, limits=Limits(length=10**7), platform=Enforcing(scope=scope)
    )

    async def at(number: int, answer: Answer) -> None:
        await until(answer.start)
        await way.show(connector, scope.question(number), answer)

    async with asyncio.timeout(_MOST_S):
        await asyncio.gather(*(at(number, each) for number, each in enumerate(answers)))
    await way.aclose()
    await connector.aclose()
    return _seen(answers, scope, connector.platform)


async def until(tick: int) -> None:
    """Returns at a tick."""
    await asyncio.sleep(max(0.0, tick * TICK_S - asyncio.get_running_loop().time()))


def generated(answer: Answer, now: float) -> int:
    """How many tokens there are of an answer."""
    return max(0, min(answer.tokens, int((now + _SOON_S) / TICK_S) - answer.start + 1))


# The bot's own.


class Ours(Way):
    """`bot.reply` and `bot.pacing`, as they are."""

    def __init__(self, pacing: Pacing | None = None) -> None:
        self._pacing = pacing or Pacing()
        self._store: Store = memory_store()
        self._growing: list[tuple[Reply, Answer, asyncio.Event]] = []
        self._model: asyncio.Task[None] | None = None

    async def show(self, connector: MemoryConnector, about: MessageRef, answer: Answer) -> None:
        began = asyncio.get_running_loop().time()
        reply = Reply(
            uuid4(),
            about,
            connector=connector,
            pacing=self._pacing,
            store=self._store,
            elapsed_us=lambda: int((asyncio.get_running_loop().time() - began) * 1e6),
        )
        whole = asyncio.Event()
        self._growing.append((reply, answer, whole))
        if len(self._growing) == 1:
            self._model = asyncio.create_task(self._generate())
        await whole.wait()
        await reply.finish(Ending(WORD * answer.tokens), _MOST_S)

    async def _generate(self) -> None:
        """One task for all models: a timer for each would cost more than what is measured."""
        while self._growing:
            tick = round(asyncio.get_running_loop().time() / TICK_S)
            for reply, answer, whole in self._growing:
                reply.append(WORD)
                if tick >= answer.end:
                    whole.set()
            self._growing = [each for each in self._growing if not each[2].is_set()]
            await until(tick + 1)

    async def aclose(self) -> None:
        await self._store.aclose()


def _seen(answers: Sequence[Answer], scope: Scope, platform: Platform) -> Seen:
    refused = [call for call in platform.calls if call.error is not None]
    seen = Seen(refused=len(refused), calls=len(platform.calls))
    messages = list(platform.messages.values())
    about = {each.versions[0].part.about: each for each in messages if each.versions[0].part}
    for number, answer in enumerate(answers):
        message = about[scope.question(number)]
        at = answer.start * TICK_S
        seen.first_text.append(message.versions[0].at - at)
        tokens = 0
        for version in message.versions:
            now = round((len(version.text) + 1) / CHARS)
            # The sum of an arithmetic progression: each token waited from its own tick on.
            waited = (version.at - at) * (now - tokens)
            waited -= TICK_S * (now * (now - 1) - tokens * (tokens - 1)) / 2
            seen.staleness += CHARS * waited
            seen.unnoticed += now <= tokens
            seen.shown.append((version.at, CHARS * (now - tokens)))
            if tokens < now == answer.tokens:
                seen.last_edit.append(version.at - answer.end * TICK_S)
            tokens = now
        stood = [later.at - each.at for each, later in pairwise(message.versions)]
        seen.edits += len(stood)
        seen.unnoticed += sum(seconds < FASTEST_S - _SOON_S for seconds in stood[1:])
        if tokens != answer.tokens:
            raise RuntimeError(f"{tokens} of {answer.tokens} tokens are shown")
    return seen
