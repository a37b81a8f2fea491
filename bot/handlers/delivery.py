"""Token -> the reply's buffer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from langchain_core.callbacks import AsyncCallbackHandler

from bot.reply import Buffer, Reasoning, Telling
from providers.base import TokenKind


class DeliveryHandler(AsyncCallbackHandler):
    """Passes on to the reply what of each token the reader is to see."""

    run_inline = True
    reads_chunks = False

    def __init__(
        self, reply: Buffer, elapsed_us: Callable[[], int], reasoning: Reasoning = "hidden"
    ) -> None:
        self._telling = Telling(reply, reasoning)
        self._elapsed_us = elapsed_us

    async def on_llm_new_token(
        self, token: Any, *, kind: TokenKind = "text", **_kwargs: Any
    ) -> None:
        """Delivers a token."""
        self._telling.take(token, kind, self._elapsed_us)
