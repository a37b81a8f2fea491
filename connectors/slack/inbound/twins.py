"""The two events of one mention: Slack tells of its files in the second, `message`, for sure."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

PATIENCE_S = 0.5
"""The other event comes within some hundredths of a second, where the bot hears of it at all."""
_REMEMBERED = 1_000
_NOT_YET = object()


class Twins:
    """Lets an `app_mention` without files wait for the `message` event of the same text.

    Both are one question, and the first that is taken counts. Where the other one does not come in
    time, the mention is taken as it is.
    """

    def __init__(self) -> None:
        self._came: OrderedDict[tuple[str, str], asyncio.Event | None] = OrderedDict()
        """The newest texts, each with what its mention waits for; None once the other came."""

    async def awaited(self, event: Mapping[str, Any]) -> None:
        """Returns at once for all but a mention without files."""
        key = str(event.get("channel")), str(event.get("ts"))
        if event["type"] == "message":
            waited_for = self._came.get(key)
            self._put(key, None)
            if waited_for is not None:
                waited_for.set()
        elif not event.get("files") and self._came.get(key, _NOT_YET) is not None:
            await self._wait(key)

    async def _wait(self, key: tuple[str, str]) -> None:
        came = self._came.get(key) or asyncio.Event()
        self._put(key, came)
        try:
            await asyncio.wait_for(came.wait(), PATIENCE_S)
        except TimeoutError:
            if self._came.get(key) is came:
                del self._came[key]

    def _put(self, key: tuple[str, str], came: asyncio.Event | None) -> None:
        self._came[key] = came
        self._came.move_to_end(key)
        if len(self._came) > _REMEMBERED:
            self._came.popitem(last=False)
