"""What tells people that the bot is at work, and that a long answer is done: typing, and one
ping.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn, TypeVar
from uuid import UUID

from connectors.base import ConnectorError, MessageRef, Part, Place, RateLimited, Unavailable
from connectors.discord import parts
from connectors.discord.api import Rest
from connectors.discord.options import DiscordOptions
from connectors.discord.places import channel_of
from connectors.discord.responses import CommandResponses
from connectors.newest import Newest
from connectors.words import Language, Sentence

# Calls that run to their end, whatever becomes of those who wait for them.


_Result = TypeVar("_Result")

_PATIENCE_S = 5.0
"""Seconds that running calls are waited for at the end."""


class Flights:
    """One call at a time for each key. A cancelled caller leaves its call running."""

    def __init__(self) -> None:
        self._under_way: dict[str, asyncio.Task[Any]] = {}
        self._errands: set[asyncio.Task[None]] = set()

    async def run(self, key: str, call: Callable[[], Awaitable[_Result]]) -> _Result:
        """Makes a call once no other with the same key is running, and returns its result."""
        while before := self._under_way.get(key):
            await asyncio.wait({before})
        flight = asyncio.create_task(_awaited(call), name=f"discord {key}")
        self._under_way[key] = flight
        flight.add_done_callback(partial(self._landed, key))
        return await asyncio.shield(flight)

    def send(self, errand: Coroutine[Any, Any, None]) -> None:
        """Makes a call that nobody waits for."""
        task = asyncio.create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def aclose(self) -> None:
        """Waits for what is running, but not for ever."""
        tasks = {*self._under_way.values(), *self._errands}
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=_PATIENCE_S)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _landed(self, key: str, flight: asyncio.Task[Any]) -> None:
        if self._under_way.get(key) is flight:
            del self._under_way[key]
        if not flight.cancelled():
            flight.exception()  # whoever waited has it; if nobody does, it is no news


async def _awaited(call: Callable[[], Awaitable[_Result]]) -> _Result:
    return await call()


log = logging.getLogger(__name__)

_TRIES = 3
_REMEMBERED = 2_000


@dataclass(slots=True)
class _TimedAnswer:
    """An answer: its first message, and since when it is made (monotonic seconds)."""

    first: MessageRef
    began: float
    done: bool = False


class Pings:
    """Knows since when each answer is made. Switched off, it does nothing."""

    def __init__(
        self, rest: Rest, options: DiscordOptions, flights: Flights, responses: CommandResponses
    ) -> None:
        self._rest = rest
        self._after_s = options.ping_after_seconds
        self._flights = flights
        self._responses = responses
        self._thinking: dict[Place, float] = {}
        self._answers: Newest[UUID, _TimedAnswer] = Newest(_REMEMBERED)

    def began(self, place: Place) -> None:
        """The bot begins to think in a conversation."""
        if self._after_s:
            self._thinking[place] = time.monotonic()

    def shown(self, ref: MessageRef, part: Part) -> None:
        """A part is shown. Where that ends an answer that took long, its asker is pinged."""
        if not self._after_s or part.run_id is None:
            return
        now = time.monotonic()
        if part.run_id not in self._answers:
            began = self._thinking.pop(ref.place, now)
            self._answers[part.run_id] = _TimedAnswer(ref, began)
        answer = self._answers[part.run_id]
        if part.last and not answer.done:
            answer.done = True
            if now - answer.began >= self._after_s:
                self._flights.send(self._ping(answer, ref, part))

    async def _ping(self, answer: _TimedAnswer, ref: MessageRef, part: Part) -> None:
        try:
            asker = await self._asker(answer, part)
            if asker:
                await self._post(ref, asker, f"ping:{part.run_id}", part.language)
        except ConnectorError as error:
            log.warning("discord: nobody was pinged: %s", error)

    async def _asker(self, answer: _TimedAnswer, part: Part) -> str | None:
        if asker := self._responses.asker(answer.first.id):
            return asker
        if part.about is None:
            return None
        place, asked = part.about.place, part.about.id
        # A thread has the id of the message it was opened at, which stands outside of it.
        channel = place.channel if asked == place.thread else channel_of(place)
        question: dict[str, Any] = await self._rest.look_up(
            "/channels/{channel_id}/messages/{message_id}", channel_id=channel, message_id=asked
        )
        return str(question["author"]["id"])

    async def _post(self, ref: MessageRef, asker: str, key: str, language: Language) -> None:
        done = Sentence("told.done", {"asker": f"<@{asker}>"})
        body = {
            "content": done.to(language).text,
            "message_reference": {"message_id": ref.id, "fail_if_not_exists": False},
            "allowed_mentions": {"parse": [], "users": [asker], "replied_user": False},
            "nonce": parts.nonce(key),
            "enforce_nonce": True,
        }
        for _ in range(_TRIES):
            try:
                await self._rest.call(
                    "POST", "/channels/{id}/messages", json=body, id=channel_of(ref.place)
                )
            except RateLimited as error:
                await asyncio.sleep(error.retry_after)
            else:
                return


# Discord's "is typing": one indicator for each channel, kept on while the bot thinks there.


_EVERY_S = 8.0
"""It lasts ten seconds, or until the bot posts."""
_APART_S = 5.0
"""Discord's bucket for it is full again about 4.5 seconds after a call."""
_LONGEST_S = 600.0
_CHANNELS_REMEMBERED = 1_000


class Indicator:
    """Where the bot keeps typing. A courtesy: a refusal ends it, and is no news."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._thinking: dict[str, set[Place]] = {}
        self._typing: dict[str, asyncio.Task[None]] = {}
        self._next: Newest[str, float] = Newest(_CHANNELS_REMEMBERED)
        """When a channel's indicator may be shown again: monotonic seconds."""

    def start(self, place: Place) -> None:
        """Types on in the channel of a conversation, until `stop`."""
        channel = channel_of(place)
        self._thinking.setdefault(channel, set()).add(place)
        before = self._typing.get(channel)
        if before is None or before.done():  # it may have failed, or have lasted too long
            task = asyncio.create_task(self._type(channel), name=f"typing {channel}")
            self._typing[channel] = task

    def stop(self, place: Place) -> None:
        """Types no more for a conversation; others of its channel may still need it."""
        channel = channel_of(place)
        places = self._thinking.get(channel, set())
        places.discard(place)
        if not places:
            self._thinking.pop(channel, None)
            if task := self._typing.pop(channel, None):
                task.cancel()

    async def aclose(self) -> None:
        """Types nowhere any more."""
        tasks = list(self._typing.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _type(self, channel: str) -> None:
        try:
            async with asyncio.timeout(_LONGEST_S):
                await self._type_on(channel)
        except (ConnectorError, TimeoutError) as error:
            log.debug("discord shows no typing: %s", error)

    async def _type_on(self, channel: str) -> NoReturn:
        while True:
            wait = self._next.get(channel, 0.0) - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            await self._type_once(channel)
            await asyncio.sleep(_EVERY_S)

    async def _type_once(self, channel: str) -> None:
        self._not_before(channel, _APART_S)
        try:
            await self._rest.call(
                "POST", "/channels/{id}/typing", meter=partial(self._learn, channel), id=channel
            )
        except RateLimited as error:
            self._not_before(channel, error.retry_after)
            log.debug("discord shows no typing now: %s", error)
        except Unavailable as error:
            log.debug("discord shows no typing now: %s", error)

    def _learn(self, channel: str, headers: Mapping[str, str]) -> None:
        """Takes in how long the bucket stays empty, where Discord says that it is."""
        try:
            if int(headers["X-RateLimit-Remaining"]) == 0:
                self._not_before(channel, float(headers["X-RateLimit-Reset-After"]))
        except (KeyError, ValueError):
            return

    def _not_before(self, channel: str, seconds: float) -> None:
        at = time.monotonic() + seconds
        self._next[channel] = max(at, self._next.pop(channel, at))
