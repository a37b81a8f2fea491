"""What a server of Anthropic's Messages API sends; served by `tests.doubles.openai.OpenAIServer`.

The events are those of https://docs.anthropic.com/en/docs/build-with-claude/streaming .
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.doubles.openai import Answer

MODEL = "claude-haiku-4-5"


def event(name: str, **data: Any) -> bytes:
    """One server-sent event, with its name."""
    body = json.dumps({"type": name, **data})
    return f"event: {name}\ndata: {body}\n\n".encode()


def opening() -> bytes:
    """The event that opens a message."""
    usage = {"input_tokens": 9, "output_tokens": 1}
    message: dict[str, Any] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "content": [],
        "model": MODEL,
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }
    return event("message_start", message=message)


def block(index: int, **content: Any) -> bytes:
    """The event that opens a content block."""
    return event("content_block_start", index=index, content_block=content)


def delta(index: int, kind: str, **content: Any) -> bytes:
    """What is new in a content block."""
    return event("content_block_delta", index=index, delta={"type": kind, **content})


def texts(*tokens: str, index: int = 0) -> list[bytes]:
    """A text block, token by token."""
    return [
        block(index, type="text", text=""),
        *(delta(index, "text_delta", text=token) for token in tokens),
        event("content_block_stop", index=index),
    ]


def thoughts(*tokens: str, index: int = 0) -> list[bytes]:
    """A block of thoughts, and its signature."""
    return [
        block(index, type="thinking", thinking="", signature=""),
        *(delta(index, "thinking_delta", thinking=token) for token in tokens),
        delta(index, "signature_delta", signature="EqQBCgIYAhIM"),
        event("content_block_stop", index=index),
    ]


def tool_call(name: str, *arguments: str, index: int = 1) -> list[bytes]:
    """A tool call, its arguments in pieces."""
    return [
        block(index, type="tool_use", id="toolu_1", name=name, input={}),
        *(delta(index, "input_json_delta", partial_json=piece) for piece in arguments),
        event("content_block_stop", index=index),
    ]


def finish(reason: str = "end_turn", output_tokens: int = 4) -> list[bytes]:
    """The events that end a message: the reason, with the usage, and the end."""
    ended = {"stop_reason": reason, "stop_sequence": None}
    used = {"input_tokens": 9, "output_tokens": output_tokens}
    return [event("message_delta", delta=ended, usage=used), event("message_stop")]


def error(kind: str) -> bytes:
    """An error in mid-stream."""
    return event("error", error={"type": kind, "message": "about sk-secret"})


def failure(status: int, kind: str, message: str = "about sk-secret", **headers: str) -> Answer:
    """An error answer, not to be tried again by the client."""
    body = json.dumps({"type": "error", "error": {"type": kind, "message": message}}).encode()
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    known: Mapping[str, str] = {"Content-Type": "application/json", "x-should-retry": "false"}
    return Answer([body], status, {**known, **told})
