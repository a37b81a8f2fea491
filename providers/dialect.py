"""Where OpenAI's chat dialects differ, and how each is made the same.

Every server calls reasoning, usage and tool calls a little differently. Both ways to read a
stream take a chunk through these functions, so nothing behind them knows one from the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.base import Usage

Chunk = dict[str, Any]


def choice_of(chunk: Chunk) -> dict[str, Any] | None:
    """The answer's part in a chunk; None in one that carries usage or a filter's results only."""
    choices = chunk.get("choices")
    return choices[0] if choices else None


def error_in(chunk: Chunk) -> Any:
    """What a chunk says went wrong, at whatever level; nothing where it doesn't.

    Most say it of the chunk, OpenRouter of the choice, Groq in `x_groq`, MiniMax by a status in
    `base_resp`; vLLM and the Responses API make a whole chunk of it, DashScope one without choices.
    What Azure says of a content filter that did not run is no failure of the answer.
    """
    choices = chunk.get("choices")
    of_choices = choices if isinstance(choices, list) else []
    parts = (chunk, chunk.get("x_groq"), *of_choices)
    deeper = (_field(choice, name) for choice in of_choices for name in ("delta", "message"))
    for part in (*parts, *deeper):
        if error := _field(part, "error"):
            return error
    if code := _field(base := chunk.get("base_resp"), "status_code"):
        return {"code": f"base_resp:{code}", "message": _field(base, "status_msg")}
    is_error = "error" in (chunk.get("type"), chunk.get("object"))
    bare = not choices and chunk.get("code") and chunk.get("message")
    return chunk if is_error or bare else None


def unended(chunk: Chunk) -> Chunk:
    """A chunk that says that the answer failed, as one that only says what else is in it."""
    choices = chunk.get("choices")
    kept = [
        {name: value for name, value in choice.items() if name not in {"error", "finish_reason"}}
        for choice in (choices if isinstance(choices, list) else ())
        if isinstance(choice, dict)
    ]
    return {name: value for name, value in chunk.items() if name != "error"} | {"choices": kept}


def _field(part: Any, name: str) -> Any:
    return part.get(name) if isinstance(part, dict) else None


def delta_of(choice: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is new; empty where it is missing or null (Azure's filter sends such chunks)."""
    return choice.get("delta") or {}


def reasoning_of(delta: Mapping[str, Any]) -> Any:
    """DeepSeek, llama.cpp and older vLLM call it `reasoning_content`; others, `reasoning`."""
    return delta.get("reasoning_content") or delta.get("reasoning")


def tool_calls_of(delta: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The tool calls, each with an index and a function, which some servers leave out."""
    calls = delta.get("tool_calls") or ()
    return [{"index": n, **call, "function": call.get("function") or {}}
            for n, call in enumerate(calls)]  # fmt: skip


def usage_of(chunk: Chunk) -> Mapping[str, Any] | None:
    """The usage so far. Groq also tells it apart, Moonshot in the choice that ends an answer, and
    some servers tell it in every chunk.

    What DeepSeek had read before is moved to where all others tell it.
    """
    usage: Mapping[str, Any] | None = (
        chunk.get("usage")
        or (chunk.get("x_groq") or {}).get("usage")
        or (choice_of(chunk) or {}).get("usage")
    )
    hit = (usage or {}).get("prompt_cache_hit_tokens")
    if usage and hit and not usage.get("prompt_tokens_details"):
        return {**usage, "prompt_tokens_details": {"cached_tokens": hit}}
    return usage


def counted(usage: Mapping[str, Any]) -> Usage:
    """Usage as both of OpenAI's protocols name it; what is missing counts as none."""
    given = usage.get("prompt_tokens") or usage.get("input_tokens") or 0
    made = usage.get("completion_tokens") or usage.get("output_tokens") or 0
    details = usage.get("prompt_tokens_details") or usage.get("input_tokens_details") or {}
    return Usage(int(given), int(made), int(details.get("cached_tokens") or 0))
