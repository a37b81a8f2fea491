"""From a model's chunks, in each dialect of OpenAI's API, to clean pieces of text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from providers.base import TokenKind, Usage
from providers.calls import Fragment, StreamedCalls
from providers.thinking import ThinkBlock

# Differences between the dialects of Chat Completions.
#
# Each server names reasoning, usage, tool calls and errors a little differently. Both readers of
# streams (LangChain's and our own) use these functions, so nothing behind them sees a difference.


Chunk = dict[str, Any]


def choice_of(chunk: Chunk) -> dict[str, Any] | None:
    """The choice in a chunk; None in a chunk with only usage or a filter's results."""
    choices = chunk.get("choices")
    return choices[0] if choices else None


def error_in(chunk: Chunk) -> Any:
    """The error that a chunk reports, wherever it is; None if it reports none.

    Most services put it into the chunk, OpenRouter into the choice, Groq into `x_groq`, MiniMax
    as a status into `base_resp`; with vLLM and the Responses API it is the whole chunk, with
    DashScope a chunk without choices. Azure's report of a content filter that did not run is not
    an error of the answer.
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
    """A chunk without the error and finish reason in it: what remains is its last text."""
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
    """The choice's delta; empty if it is missing or null, as in chunks of Azure's filter."""
    return choice.get("delta") or {}


def reasoning_of(delta: Mapping[str, Any]) -> Any:
    """DeepSeek, llama.cpp and older vLLM call it `reasoning_content`; others, `reasoning`."""
    return delta.get("reasoning_content") or delta.get("reasoning")


def tool_calls_of(delta: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The tool calls, with all fields that readers expect; a missing index is None.

    One in the field that came before `tool_calls` is told like the others. Arguments that are no
    text, as some servers send them, are made to text.
    """
    calls = delta.get("tool_calls")
    if not isinstance(calls, list):
        legacy = delta.get("function_call")
        calls = [{"index": 0, "function": legacy}] if isinstance(legacy, dict) else ()
    told = [call for call in calls if isinstance(call, dict)]
    return [{"index": None, **call, "function": _function(call.get("function"))} for call in told]


def _function(told: Any) -> dict[str, Any]:
    function = dict(told) if isinstance(told, Mapping) else {}
    if isinstance(arguments := function.get("arguments"), dict | list):
        function["arguments"] = json.dumps(arguments, ensure_ascii=False)
    return function


def usage_of(chunk: Chunk) -> Mapping[str, Any] | None:
    """The usage so far, or None. Groq has it in `x_groq` too, Moonshot in the last choice, and
    some servers in every chunk.

    DeepSeek's count of cached tokens is moved to the field that all others use.
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
    """A `Usage` from either of OpenAI's protocols; a missing number counts as 0."""
    given = usage.get("prompt_tokens") or usage.get("input_tokens") or 0
    made = usage.get("completion_tokens") or usage.get("output_tokens") or 0
    details = usage.get("prompt_tokens_details") or usage.get("input_tokens_details") or {}
    return Usage(int(given), int(made), int(details.get("cached_tokens") or 0))


REPLACEMENT = "\ufffd"

# PostgreSQL stores no NUL, and UTF-8 has no lone surrogates. Some servers cut an emoji's UTF-16
# pair between two tokens.
_UNCLEAN = re.compile("[\0\ud800-\udfff]")
_HIGH_HALVES = ("\ud800", "\udbff")

Content = str | list[Any] | None
"""A token, or a message's content: text, content blocks, or nothing."""


class TextDelta(NamedTuple):
    """Some text of one kind: never empty, and without NUL or lone surrogates."""

    kind: TokenKind
    text: str

    @property
    def call(self) -> int | None:
        """The number of the tool call that it belongs to, if any."""
        return None


class CallDelta(TextDelta):
    """Some text of a tool call: of its name, or of its arguments."""

    number: int

    @classmethod
    def of(cls, text: str, number: int) -> CallDelta:
        """A piece of the call with this number."""
        piece = cls("tool", text)
        piece.number = number
        return piece

    @property
    def call(self) -> int | None:
        """See `TextDelta.call`."""
        return self.number


class MessageChunk(Protocol):
    """The attributes of a LangChain message chunk that are read."""

    content: Any
    additional_kwargs: dict[str, Any]


class Decoder:
    """Turns the tokens of one stream into pieces. Half a surrogate pair waits for the next token.

    `think_block`: whether the answer may begin with reasoning between tags; `begun`: whether it
    begins inside that reasoning, without an opening tag. `calls` are the tool calls so far.
    """

    def __init__(self, *, think_block: bool = False, begun: bool = False) -> None:
        self.calls = StreamedCalls()
        self._halves: dict[tuple[TokenKind, int | None], str] = {}
        self._thinking = ThinkBlock(begun=begun) if think_block else None

    def text(self, text: str, kind: TokenKind = "text") -> list[TextDelta]:
        """The pieces in a string; none if it is empty or is only half an emoji."""
        if self._thinking is None or kind != "text":
            if self._thinking is not None and kind == "reasoning":
                self._thinking.told_apart()
            return self._piece(text, kind)
        pieces = self._joined(self._thinking.split(text))
        if self._thinking.over:
            self._thinking = None
        return pieces

    def content(self, content: Content) -> list[TextDelta]:
        """The pieces in a token."""
        return self._pieces(_content(content))

    def message(self, message: MessageChunk) -> list[TextDelta]:
        """The pieces in a message chunk: reasoning, content, refusal, then tool calls."""
        return self._pieces(_message(message))

    def delta(self, delta: Mapping[str, Any]) -> list[TextDelta]:
        """The pieces in a chat completion's delta, in the same order as in a message chunk."""
        if len(delta) == 1 and isinstance(text := delta.get("content"), str):
            return self.text(text) if text else []  # the fast path: nearly every chunk
        return self._pieces(_delta(delta))

    def flush(self, *, whole: bool = False) -> list[TextDelta]:
        """At the stream's end: what was held back for the rest of a tag or an emoji.

        `whole`: whether the service said that the answer is complete.
        """
        pieces = self._joined(self._thinking.flush(whole=whole)) if self._thinking else []
        halves, self._halves = self._halves, {}
        for kind, call in halves:
            pieces += self._piece(REPLACEMENT, kind, call)
        return pieces

    def call(self, fragment: Fragment) -> list[TextDelta]:
        """The pieces in a fragment of a tool call: what is new of its name, then its arguments."""
        if self.calls.repeats(fragment):
            return []
        number = self.calls.place(fragment)
        pieces: list[TextDelta] = []
        if number is not None and isinstance(fragment.name, str) and fragment.name:
            name = self.calls.new_name(number, fragment.name)
            pieces += self._piece(name, "tool", number, is_name=True)
        if isinstance(fragment.arguments, str):
            pieces += self._piece(fragment.arguments, "tool", number)
        return pieces

    def _pieces(self, raw: Iterable[Raw]) -> list[TextDelta]:
        pieces: list[TextDelta] = []
        for part in raw:
            if isinstance(part, Fragment):
                pieces += self.call(part)
            elif isinstance(part[1], str) and part[1]:
                pieces += self.text(part[1], part[0])
        return pieces

    def _joined(self, parts: Iterable[tuple[TokenKind, str]]) -> list[TextDelta]:
        return [piece for kind, text in parts if text for piece in self._piece(text, kind)]

    def _piece(
        self, text: str, kind: TokenKind, call: int | None = None, *, is_name: bool = False
    ) -> list[TextDelta]:
        if self._halves or _UNCLEAN.search(text):
            text = self._clean(text, kind, call)
        if not text or call is None:
            return [TextDelta(kind, text)] if text else []
        self.calls.take(call, text, is_name=is_name)
        return [CallDelta.of(text, call)]

    def _clean(self, text: str, kind: TokenKind, call: int | None) -> str:
        text = self._halves.pop((kind, call), "") + text
        if not _UNCLEAN.search(text):
            return text
        if _HIGH_HALVES[0] <= text[-1] <= _HIGH_HALVES[1]:
            self._halves[kind, call] = text[-1]
            text = text[:-1]
        # UTF-16 joins the pairs and shows which halves stand alone.
        units = text.replace("\0", REPLACEMENT).encode("utf-16-le", "surrogatepass")
        return units.decode("utf-16-le", "replace")


Raw = tuple[TokenKind, Any] | Fragment
"""What a chunk has: a kind and what should be text, or a fragment of a tool call."""


def _message(message: MessageChunk) -> Iterator[Raw]:
    extra = message.additional_kwargs
    yield "reasoning", extra.get("reasoning_content")
    calls: list[Mapping[str, Any]] = getattr(message, "tool_call_chunks", None) or [
        {
            **call,
            "args": call["args"] if isinstance(call["args"], str) else json.dumps(call["args"]),
        }
        for name in ("tool_calls", "invalid_tool_calls")
        for call in getattr(message, name, ())
    ]
    for part in _content(message.content):
        # LangChain has each call twice: as a content block, and in `tool_call_chunks`.
        if not (calls and isinstance(part, Fragment)):
            yield part
    yield "refusal", extra.get("refusal")
    extras = json.loads(extra.get("call_extras") or "[]")
    for place, call in enumerate(calls):
        beside = extras[place] if place < len(extras) else None
        yield Fragment(call.get("index"), call.get("id"), call["name"], call["args"], place, beside)


def _delta(delta: Mapping[str, Any]) -> Iterator[Raw]:
    yield "reasoning", reasoning_of(delta)
    calls = tool_calls_of(delta)
    for part in _content(delta.get("content")):
        if not (calls and isinstance(part, Fragment)):
            yield part
    yield "refusal", delta.get("refusal")
    for place, call in enumerate(calls):
        function = call["function"]
        yield Fragment(
            call["index"],
            call.get("id"),
            function.get("name"),
            function.get("arguments"),
            place,
            call.get("extra_content"),
        )


def _content(content: Content) -> Iterator[Raw]:
    if isinstance(content, str):
        yield "text", content
        return
    for block in content or ():
        if isinstance(block, str):
            yield "text", block
        elif isinstance(block, Mapping):
            yield from _block(block)


def _block(block: Mapping[str, Any]) -> Iterator[Raw]:
    match block.get("type"):
        case "text" | "output_text" | "text_delta":
            yield "text", block.get("text")
        case "refusal":
            yield "refusal", block.get("refusal")
        case "reasoning" | "thinking":
            yield from _reasoning(block)
        case "function_call" | "tool_call_chunk" | "tool_call" | "tool_use" | "input_json_delta":
            arguments = (block.get(key) for key in ("args", "arguments", "partial_json"))
            text = "".join(told for told in arguments if isinstance(told, str))
            known = block.get("call_id") or block.get("id")
            yield Fragment(block.get("index"), known, block.get("name"), text)


def _reasoning(block: Mapping[str, Any]) -> Iterator[Raw]:
    """Reasoning as one string (LangChain, Anthropic) or as parts (Responses API, Mistral)."""
    for key in ("reasoning", "thinking", "summary", "content"):
        said = block.get(key)
        if isinstance(said, list):
            yield from (("reasoning", part.get("text")) for part in said)
        else:
            yield "reasoning", said
