"""Token -> one line of the bot's own log, where LOG_TOKENS asks for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import structlog
from langchain_core.callbacks import AsyncCallbackHandler

from providers.base import TokenKind

log = structlog.get_logger(__name__)


class TokenLines(AsyncCallbackHandler):
    """Writes a line for each token of a run; its text only where texts may be logged."""

    run_inline = True
    reads_chunks = False

    def __init__(self, run_id: UUID, elapsed_us: Callable[[], int], *, text: bool) -> None:
        self._run_id = str(run_id)
        self._elapsed_us = elapsed_us
        self._text = text
        self._seq = 0

    async def on_llm_new_token(
        self, token: Any, *, kind: TokenKind = "text", **_kwargs: Any
    ) -> None:
        """Writes one line: the token's number, when it came, its kind and its length."""
        said = {"text": token} if self._text else {}
        log.info(
            "token",
            run_id=self._run_id,
            seq=self._seq,
            at_us=self._elapsed_us(),
            kind=kind,
            length=len(token),
            **said,
        )
        self._seq += 1
