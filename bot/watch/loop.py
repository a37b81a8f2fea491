"""Whether the event loop turns: everything in the bot waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

EVERY_S = 1.0


async def watch_loop(late: Callable[[float], None]) -> None:
    """Tells, once a second for ever, how many seconds late the loop woke this task."""
    clock = asyncio.get_running_loop().time
    while True:
        due = clock() + EVERY_S
        await asyncio.sleep(EVERY_S)
        late(max(0.0, clock() - due))
