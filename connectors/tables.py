"""A connector's own tables in the bot's database: failures as ours, and changes that are whole."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from connectors.base import Unavailable

_Result = TypeVar("_Result")


@contextmanager
def reachable() -> Iterator[None]:
    """Raises `Unavailable` where the database fails in the block."""
    try:
        yield
    except SQLAlchemyError as error:
        raise Unavailable(f"The database did not do its part: {type(error).__name__}.") from error


class Changes:
    """Changes that run to their end also if who waits is cancelled.

    A cancelled statement can leave SQLite's file locked.
    """

    def __init__(self) -> None:
        self._under_way: set[asyncio.Task[Any]] = set()

    async def whole(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """Runs a change, and returns what it returns."""
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def aclose(self) -> None:
        """Waits for the changes that are running."""
        await asyncio.gather(*self._under_way, return_exceptions=True)
