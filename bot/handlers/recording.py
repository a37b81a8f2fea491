"""Token -> the token log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol
from uuid import UUID

import structlog
from langchain_core.callbacks import AsyncCallbackHandler

from providers.base import TokenKind

log = structlog.get_logger(__name__)


class TokenSink(Protocol):
    """Where tokens are recorded; `add` never waits."""

    def add(self, run_id: UUID, seq: int, at_us: int, text: str, kind: TokenKind) -> None:
        """Takes one token: its number in the run, and microseconds since the run's start."""
        ...


class RecordingHandler(AsyncCallbackHandler):
    """Appends each token of a run to the token log."""

    run_inline = True
    reads_chunks = False

    def __init__(self, run_id: UUID, tokens: TokenSink, elapsed_us: Callable[[], int]) -> None:
        self._run_id = run_id
        self._tokens = tokens
        self._elapsed_us = elapsed_us
        self._seq = 0
        self.first_token_us: int | None = None
        """When the first token came, in microseconds since the run's start."""

    @property
    def handed_on(self) -> int:
        """Tokens that the log was given."""
        return self._seq

    async def on_llm_new_token(
        self, token: Any, *, kind: TokenKind = "text", **_kwargs: Any
    ) -> None:
        """Records one token under the run's id, whatever id the caller's own run has."""
        at_us = self._elapsed_us()
        if self.first_token_us is None:
            self.first_token_us = at_us
            log.info("run.first_token", after_us=at_us)
        self._tokens.add(self._run_id, self._seq, at_us, token, kind)
        self._seq += 1
