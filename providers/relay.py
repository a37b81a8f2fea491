"""Passes an answer's tokens to its callbacks, in order; a callback that fails harms no other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from langchain_core.callbacks import AsyncCallbackHandler

from providers.base import Generation, TokenKind, Turn
from providers.decoding import TextDelta
from providers.messages import as_message, as_messages

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage
    from langchain_core.outputs import ChatGenerationChunk

log = structlog.get_logger(__name__)

_FIELDS: dict[TokenKind, tuple[bool, str]] = {
    "text": (True, ""),
    "refusal": (False, "refusal"),
    "reasoning": (False, "reasoning_content"),
    "tool": (False, "tool_call"),
    "seam": (False, "seam"),
    "note": (False, "note"),
}
"""Where a message chunk has each kind of token: in its content, or in an additional field."""


_NO_CALL: dict[str, Any] = {}


class Relay:
    """Calls each callback in order. One that raises is logged once, and called again next time.

    The log has the error's class only: its message may quote the answer. If every callback has
    `reads_chunks = False`, nothing of LangChain's is made for them: a chunk costs as much as
    reading the token, and the classes of messages take 6 MB.
    """

    def __init__(self, callbacks: Sequence[AsyncCallbackHandler], run_id: UUID) -> None:
        self._callbacks = callbacks
        self._run_id = run_id
        self._reported: set[int] = set()
        self._chunked = any(getattr(callback, "reads_chunks", True) for callback in callbacks)

    async def asked(self, turns: tuple[Turn, ...]) -> None:
        """The model is asked this conversation."""
        if self._chunked:
            await self.start({}, [as_messages(turns)])

    async def start(self, serialized: dict[str, Any], messages: list[list[BaseMessage]]) -> None:
        """The model is asked through LangChain, which made these arguments."""
        await self._call("on_chat_model_start", serialized, messages)

    async def tokens(self, pieces: Iterable[TextDelta]) -> None:
        """Some pieces have come."""
        for piece in pieces:
            await self.token(piece.text, piece.kind, piece.call)

    async def token(self, text: str, kind: TokenKind, call: int | None = None) -> None:
        """One piece has come; `call` is the number of the tool call that it belongs to, if any."""
        chunk = self._chunk(text, kind) if self._chunked else None
        known = _NO_CALL if call is None else {"call": call}
        for callback in self._callbacks:
            try:
                await callback.on_llm_new_token(
                    text, chunk=chunk, run_id=self._run_id, kind=kind, **known
                )
            except Exception as error:  # noqa: BLE001 - a callback may fail in any way
                self._failed(callback, "on_llm_new_token", error)

    def _chunk(self, text: str, kind: TokenKind) -> ChatGenerationChunk:
        """A token as a LangChain chunk; the chunks of an answer can be added up to its message."""
        from langchain_core.messages import AIMessageChunk
        from langchain_core.outputs import ChatGenerationChunk

        content, beside = _FIELDS[kind]
        message = AIMessageChunk(
            content=text if content else "",
            additional_kwargs={beside: text} if beside else {},
            id=f"lc_run--{self._run_id}",
        )
        return ChatGenerationChunk(message=message)

    async def end(self, generation: Generation) -> None:
        """The answer is complete."""
        if not self._chunked:
            return
        from langchain_core.outputs import ChatGeneration, LLMResult

        said = generation.text[generation.begins :]
        message = as_message(Turn("assistant", said, calls=tuple(generation.calls)))
        result = LLMResult(generations=[[ChatGeneration(message=message)]])
        await self._call("on_llm_end", result)

    async def fail(self, error: BaseException) -> None:
        """The answer broke off."""
        await self._call("on_llm_error", error)

    async def _call(self, method: str, *args: Any, **kwargs: Any) -> None:
        for callback in self._callbacks:
            try:
                await getattr(callback, method)(*args, run_id=self._run_id, **kwargs)
            except Exception as error:  # noqa: BLE001 - a callback may fail in any way
                self._failed(callback, method, error)

    def _failed(self, callback: AsyncCallbackHandler, method: str, error: Exception) -> None:
        if isinstance(error, NotImplementedError):
            return  # LangChain's default for a callback that doesn't handle a chat model's start
        if id(callback) not in self._reported:
            self._reported.add(id(callback))
            log.error(
                "callback.failed",
                callback=type(callback).__name__,
                method=method,
                error=type(error).__name__,
            )
