"""Bounds the time until a model says its first word."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from providers.base import Generation, Stalled


class FirstWord:
    """Raises `Stalled` at `deadline` (the loop's time) if no token came in its `async with`.

    It looks once, when the time has come: a token costs nothing.
    """

    def __init__(self, generation: Generation, deadline: float, said: str) -> None:
        self._generation = generation
        self._said = said
        self._tokens = generation.tokens
        self._limit = asyncio.timeout(None)
        self._bell = asyncio.get_running_loop().call_at(deadline, self._ring)

    async def __aenter__(self) -> Self:
        await self._limit.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bell.cancel()
        try:
            await self._limit.__aexit__(kind, error, trace)
        except TimeoutError as late:
            raise Stalled(self._said) from late
        if self._limit.expired() and isinstance(error, Exception):
            # A stream that is cancelled may raise something of its own instead.
            raise Stalled(self._said) from error

    def _ring(self) -> None:
        if self._generation.tokens == self._tokens:
            self._limit.reschedule(asyncio.get_running_loop().time())
