"""Shows open pages what other processes write into their conversations.

Several processes may serve the page on one database: a question that is asked in one may be
answered by another. What changed lately is looked up every second, as long as a page is open.
"""

from __future__ import annotations

import asyncio
import time

from sqlalchemy.exc import SQLAlchemyError

from connectors.web.hub import Hub
from connectors.web.messages import Messages

LOOK_S = 1.0
_BACK_US = 15_000_000
"""How far back is looked: further than processes' clocks are apart."""


class Following:
    """Looks and tells while somebody watches. Belongs to one event loop."""

    def __init__(self, messages: Messages, hub: Hub) -> None:
        self._messages = messages
        self._hub = hub
        self._looking: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Somebody watches a conversation now."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="following")

    async def aclose(self) -> None:
        """Looks no more."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _look(self) -> None:
        while self._hub.watched:
            await asyncio.sleep(LOOK_S)
            try:
                await self._messages.whole(self._tell())
            except SQLAlchemyError:
                continue

    async def _tell(self) -> None:
        hub = self._hub
        since_us = time.time_ns() // 1000 - _BACK_US
        news, written = await self._messages.changed(list(hub.watched), since_us, hub.told)
        for message in news:
            if message.deleted:
                hub.tell_deleted(message)
                hub.told[message.id] = message.version
            elif message.version > hub.told.get(message.id, 0):
                hub.tell(message)
        hub.told = {each: version for each, version in hub.told.items() if each in written}
