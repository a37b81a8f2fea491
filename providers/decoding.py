"""What a model's tokens and chunks carry, as clean pieces of text.

A token may be a string, nothing, or a list of content blocks; a refusal and reasoning stand
beside it; an emoji may be split over two tokens. What leaves this module is storable text
everywhere: no lone surrogates, no NUL, nothing empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from providers.base import TokenKind
from providers.dialect import reasoning_of, tool_calls_of
from providers.thinking import ThinkBlock

REPLACEMENT = "\ufffd"

_UNCLEAN = re.compile("[\0\ud800-\udfff]")
_HIGH_HALVES = ("\ud800", "\udbff")

Content = str | list[Any] | None
"""A token, or a message's content: text, content blocks, or nothing."""


class Piece(NamedTuple):
    """Some text of one kind; never empty, always storable."""

    kind: TokenKind
    text: str


class Message(Protocol):
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

    def text(self, text: str, kind: TokenKind = "text") -> list[Piece]:
        """The pieces in one string; none where nothing is left or only half an emoji came."""
        if self._thinking is None or kind != "text":
            if self._thinking is not None and kind == "reasoning":
                self._thinking.told_apart()
            return self._piece(text, kind)
        pieces = self._joined(self._thinking.split(text))
        if self._thinking.over:
            self._thinking = None
        return pieces

    def content(self, content: Content) -> list[Piece]:
        """The pieces in a token."""
        return self._pieces(_content(content))

    def message(self, message: Message) -> list[Piece]:
        """The pieces in a message chunk: reasoning, content, refusal, then tool calls."""
        return self._pieces(_message(message))

    def delta(self, delta: Mapping[str, Any]) -> list[Piece]:
        """The pieces in a chat completion's delta, in the same order as in a message chunk."""
        if len(delta) == 1 and isinstance(text := delta.get("content"), str):
            return self.text(text) if text else []  # nearly every chunk of nearly every service
        return self._pieces(_delta(delta))

    def flush(self, *, whole: bool = False) -> list[Piece]:
        """At the stream's end: the beginning of a tag that never came, and half a surrogate pair
        that never met its other half. `whole`: the service said that the answer is."""
        pieces = self._joined(self._thinking.flush(whole=whole)) if self._thinking else []
        halves, self._halves = self._halves, {}
        return [*pieces, *(Piece(kind, REPLACEMENT) for kind in halves)]

    def _pieces(self, raw: Iterable[tuple[TokenKind, Any]]) -> list[Piece]:
        return [
            piece
            for kind, text in raw
            if isinstance(text, str) and text
            for piece in self.text(text, kind)
        ]

    def _joined(self, parts: Iterable[tuple[TokenKind, str]]) -> list[Piece]:
        return [piece for kind, text in parts if text for piece in self._piece(text, kind)]

    def _piece(self, text: str, kind: TokenKind) -> list[Piece]:
        if text and not self._halves and not _UNCLEAN.search(text):
            return [Piece(kind, text)]
        clean = self._clean(text, kind)
        return [Piece(kind, clean)] if clean else []

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


def _message(message: Message) -> Iterator[tuple[TokenKind, Any]]:
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
