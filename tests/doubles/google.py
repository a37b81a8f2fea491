"""What a server of Gemini's API sends; served by `tests.doubles.openai.OpenAIServer`.

The answers are those of https://ai.google.dev/api/generate-content , as server-sent events.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tests.doubles.openai import Answer

MODEL = "gemini-2.5-flash"


def chunk(parts: Sequence[dict[str, Any]], finish: str | None = None, **extra: Any) -> bytes:
    """One event of a streamed answer."""
    candidate: dict[str, Any] = {"index": 0, "content": {"parts": list(parts), "role": "model"}}
    if finish is not None:
        candidate["finishReason"] = finish
    return event({"candidates": [candidate], "modelVersion": MODEL, "responseId": "r1", **extra})


def event(data: object) -> bytes:
    """One server-sent event."""
    return b"data: " + json.dumps(data).encode() + b"\r\n\r\n"


def texts(*tokens: str) -> list[bytes]:
    """Chunks of text; each says the usage so far, as Gemini does."""
    return [chunk([{"text": token}], usageMetadata=used(n + 1)) for n, token in enumerate(tokens)]


def thought(text: str) -> bytes:
    """A chunk of a thought's summary."""
    return chunk([{"text": text, "thought": True}])


def finish(reason: str = "STOP", output_tokens: int = 4) -> list[bytes]:
    """The last chunk: an empty text, the reason, the whole usage."""
    return [chunk([{"text": ""}], reason, usageMetadata=used(output_tokens))]


def used(output_tokens: int, input_tokens: int = 9) -> dict[str, int]:
    """The usage so far."""
    return {
        "promptTokenCount": input_tokens,
        "candidatesTokenCount": output_tokens,
        "totalTokenCount": input_tokens + output_tokens,
    }


def told(status: int, word: str, message: str, *details: dict[str, Any]) -> dict[str, Any]:
    """An error as Google's services write them."""
    return {"error": {"code": status, "message": message, "status": word, "details": details}}


def failure(
    status: int, word: str, *details: dict[str, Any], message: str = "about sk-secret"
) -> Answer:
    """An error answer."""
    body = json.dumps(told(status, word, message, *details)).encode()
    return Answer([body], status, {"Content-Type": "application/json; charset=UTF-8"})
