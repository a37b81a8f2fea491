"""Token -> the reply's buffer."""

from __future__ import annotations

from typing import Any, Protocol

from langchain_core.callbacks import AsyncCallbackHandler

from providers.base import ANSWER_KINDS, TokenKind


class Buffer(Protocol):
    """What grows on the reader's screen; `append` never waits."""

    def append(self, text: str) -> None:
        """Takes the answer's next characters."""
        ...


class DeliveryHandler(AsyncCallbackHandler):
    """Passes each token of the answer on to the reply."""

    run_inline = True

    def __init__(self, reply: Buffer) -> None:
        self._reply = reply

    async def on_llm_new_token(
        self, token: Any, *, kind: TokenKind = "text", **_kwargs: Any
    ) -> None:
        """Delivers a token that the reader is to see."""
        if kind in ANSWER_KINDS:
            self._reply.append(token)
