"""Emphasis: which runs of `*`, `_` and `~~` may open or close it, and which two belong together.

CommonMark's rules, but for what `connectors.markdown` says: second step of reading inlines, among
what links and verbatim spans have left.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import category

from connectors.markdown.nodes import Emph, Inline, Strike, Strong, Text

DEEPEST = 20
"""So deep may emphasis be nested; marks further in are literal."""

_CJK = re.compile(
    "[\u1100-\u11ff\u2e80-\u303f\u3040-\u33ff\u3400-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7ff"
    "\uf900-\ufaff\ufe10-\ufe1f\ufe30-\ufe6f\uff00-\uffef\U0001aff0-\U0001b16f\U00020000-\U0003fffd]"
)


@dataclass(slots=True)
class MarkRun:
    """A run of `*`, `_` or `~~` that may open or close emphasis."""

    char: str
    count: int
    opens: bool
    closes: bool
    start: int
    end: int
    width: int
    """How many marks it had before any were paired."""


@dataclass(slots=True)
class Found:
    """An inline with where it stands and how deep it nests; or a run of marks."""

    node: Inline | MarkRun
    start: int
    end: int
    depth: int = 0


def flanking(char: str, before: str, after: str) -> tuple[bool, bool]:
    """Whether a run of marks between two characters may open, and whether it may close.

    CommonMark's rule, but that a Chinese, Japanese or Korean neighbour counts as a boundary.
    """
    if char != "~" and is_word(before) and is_word(after):
        return False, False
    space_before, space_after = before.isspace(), after.isspace()
    cjk = _is_cjk(before) or _is_cjk(after)
    marks_before, marks_after = _is_mark(before), _is_mark(after)
    left = not space_after and (not marks_after or space_before or marks_before or cjk)
    right = not space_before and (not marks_before or space_after or marks_after or cjk)
    if char != "_":
        return left, right
    return left and (not right or marks_before or cjk), right and (not left or marks_after or cjk)


def is_word(char: str) -> bool:
    """Whether it is an ASCII letter or digit."""
    return char.isascii() and char.isalnum()


def _is_mark(char: str) -> bool:
    return category(char)[0] in "PS"


def _is_cjk(char: str) -> bool:
    return _CJK.match(char) is not None


def nodes_of(found: Sequence[Found]) -> list[Inline]:
    """The nodes alone, neighbouring texts as one."""
    nodes: list[Inline] = []
    texts: list[str] = []
    for each in found:
        if isinstance(each.node, Text):
            texts.append(each.node.text)
            continue
        assert not isinstance(each.node, MarkRun)  # noqa: S101 - runs were paired or made texts
        if texts:
            nodes.append(Text("".join(texts)))
            texts = []
        nodes.append(each.node)
    return [*nodes, Text("".join(texts))] if texts else nodes


class Pairing:
    """Pairs the runs of marks of one text: emphasis where they belong together, text elsewhere."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._out: list[Found] = []
        self._openers: list[int] = []  # where in `out` the runs stand that may open
        self._bottoms: dict[tuple[str, bool, int], int] = {}

    @property
    def unpaired(self) -> int:
        """Where the first run stands that may still open something."""
        starts = (self._out[at].start for at in self._openers)
        return min(starts, default=len(self._text))

    def pair(self, found: Sequence[Found]) -> list[Found]:
        """What was found, with the runs of marks paired."""
        for each in found:
            if isinstance(each.node, MarkRun):
                self._run(each.node)
            else:
                self._out.append(each)
        return [self._as_text(each) for each in self._out]

    def _run(self, run: MarkRun) -> None:
        while run.closes and run.count and (at := self._opener(run)) is not None:
            if not self._wrap(at, run):
                break
        if run.count:
            if run.opens:
                self._openers.append(len(self._out))
            self._out.append(Found(run, run.start, run.end))

    def _opener(self, run: MarkRun) -> int | None:
        """The index among the openers of the run that this one closes."""
        key = (run.char, run.opens, run.width % 3)
        bottom = min(self._bottoms.get(key, 0), len(self._openers))
        for index in range(len(self._openers) - 1, bottom - 1, -1):
            opener = self._out[self._openers[index]].node
            assert isinstance(opener, MarkRun)  # noqa: S101 - only runs are openers
            if opener.char == run.char and not _odd(opener, run):
                return index
        self._bottoms[key] = len(self._openers)
        return None

    def _wrap(self, index: int, run: MarkRun) -> bool:
        at = self._openers[index]
        opener = self._out[at].node
        assert isinstance(opener, MarkRun)  # noqa: S101 - only runs are openers
        inner = [self._as_text(each) for each in self._out[at + 1 :]]
        depth = max((each.depth for each in inner), default=0) + 1
        if depth > DEEPEST:
            return False
        width = 2 if min(opener.count, run.count) >= 2 else 1
        kind = Strike if run.char == "~" else Strong if width == 2 else Emph
        start, end = opener.end - width, run.start + width
        node = kind(tuple(nodes_of(inner)), self._text[start:end])
        del self._out[at + 1 :], self._openers[index + 1 :]
        opener.count, opener.end = opener.count - width, start
        run.count, run.start = run.count - width, end
        if not opener.count:
            del self._out[at:], self._openers[index:]
        self._out.append(Found(node, start, end, depth))
        return True

    def _as_text(self, each: Found) -> Found:
        if not isinstance(each.node, MarkRun):
            return each
        return Found(Text(each.node.char * each.node.count), each.start, each.end)


def _odd(opener: MarkRun, run: MarkRun) -> bool:
    """CommonMark's rule of three, of runs that may both open and close."""
    if not (opener.closes or run.opens):
        return False
    return (opener.width + run.width) % 3 == 0 and run.width % 3 != 0
