"""A model's thinking: written into its answer between tags, and how long its name lets expect
it.
"""

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
"""What opens the reasoning, and what closes it, in small letters: DeepSeek's and most others',
EXAONE's, Seed's, Magistral's and Kimi's."""
_LONGEST = max(map(len, _TAGS.values()))
_EITHER = re.compile("|".join(map(re.escape, [*_TAGS, *_TAGS.values()])), re.I | re.A)


class ThinkBlock:
    """Tells a leading block from the answer; the tags themselves, maybe split, vanish.

    `begun`: whether the stream begins within the block.
    """

    def __init__(self, *, begun: bool = False) -> None:
        self._begun = begun
        self._read = self._before
        self._closings = tuple(_TAGS.values())
        self._held: list[str] = []
        self._assumed: list[str] = []

    @property
    def over(self) -> bool:
        """Whether all that follows is the answer."""
        return self._read == self._after

    def split(self, text: str) -> Iterator[tuple[TokenKind, str]]:
        """What the next piece of the stream is; what may still become a tag is held back."""
        return self._read(text)

    def told_apart(self) -> None:
        """The service itself tells the reasoning from the answer: no block is begun."""
        self._begun = False

    def flush(self, *, whole: bool = False) -> Iterator[tuple[TokenKind, str]]:
        """At the stream's end: what was held back for a tag that never came.

        Where the answer is `whole`, and a block that nothing opened was never closed, the model did
        not think at all: what was taken for its reasoning is the answer, and comes again as such.
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
            return
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
        """How many characters at the end may be the beginning of a closing tag."""
        end = text[-_LONGEST:].lower()
        sizes = range(min(len(text), _LONGEST - 1), 0, -1)
        tags = self._closings
        return next((n for n in sizes if any(tag.startswith(end[-n:]) for tag in tags)), 0)


def closes_alone(answer: str) -> bool:
    """Whether an answer has a closing tag that nothing opened: it begins with reasoning.

    A tag in code is one that the model writes about.
    """
    first = _EITHER.search(answer)
    if first is None or first[0].lower() in _TAGS:
        return False
    return answer.count("`", 0, first.start()) % 2 == 0


# What a model's name tells of its thinking: how long it may take, and how its stream begins.


_MINUTES_LONG = re.compile(r"-pro(?![a-z])|deep-?research")
"""Minutes without a word: OpenAI's pro models and o-series pro, and whatever researches."""
_LONG_THINKING = re.compile(
    r"(^|/)o\d|(^|/)gpt-[5-9](?!.*chat)|gpt-oss|reason|think|(^|[-/])r1(?![a-z0-9])|qwq|magistral"
    r"|grok-4|minimax-m\d|gemini-[3-9]"
)
"""Models that think before they answer."""
_BEGINS = re.compile(r"deepseek-r1|qwq|qwen3.*thinking|minimax-m\d|exaone-deep")
"""Models whose chat template opens the thoughts: the stream begins within them."""


def slowness(model: str) -> int:
    """How many times as long as others a model may be silent before its answer."""
    name = model.lower()
    if _MINUTES_LONG.search(name):
        return 5
    return 3 if _LONG_THINKING.search(name) else 1


def begins(model: str, as_set: bool | None = None) -> bool:
    """Whether a model's stream begins with reasoning that nothing opens.

    `as_set` by the operator, or as is known of the model.
    """
    return _BEGINS.search(model.lower()) is not None if as_set is None else as_set
