"""One ping for the asker when an answer that took long is done: edits notify nobody."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from connectors.base import ConnectorError, MessageRef, Part, Place, RateLimited
from connectors.discord import parts
from connectors.discord.flights import Flights
from connectors.discord.options import DiscordOptions
from connectors.discord.places import channel_of
from connectors.discord.responses import Responses
from connectors.discord.rest import Rest

log = logging.getLogger(__name__)

_TRIES = 3
_REMEMBERED = 2_000


@dataclass(slots=True)
class _Answer:
    """An answer: its first message, and since when it is made (monotonic seconds)."""

    first: MessageRef
    began: float
    done: bool = False


class Pings:
    """Knows since when each answer is made. Switched off, it does nothing."""

    def __init__(
        self, rest: Rest, options: DiscordOptions, flights: Flights, responses: Responses
    ) -> None:
        self._rest = rest
        self._after_s = options.ping_after_seconds
        self._flights = flights
        self._responses = responses
        self._thinking: dict[Place, float] = {}
        self._answers: OrderedDict[UUID, _Answer] = OrderedDict()

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
            self._answers[part.run_id] = _Answer(ref, began)
            if len(self._answers) > _REMEMBERED:
                self._answers.popitem(last=False)
        answer = self._answers[part.run_id]
        if part.last and not answer.done:
            answer.done = True
            if now - answer.began >= self._after_s:
                self._flights.send(self._ping(answer, ref, part))

    async def _ping(self, answer: _Answer, ref: MessageRef, part: Part) -> None:
        try:
            asker = await self._asker(answer, part)
            if asker:
                await self._post(ref, asker, f"ping:{part.run_id}")
        except ConnectorError as error:
            log.warning("discord: nobody was pinged: %s", error)

    async def _asker(self, answer: _Answer, part: Part) -> str | None:
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

    async def _post(self, ref: MessageRef, asker: str, key: str) -> None:
        body = {
            "content": f"<@{asker}> the answer is done.",
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
