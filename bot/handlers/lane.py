"""A lane carries a run's callbacks to one handler, on a task of its own.

The model's stream awaits its callbacks one after the other, so a handler that waits would hold
up the model and every handler behind it. A lane only appends and returns: whatever its handler
does, slow, raising or hanging, stays in its lane.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any
from uuid import UUID

import structlog
from langchain_core.callbacks import AsyncCallbackHandler

log = structlog.get_logger(__name__)

_Call = tuple[str, tuple[Any, ...], dict[str, Any]]


class Lane(AsyncCallbackHandler):
    """Hands every callback on to `handler`, in order, without ever making the caller wait."""

    run_inline = True

    def __init__(self, handler: AsyncCallbackHandler, name: str) -> None:
        self.name = name
        self.fault: str | None = None
        """What went wrong with the handler first, or None."""
        self._handler = handler
        self._calls: deque[_Call] = deque()
        self._wake = asyncio.Event()
        self._finished = False
        self._task = asyncio.create_task(self._carry(), name=f"lane {name}")

    async def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
        self._put("on_chat_model_start", args, kwargs)

    async def on_llm_new_token(self, token: Any, *, run_id: UUID, **kwargs: Any) -> None:
        self._put("on_llm_new_token", (token,), {"run_id": run_id, **kwargs})

    async def on_llm_end(self, *args: Any, **kwargs: Any) -> None:
        self._put("on_llm_end", args, kwargs)

    async def on_llm_error(self, *args: Any, **kwargs: Any) -> None:
        self._put("on_llm_error", args, kwargs)

    def close(self) -> None:
        """Takes no further callbacks."""
        self._finished = True
        self._wake.set()

    async def finish(self, timeout: float) -> None:
        """Waits until the handler has had everything, at most `timeout` seconds, and ends it."""
        self.close()
        _, late = await asyncio.wait({self._task}, timeout=timeout)
        if late:
            self._blame(f"hung: {len(self._calls)} callbacks were waiting after {timeout:g} s")
            self._task.cancel()

    def _put(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if not self._finished:
            self._calls.append((method, args, kwargs))
            self._wake.set()

    async def _carry(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._calls:
                await self._call(*self._calls.popleft())
            if self._finished:
                return

    async def _call(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        try:
            await getattr(self._handler, method)(*args, **kwargs)
        except NotImplementedError:
            return  # LangChain's way to say that a handler does not care for a chat model's start
        except Exception as error:  # noqa: BLE001 - a handler may fail in any way; it is reported
            self._blame(f"{method} raised {type(error).__name__}")

    def _blame(self, fault: str) -> None:
        if self.fault is None:
            self.fault = fault
            log.error("handler.failed", handler=self.name, fault=fault)
