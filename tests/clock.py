"""Virtual time: an event loop whose clock jumps to the next timer instead of waiting for it."""

from __future__ import annotations

import asyncio
import math
import selectors
from collections.abc import Callable
from contextvars import Context
from typing import Any, TypeVarTuple

_Args = TypeVarTuple("_Args")

SOON_S = 5.0
"""Real time in which something happens that takes a second at most; a busy machine adds to it."""


class _JumpingSelector(selectors.SelectSelector):
    """Never waits: where the loop would sleep, it moves the loop's clock instead."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise RuntimeError("deadlock: every task waits and no timer is set")
        self.now += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Minutes cost nothing and always take the same course. For tests."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now

    def call_at(
        self,
        when: float,
        callback: Callable[[*_Args], object],
        *args: *_Args,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        # A real clock moves on by itself. On one that stands still, code that sets its timer again
        # for what rounding has left (aiolimiter does) would do so for ever.
        later = max(when, math.nextafter(self.time(), math.inf))
        return super().call_at(later, callback, *args, context=context)
