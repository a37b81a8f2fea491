"""Reasoning that models write into their answers between tags; which models think, and how long."""

from __future__ import annotations

import re
from collections.abc import Iterator

from providers.base import TokenKind

_TAGS = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<reasoning>": "</reasoning>",
    "<seed:think>": "</seed:think>",
    "[think]": "[/think]",
    "◁think▷": "◁/think▷",
}
"""Opening and closing tags of reasoning, in lower case: those of DeepSeek and most others, and of
EXAONE, Seed, Magistral and Kimi."""
_LONGEST = max(map(len, _TAGS.values()))
_EITHER = re.compile("|".join(map(re.escape, [*_TAGS, *_TAGS.values()])), re.I | re.A)


class ThinkBlock:
    """Separates reasoning at the start of a stream from the answer, and removes the tags.

    A tag may be split between tokens. `begun`: whether the stream begins inside the reasoning,
    without an opening tag.
    """

    def __init__(self, *, begun: bool = False) -> None:
        self._begun = begun
        self._read = self._before
        self._closings = tuple(_TAGS.values())
        self._held: list[str] = []
        self._assumed: list[str] = []

    @property
    def over(self) -> bool:
        """Whether everything that follows is the answer."""
        return self._read == self._after

    def split(self, text: str) -> Iterator[tuple[TokenKind, str]]:
        """The next piece of the stream by kind; what may be the start of a tag is held back."""
        return self._read(text)

    def told_apart(self) -> None:
        """The service sends reasoning in a field of its own: the text doesn't begin inside it."""
        self._begun = False

    def flush(self, *, whole: bool = False) -> Iterator[tuple[TokenKind, str]]:
        """At the stream's end: what was held back for a tag that never came.

        If reasoning without an opening tag was never closed in a complete answer (`whole`), the
        model did not think: what was sent as its reasoning is sent again, as the answer.
        """
        kind: TokenKind = "reasoning" if self._read == self._inside else "text"
        held, self._held = self._held, []
        if whole and self._assumed and kind == "reasoning":
            yield "text", "".join([*self._assumed, *held])
        else:
            yield from ((kind, text) for text in held)

    def _before(self, text: str) -> Iterator[tuple[TokenKind, str]]:
        self._held.append(text)
        start = "".join(self._held).lstrip()
        small = start.lower()
        opening = next((tag for tag in _TAGS if small.startswith(tag)), "")
        if not opening and any(tag.startswith(small) for tag in _TAGS):
            return  # it may still become a tag
        held, self._held = self._held, []
        if opening:
            self._read, self._closings, self._begun = self._inside, (_TAGS[opening],), False
            yield from self._inside(start[len(opening) :])
        elif self._begun:
            self._read = self._inside
            yield from self._inside("".join(held))
        else:
            self._read = self._after
            yield from (("text", piece) for piece in held)

    def _inside(self, text: str) -> Iterator[tuple[TokenKind, str]]:
        text = "".join(self._held) + text
        found = next(
            (tag for tag in _EITHER.finditer(text) if tag[0].lower() in self._closings), None
        )
        if found is not None:
            self._held = []
            self._read = self._after
            yield "reasoning", text[: found.start()]
            yield "text", text[found.end() :]
            return
        kept = self._unfinished(text)
        self._held = [text[len(text) - kept :]] if kept else []
        thought = text[: len(text) - kept]
        if self._begun:
            self._assumed.append(thought)
        yield "reasoning", thought

    def _after(self, text: str) -> Iterator[tuple[TokenKind, str]]:
        yield "text", text

    def _unfinished(self, text: str) -> int:
        """How many characters at the end may be the start of a closing tag."""
        end = text[-_LONGEST:].lower()
        sizes = range(min(len(text), _LONGEST - 1), 0, -1)
        tags = self._closings
        return next((n for n in sizes if any(tag.startswith(end[-n:]) for tag in tags)), 0)


def closes_alone(answer: str) -> bool:
    """Whether an answer has a closing tag without an opening one, so that it begins with reasoning.

    A tag between backticks doesn't count: there, the model writes about tags.
    """
    first = _EITHER.search(answer)
    if first is None or first[0].lower() in _TAGS:
        return False
    return answer.count("`", 0, first.start()) % 2 == 0


# What a model's name says about its thinking.


_MINUTES_LONG = re.compile(r"-pro(?![a-z])|deep-?research")
"""Models that may be silent for minutes: OpenAI's pro models, and deep research."""
_LONG_THINKING = re.compile(
    r"(^|/)o\d|(^|/)gpt-[5-9](?!.*chat)|gpt-oss|reason|think|(^|[-/])r1(?![a-z0-9])|qwq|magistral"
    r"|grok-4|minimax-m\d|gemini-[3-9]"
)
"""Models that think before they answer."""
_BEGINS = re.compile(r"deepseek-r1|qwq|qwen3.*thinking|minimax-m\d|exaone-deep")
"""Models whose chat template has the opening tag, so that it is not in the stream."""


def slowness(model: str) -> int:
    """Factor for the time that a model may be silent before its answer."""
    name = model.lower()
    if _MINUTES_LONG.search(name):
        return 5
    return 3 if _LONG_THINKING.search(name) else 1


def begins(model: str, as_set: bool | None = None) -> bool:
    """Whether a model's stream begins inside its reasoning, without an opening tag.

    `as_set` is the operator's setting; None decides by the model's name.
    """
    return _BEGINS.search(model.lower()) is not None if as_set is None else as_set
