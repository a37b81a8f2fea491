"""What a model's chunks carry, as clean pieces of text, in each dialect of OpenAI's API."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from providers.base import TokenKind, Usage
from providers.errors import Answered
from providers.thinking import ThinkBlock

# Where OpenAI's chat dialects differ, and how each is made the same.
#
# Every server calls reasoning, usage and tool calls a little differently. Both ways to read a
# stream take a chunk through these functions, so nothing behind them knows one from the other.


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


REPLACEMENT = "\ufffd"

_UNCLEAN = re.compile("[\0\ud800-\udfff]")
_HIGH_HALVES = ("\ud800", "\udbff")

Content = str | list[Any] | None
"""A token, or a message's content: text, content blocks, or nothing."""


class TextDelta(NamedTuple):
    """Some text of one kind; never empty, always storable."""

    kind: TokenKind
    text: str


class MessageChunk(Protocol):
    """What is read of a LangChain message chunk."""

    content: Any
    additional_kwargs: dict[str, Any]


class Decoder:
    """Turns one stream's tokens into pieces. Keeps half a surrogate pair for the next token.

    `think_block`: whether the answer may begin with its reasoning, between tags; `begun`: whether
    it does so without the opening one.
    """

    def __init__(self, *, think_block: bool = False, begun: bool = False) -> None:
        self._halves: dict[TokenKind, str] = {}
        self._thinking = ThinkBlock(begun=begun) if think_block else None

    def text(self, text: str, kind: TokenKind = "text") -> list[TextDelta]:
        """The pieces in one string; none where nothing is left or only half an emoji came."""
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
            return self.text(text) if text else []  # nearly every chunk of nearly every service
        return self._pieces(_delta(delta))

    def flush(self, *, whole: bool = False) -> list[TextDelta]:
        """At the stream's end: the beginning of a tag that never came, and half a surrogate pair
        that never met its other half. `whole`: the service said that the answer is."""
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
        # The same call stands in the chunk's own list too.
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
    """Reasoning in one string (LangChain, Anthropic), or in parts (Responses API, Mistral)."""
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


# The parts of a response, as the Responses API streams them: what their deltas brought so far.
#
# Each part comes as deltas and then whole, in an event that ends it; the response's own end has
# all of them again. A stream may be cut before either, so a delta counts as it comes; and an end
# may have more than the deltas did, so what is missing there is made up for. Both ways to read a
# stream go by this.


DELTAS: dict[str, TokenKind] = {
    "response.output_text.delta": "text",
    "response.refusal.delta": "refusal",
    "response.reasoning_summary_text.delta": "reasoning",
    "response.reasoning_text.delta": "reasoning",
    "response.function_call_arguments.delta": "tool",
}
"""Events whose `delta` is a piece."""

DONE: dict[str, tuple[TokenKind, str]] = {
    "response.output_text.done": ("text", "text"),
    "response.refusal.done": ("refusal", "refusal"),
    "response.reasoning_summary_text.done": ("reasoning", "text"),
    "response.reasoning_text.done": ("reasoning", "text"),
    "response.function_call_arguments.done": ("tool", "arguments"),
}
"""Events that end a part, the kind of its pieces, and the field with all of it."""

ENDS = frozenset({"response.completed", "response.incomplete"})

_CONTENTS: dict[str, tuple[TokenKind, str]] = {
    "output_text": ("text", "text"),
    "refusal": ("refusal", "refusal"),
}

Event = Mapping[str, Any]


class Parts:
    """One response's parts, by their kind."""

    def __init__(self) -> None:
        self._open: defaultdict[tuple[TokenKind, Any, Any], list[str]] = defaultdict(list)
        self._came: defaultdict[TokenKind, list[str]] = defaultdict(list)

    def delta(self, event: Event, kind: TokenKind) -> str:
        """A delta came; returns its text."""
        text: str = event["delta"]
        self._open[_key(event, kind)].append(text)
        self._came[kind].append(text)
        return text

    def done(self, event: Event) -> tuple[TokenKind, str]:
        """A part ended: its kind, and what its deltas did not bring of it."""
        kind, field = DONE[event["type"]]
        rest = _rest(self._open.pop(_key(event, kind), []), event.get(field))
        self._came[kind].append(rest)
        return kind, rest

    def ended(self, output: Any) -> Iterator[tuple[TokenKind, str]]:
        """The response ended with these items: what did not come before of its texts.

        Compared whole, kind by kind: gateways number and name the parts here otherwise than there.
        """
        texts: defaultdict[TokenKind, list[str]] = defaultdict(list)
        for content in _contents(output):
            if known := _CONTENTS.get(str(content.get("type"))):
                kind, field = known
                texts[kind].append(content.get(field) or "")
        for kind, said in texts.items():
            yield kind, _rest(self._came[kind], "".join(said))


def status_of(event: str, response: Any) -> str:
    """How a response ended, by the event that ends it and its own status.

    `response` has the fields `status` and `error`. Raises `Answered` where it failed.
    """
    if response.get("error") or event == "response.failed":
        raise Answered(response.get("error"))
    named = event.removeprefix("response.")
    return named if named != "completed" else str(response.get("status") or named)


def _key(event: Event, kind: TokenKind) -> tuple[TokenKind, Any, Any]:
    index = event.get("content_index", event.get("summary_index"))
    return kind, event.get("item_id"), index


def _rest(came: list[str], whole: Any) -> str:
    """What is left of a text; nothing where it is not what came: that can't be taken back."""
    text = "".join(came)
    return whole[len(text) :] if isinstance(whole, str) and whole.startswith(text) else ""


def _contents(output: Any) -> Iterator[Event]:
    for item in output if isinstance(output, list) else ():
        contents = item.get("content") if isinstance(item, dict) else None
        yield from (each for each in contents or () if isinstance(each, dict))
