"""Virtual time: an event loop whose clock jumps to the next timer instead of waiting for it."""

from __future__ import annotations

import asyncio
import math
import selectors
from collections.abc import Callable
from contextvars import Context
from typing import Any, TypeVar, TypeVarTuple

_Args = TypeVarTuple("_Args")


_Result = TypeVar("_Result")
_LONGEST_THREAD_S = 60.0
"""Real seconds after which what a thread does counts as a deadlock."""


class _JumpingSelector(selectors.SelectSelector):
    """Never waits: where the loop would sleep, it moves the loop's clock instead.

    Only while a thread has work of the loop's does it wait, and then the clock stands still: what
    comes first would else depend on how busy the machine is.
    """

    now = 0.0
    threads = 0
    """How many threads have work of the loop's."""

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(_LONGEST_THREAD_S if self.threads and timeout != 0 else 0)
        if ready or timeout == 0:
            return ready
        if self.threads:
            raise RuntimeError("deadlock: a thread doesn't end")
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

    def run_in_executor(
        self, executor: Any, func: Callable[[*_Args], _Result], *args: *_Args
    ) -> asyncio.Future[_Result]:
        result = super().run_in_executor(executor, func, *args)
        self._jumping.threads += 1
        result.add_done_callback(self._thread_ended)
        return result

    async def shutdown_default_executor(self, *args: Any) -> None:
        self._jumping.threads += 1
        try:
            await super().shutdown_default_executor(*args)
        finally:
            self._jumping.threads -= 1

    def _thread_ended(self, _result: object) -> None:
        self._jumping.threads -= 1

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
