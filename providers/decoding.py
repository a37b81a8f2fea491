"""From a model's chunks, in each dialect of OpenAI's API, to clean pieces of text."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from providers.base import TokenKind, Usage
from providers.errors import Answered
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
    """The tool calls; an index or a function that a server left out is filled in."""
    calls = delta.get("tool_calls") or ()
    return [{"index": n, **call, "function": call.get("function") or {}}
            for n, call in enumerate(calls)]  # fmt: skip


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


class MessageChunk(Protocol):
    """The attributes of a LangChain message chunk that are read."""

    content: Any
    additional_kwargs: dict[str, Any]


class Decoder:
    """Turns the tokens of one stream into pieces. Half a surrogate pair waits for the next token.

    `think_block`: whether the answer may begin with reasoning between tags; `begun`: whether it
    begins inside that reasoning, without an opening tag.
    """

    def __init__(self, *, think_block: bool = False, begun: bool = False) -> None:
        self._halves: dict[TokenKind, str] = {}
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
        return [*pieces, *(TextDelta(kind, REPLACEMENT) for kind in halves)]

    def _pieces(self, raw: Iterable[tuple[TokenKind, Any]]) -> list[TextDelta]:
        return [
            piece
            for kind, text in raw
            if isinstance(text, str) and text
            for piece in self.text(text, kind)
        ]

    def _joined(self, parts: Iterable[tuple[TokenKind, str]]) -> list[TextDelta]:
        return [piece for kind, text in parts if text for piece in self._piece(text, kind)]

    def _piece(self, text: str, kind: TokenKind) -> list[TextDelta]:
        if text and not self._halves and not _UNCLEAN.search(text):
            return [TextDelta(kind, text)]
        clean = self._clean(text, kind)
        return [TextDelta(kind, clean)] if clean else []

    def _clean(self, text: str, kind: TokenKind) -> str:
        text = self._halves.pop(kind, "") + text
        if not _UNCLEAN.search(text):
            return text
        if _HIGH_HALVES[0] <= text[-1] <= _HIGH_HALVES[1]:
            self._halves[kind] = text[-1]
            text = text[:-1]
        # UTF-16 joins the pairs and shows which halves stand alone.
        units = text.replace("\0", REPLACEMENT).encode("utf-16-le", "surrogatepass")
        return units.decode("utf-16-le", "replace")


def _message(message: MessageChunk) -> Iterator[tuple[TokenKind, Any]]:
    extra = message.additional_kwargs
    yield "reasoning", extra.get("reasoning_content")
    calls: list[Mapping[str, Any]] = getattr(message, "tool_call_chunks", [])
    for kind, text in _content(message.content):
        # LangChain has each call twice: as a content block, and in `tool_call_chunks`.
        if not (calls and kind == "tool"):
            yield kind, text
    yield "refusal", extra.get("refusal")
    for call in calls:
        yield from _call(call)


def _delta(delta: Mapping[str, Any]) -> Iterator[tuple[TokenKind, Any]]:
    yield "reasoning", reasoning_of(delta)
    calls = tool_calls_of(delta)
    for kind, text in _content(delta.get("content")):
        if not (calls and kind == "tool"):
            yield kind, text
    yield "refusal", delta.get("refusal")
    for call in calls:
        yield from _call(call["function"])


def _content(content: Content) -> Iterator[tuple[TokenKind, Any]]:
    if isinstance(content, str):
        yield "text", content
        return
    for block in content or ():
        if isinstance(block, str):
            yield "text", block
        elif isinstance(block, Mapping):
            yield from _block(block)


def _block(block: Mapping[str, Any]) -> Iterator[tuple[TokenKind, Any]]:
    match block.get("type"):
        case "text" | "output_text" | "text_delta":
            yield "text", block.get("text")
        case "refusal":
            yield "refusal", block.get("refusal")
        case "reasoning" | "thinking":
            yield from _reasoning(block)
        case "function_call" | "tool_call_chunk" | "tool_call" | "tool_use" | "input_json_delta":
            yield from _call(block)


def _reasoning(block: Mapping[str, Any]) -> Iterator[tuple[TokenKind, Any]]:
    """Reasoning as one string (LangChain, Anthropic) or as parts (Responses API, Mistral)."""
    for key in ("reasoning", "thinking", "summary", "content"):
        said = block.get(key)
        if isinstance(said, list):
            yield from (("reasoning", part.get("text")) for part in said)
        else:
            yield "reasoning", said


def _call(call: Mapping[str, Any]) -> Iterator[tuple[TokenKind, Any]]:
    yield "tool", call.get("name")
    for key in ("args", "arguments", "partial_json"):
        yield "tool", call.get(key)


# The parts of a response, as the Responses API streams them.
#
# Each part comes three times: as deltas, whole in the event that ends it, and whole again in the
# event that ends the response. A stream may break before the last two, so deltas count as they
# come; and the last two may have more text than the deltas had, so they fill in what is missing.
# Both readers of streams use this.


DELTAS: dict[str, TokenKind] = {
    "response.output_text.delta": "text",
    "response.refusal.delta": "refusal",
    "response.reasoning_summary_text.delta": "reasoning",
    "response.reasoning_text.delta": "reasoning",
    "response.function_call_arguments.delta": "tool",
}
"""Events with a `delta`, and the kind of its text."""

DONE: dict[str, tuple[TokenKind, str]] = {
    "response.output_text.done": ("text", "text"),
    "response.refusal.done": ("refusal", "refusal"),
    "response.reasoning_summary_text.done": ("reasoning", "text"),
    "response.reasoning_text.done": ("reasoning", "text"),
    "response.function_call_arguments.done": ("tool", "arguments"),
}
"""Events that end a part: the kind of its text, and the field that has all of it."""

ENDS = frozenset({"response.completed", "response.incomplete"})

_CONTENTS: dict[str, tuple[TokenKind, str]] = {
    "output_text": ("text", "text"),
    "refusal": ("refusal", "refusal"),
}

Event = Mapping[str, Any]


class Parts:
    """What has come of each part of one response."""

    def __init__(self) -> None:
        self._open: defaultdict[tuple[TokenKind, Any, Any], list[str]] = defaultdict(list)
        self._came: defaultdict[TokenKind, list[str]] = defaultdict(list)

    def delta(self, event: Event, kind: TokenKind) -> str:
        """Notes a delta and returns its text."""
        text: str = event["delta"]
        self._open[_key(event, kind)].append(text)
        self._came[kind].append(text)
        return text

    def done(self, event: Event) -> tuple[TokenKind, str]:
        """A part ended: its kind, and the text at its end that no delta had."""
        kind, field = DONE[event["type"]]
        rest = _rest(self._open.pop(_key(event, kind), []), event.get(field))
        self._came[kind].append(rest)
        return kind, rest

    def ended(self, output: Any) -> Iterator[tuple[TokenKind, str]]:
        """The response ended with these items: the text, by kind, that has not come before.

        All text of a kind is compared at once: gateways give the parts other ids and numbers here.
        """
        texts: defaultdict[TokenKind, list[str]] = defaultdict(list)
        for content in _contents(output):
            if known := _CONTENTS.get(str(content.get("type"))):
                kind, field = known
                texts[kind].append(content.get(field) or "")
        for kind, said in texts.items():
            yield kind, _rest(self._came[kind], "".join(said))


def status_of(event: str, response: Any) -> str:
    """How a response ended, by its last event and its own status.

    `response` has the fields `status` and `error`. Raises `Answered` if it failed.
    """
    if response.get("error") or event == "response.failed":
        raise Answered(response.get("error"))
    named = event.removeprefix("response.")
    return named if named != "completed" else str(response.get("status") or named)


def _key(event: Event, kind: TokenKind) -> tuple[TokenKind, Any, Any]:
    index = event.get("content_index", event.get("summary_index"))
    return kind, event.get("item_id"), index


def _rest(came: list[str], whole: Any) -> str:
    """What follows in `whole` after what came.

    Empty if it differs from what came: that was shown already, and can't be taken back.
    """
    text = "".join(came)
    return whole[len(text) :] if isinstance(whole, str) and whole.startswith(text) else ""


def _contents(output: Any) -> Iterator[Event]:
    for item in output if isinstance(output, list) else ():
        contents = item.get("content") if isinstance(item, dict) else None
        yield from (each for each in contents or () if isinstance(each, dict))
