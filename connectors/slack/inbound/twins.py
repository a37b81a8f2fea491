"""The two events of one mention: Slack tells of its files in the second, `message`, for sure."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

PATIENCE_S = 0.5
"""The other event comes within some hundredths of a second, where the bot hears of it at all."""
_REMEMBERED = 1_000


class Twins:
    """Lets an `app_mention` without files wait for the `message` event of the same text.

    Both are one question, and the first that is taken counts. Where the other one does not come in
    time, the mention is taken as it is.
    """

    def __init__(self) -> None:
        self._came: OrderedDict[tuple[str, str], asyncio.Event] = OrderedDict()

    async def awaited(self, event: Mapping[str, Any]) -> None:
        """Returns at once for all but a mention without files."""
        came = self._event(event)
        if event["type"] == "message":
            came.set()
        elif not event.get("files"):
            try:
                await asyncio.wait_for(came.wait(), PATIENCE_S)
            except TimeoutError:
                return

    def _event(self, event: Mapping[str, Any]) -> asyncio.Event:
        key = str(event.get("channel")), str(event.get("ts"))
        came = self._came.setdefault(key, asyncio.Event())
        self._came.move_to_end(key)
        if len(self._came) > _REMEMBERED:
            self._came.popitem(last=False)
        return came
