"""Events go to the bot, and who waits hears whether they are safe."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from connectors.base import (
    Event,
    Incoming,
    Inflow,
    Person,
    Place,
    RateLimited,
    Unavailable,
    Verdict,
)

log = logging.getLogger(__name__)

_Read = TypeVar("_Read")

_PATIENCE_S = 10.0
PAUSES_S = (1.0, 5.0, 25.0)
"""Discord delivers an event once: what the bot could not keep is handed to it again."""


class Handover:
    """Puts events into the inflow and waits until the bot has settled them."""

    def __init__(self, inflow: Inflow) -> None:
        self._inflow = inflow

    def put(self, event: Event) -> Incoming:
        """Hands an event to the bot."""
        return self._inflow.put(event)

    async def admits(
        self, place: Place, person: Person, *, spends: bool = True, within: float = _PATIENCE_S
    ) -> Verdict:
        """Whether a person may do something, before any of it can be seen."""
        return await self._inflow.admits(place, person, spends=spends, within=within)

    async def kept(self, incoming: Incoming, within: float = _PATIENCE_S) -> bool | None:
        """Whether the bot keeps an event; None where that isn't known in so many seconds."""
        try:
            async with asyncio.timeout(within):
                return await incoming.accepted()
        except TimeoutError:
            return None

    async def insist(self, incoming: Incoming) -> bool:
        """Hands an event over again until the bot keeps it; False once there is no hope."""
        for pause in PAUSES_S:
            if await self.kept(incoming):
                return True
            log.warning("discord: an event was not kept; it is handed over again in %g s", pause)
            await asyncio.sleep(pause)
            incoming = self._inflow.put(incoming.event)
        return bool(await self.kept(incoming))


async def patiently(read: Callable[[], Awaitable[_Read]]) -> _Read:
    """Reads what an event has to do with; passing faults are waited out, for it comes only once.

    Raises what the last attempt raised.
    """
    for pause in PAUSES_S:
        try:
            return await read()
        except (RateLimited, Unavailable) as error:
            log.warning("discord: an event waits for %g s: %s", pause, error)
            await asyncio.sleep(pause)
    return await read()
