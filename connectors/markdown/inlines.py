"""Reads the inline markup of a paragraph, heading or cell, in time linear in its length.

CommonMark with GFM's `~~`, except where `connectors.markdown` differs. Links bind tighter than
emphasis, so there are two steps: one from left to right that finds code, formulas, tags and links,
and one that pairs the marks of emphasis among what is left.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import regex  # type: ignore[import-untyped]  # its stubs are a package of their own

from connectors.markdown.emphasis import (
    DEEPEST,
    Found,
    MarkRun,
    Pairing,
    flanking,
    is_word,
    nodes_of,
)
from connectors.markdown.nodes import (
    Break,
    Code,
    Formula,
    Html,
    ImageLink,
    Inline,
    Inlines,
    Link,
    Text,
)

_SPECIAL = re.compile(
    r"\\|`+|\*+|~+|(?<![A-Za-z0-9_])__[A-Za-z](?:[A-Za-z0-9_]*[A-Za-z0-9])?__(?![A-Za-z0-9_])|_+"
    r"|!?\[|\]|<|\$\$?|\n|(?<![A-Za-z0-9])(?i:https?)://",
)
_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")
_UNESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_BARE = re.compile(r"(?i:https?)://[!#-;=?-Z_a-z~]++")
_AUTOLINK = re.compile(r"<((?:https?|ftp|mailto|tel):[^\s<>|]*+)>", re.I)
_EMAIL = re.compile(
    r"<([\w.!#$%&'*+/=?^`{}~-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+)>", re.A
)
_TAG = re.compile(
    r"<(?:[a-z][a-z0-9-]*+"
    r"(?:\s++[a-z_:][\w.:-]*+(?:\s*+=\s*+(?:[^\s\"'=<>`]++|'[^']*+'|\"[^\"]*+\"))?+)*+\s*+/?+>"
    r"|/[a-z][a-z0-9-]*+\s*+>)",
    re.I | re.A,
)
_ANGLE_BEGUN = regex.compile(
    f"{_AUTOLINK.pattern}|{_EMAIL.pattern}|{_TAG.pattern}|<!--", regex.I | regex.A
)
_LINE_BREAK = re.compile(r"<br\s*+/?+>", re.I)
_TARGET_CHUNK = re.compile(r"[^\s()\\\x00-\x1f]++|\\.", re.S)
_PARENTHESES = {"(": 1, ")": -1}
_ANGLED = re.compile(r"<((?:[^<>\n\\]|\\.)*+)>")
_TITLE = re.compile(
    r"\s++(?:\"((?:[^\"\\]|\\.)*+)\"|'((?:[^'\\]|\\.)*+)'|\(((?:[^()\\]|\\.)*+)\))", re.S
)
_SPACE = re.compile(r"\s*+")
_UNDECIDED_END = re.compile(
    r"(?:(?<![A-Za-z0-9])h(?:t(?:t(?:ps?(?::/?)?)?)?)?|!|\\|\$+|\*+|_+|~+|`+|\s+)\Z", re.I
)
"""The end of a text that may be the beginning of something."""


def parse(text: str, before: str = "") -> Inlines:
    """The inlines of a text; its lines are parted by `\\n`. `before` is the character before it."""
    return _InlineReader(text, before).read()


def settled(text: str, before: str = "") -> int:
    """How many characters of a text are read as they are now, whatever follows it.

    What may be the beginning of a span, link, formula or tag isn't, nor is anything after it.
    """
    reader = _InlineReader(text, before)
    reader.read()
    return reader.settled


def unescaped(text: str) -> str:
    """A text without the backslashes that escape something in it."""
    return _UNESCAPED.sub(r"\1", text)


@dataclass(slots=True)
class _Bracket:
    """A `[` or `![` that may begin a link: where it stands, and what was found before it."""

    at: int
    found: int
    image: bool


class _InlineReader:
    def __init__(self, text: str, before: str) -> None:
        self._text = text
        self._before = before
        self._found: list[Found] = []
        self._brackets: list[_Bracket] = []
        self._inactive = 0  # so many of the brackets stand around a link already
        self._at = 0
        self._closings: dict[str, int] = {}
        self._backticks: dict[int, list[int]] | None = None
        self._dollars: list[int] | None = None
        self.settled = len(text)
        """Up to where nothing changes, whatever follows the text."""

    def read(self) -> Inlines:
        text = self._text
        while (mark := _SPECIAL.search(text, self._at)) is not None:
            if mark[0] == "\n":
                self._line_end(mark.start())
            else:
                self._literal(mark.start())
                self._take(mark[0], mark.start(), mark.end())
        self._literal(len(text))
        paired = Pairing(text)
        found = paired.pair(self._found)
        self._settle(found, paired.unpaired)
        return tuple(nodes_of(found))

    def _settle(self, found: Sequence[Found], unpaired: int) -> None:
        self._doubt(unpaired)
        if self._brackets:
            self._doubt(self._brackets[0].at)
        if end := _UNDECIDED_END.search(self._text):
            self._doubt(end.start())
        # A longer run of marks closes nothing, and a letter after some closes nothing either.
        for each in reversed(found):
            if each.end < self.settled:
                break
            if _is_whole(each) and each.start < self.settled:
                self._doubt(each.start)

    def _doubt(self, at: int) -> None:
        """From there on what follows the text may change how it is read."""
        self.settled = min(self.settled, at)

    def _take(self, mark: str, at: int, end: int) -> None:
        first = mark[0]
        if first == "`":
            self._code(len(mark), at, end)
        elif first in "*~" or (first == "_" and not mark.strip("_")):
            self._emphasis(mark, at, end)
        elif first == "_":
            self._identifier(at, end)
        else:
            self._others[first](self, mark, at, end)

    def _add(self, node: Inline | MarkRun, start: int, end: int, depth: int = 0) -> None:
        self._found.append(Found(node, start, end, depth))
        self._at = end

    def _literal(self, end: int) -> None:
        if end > self._at:
            self._add(Text(self._text[self._at : end]), self._at, end)

    def _line_end(self, at: int) -> None:
        line = self._text[self._at : at]
        self._literal(self._at + len(line.rstrip(" \t")))
        self._add(Break(line.endswith("  ")), self._at, at + 1)

    # What is verbatim or literal.

    def _escape(self, _mark: str, at: int, end: int) -> None:
        following = self._text[end : end + 1]
        if following == "\n":
            self._add(Break(hard=True), at, end + 1)
        elif following in ("(", "["):
            self._tex(following, at)
        elif following in (")", "]") or not _PUNCTUATION.match(following):
            self._literal(end + (following in (")", "]")))
        else:
            self._add(Text(following), at, end + 1)

    def _tex(self, opened: str, at: int) -> None:
        """`\\(…\\)` and `\\[…\\]`; the marks are literal where they don't pair."""
        end = self._closing("\\)" if opened == "(" else "\\]", at + 2)
        if end < 0:
            self._doubt(at)
            self._literal(at + 2)
        else:
            self._formula(at, 2, end, opened == "[")

    def _dollar(self, mark: str, at: int, end: int) -> None:
        if mark == "$$":
            closing = self._closing("$$", end)
            if closing >= 0 and self._text[end:closing].strip():
                self._formula(at, 2, closing, True)
            else:
                self._doubt(at)
                self._literal(end)
            return
        following = self._text[end : end + 1]
        closing = -1 if not following or following.isspace() else self._closing_dollar(end + 1)
        if closing >= 0:
            self._formula(at, 1, closing, False)
        else:
            if following and not following.isspace():
                self._doubt(at)
            self._literal(end)

    def _formula(self, at: int, width: int, closing: int, display: bool) -> None:
        end, text = closing + width, self._text
        self._add(Formula(text[at:end], text[at + width : closing], display), at, end)

    def _closing_dollar(self, start: int) -> int:
        """The next `$` that may end a formula by Pandoc's rule."""
        if self._dollars is None:
            found = re.finditer(r"(?<![\s\\$])\$(?![0-9$])", self._text)
            self._dollars = [match.start() for match in found]
        index = bisect_left(self._dollars, start)
        return self._dollars[index] if index < len(self._dollars) else -1

    def _closing(self, mark: str, start: int) -> int:
        """Where a mark stands next; it is looked for once where it is nowhere any more."""
        if self._closings.get(mark, start) < 0:
            return -1
        self._closings[mark] = self._text.find(mark, start)
        return self._closings[mark]

    def _code(self, width: int, at: int, end: int) -> None:
        if self._backticks is None:
            self._backticks = defaultdict(list)
            for run in re.finditer("`+", self._text):
                self._backticks[len(run[0])].append(run.start())
        runs = self._backticks.get(width, [])
        index = bisect_left(runs, end)
        if index == len(runs):
            self._doubt(at)
            self._literal(end)
            return
        closing = runs[index]
        text = self._text[end:closing].replace("\n", " ")
        if text[0] == text[-1] == " " and text.strip(" "):
            text = text[1:-1]
        self._add(Code(text, self._text[at : closing + width]), at, closing + width)

    def _angle(self, _mark: str, at: int, end: int) -> None:
        text = self._text
        found = self._angled(at)
        if found is not None:
            node, after = found
            self._add(node, at, after)
            return
        if text.startswith("<!--", at) or _ANGLE_BEGUN.fullmatch(text, at, partial=True):
            self._doubt(at)
        self._literal(end)

    def _angled(self, at: int) -> tuple[Inline, int] | None:
        """What a `<` begins, and where that ends; None where it is just the character."""
        text = self._text
        if found := _AUTOLINK.match(text, at) or _EMAIL.match(text, at):
            return Link((Text(found[1]),), found[1], found[0], bare=True), found.end()
        if found := _LINE_BREAK.match(text, at):
            return Break(hard=True), found.end()
        if found := _TAG.match(text, at):
            return Html(found[0]), found.end()
        if text.startswith("<!--", at) and (closing := self._closing("-->", at + 4)) >= 0:
            return Html(text[at : closing + 3]), closing + 3
        return None

    def _address(self, _mark: str, at: int, end: int) -> None:
        found = _BARE.match(self._text, at)
        address = "" if found is None else _trimmed(found[0])
        if (end if found is None else found.end()) == len(self._text):
            self._doubt(at)
        if len(address) <= end - at:
            self._literal(end)
            return
        self._add(Link((Text(address),), address, address, bare=True), at, at + len(address))

    def _identifier(self, at: int, end: int) -> None:
        """`__name__`, where no letter or digit stands before it, is no emphasis but a name."""
        if not at and self._before and (is_word(self._before) or self._before == "_"):
            self._emphasis("__", at, at + 2)
        else:
            if end == len(self._text):
                self._doubt(at)
            self._add(Text(self._text[at:end]), at, end)

    # Emphasis and links.

    def _emphasis(self, mark: str, at: int, end: int) -> None:
        before = self._text[at - 1 : at] or self._before or " "
        after = self._text[end : end + 1] or " "
        if mark[0] == "~" and len(mark) != 2:
            self._literal(end)
            return
        opens, closes = flanking(mark[0], before, after)
        if opens or closes:
            self._add(MarkRun(mark[0], len(mark), opens, closes, at, end, len(mark)), at, end)
        else:
            self._literal(end)

    def _bracket(self, mark: str, at: int, end: int) -> None:
        self._brackets.append(_Bracket(at, len(self._found), mark == "!["))
        self._add(Text(mark), at, end)

    def _unbracket(self, _mark: str, _at: int, end: int) -> None:
        if not self._brackets:
            self._literal(end)
            return
        opened = self._brackets.pop()
        active = opened.image or len(self._brackets) >= self._inactive
        self._inactive = min(self._inactive, len(self._brackets))
        target = _target(self._text, end) if active else None
        if target is None:
            if end == len(self._text) or self._text.startswith("(", end):
                self._doubt(opened.at)
            self._literal(end)
            return
        address, title, after = target
        inner = Pairing(self._text).pair(self._found[opened.found + 1 :])
        del self._found[opened.found :]
        source, label = self._text[opened.at : after], tuple(nodes_of(inner))
        node = (ImageLink if opened.image else Link)(label, address, source, title)
        depth = max((each.depth for each in inner), default=0) + 1
        if depth > DEEPEST:
            self._add(Text(source), opened.at, after)
        else:
            self._add(node, opened.at, after, depth)
        if not opened.image:
            self._inactive = len(self._brackets)

    _others: ClassVar[dict[str, Callable[[_InlineReader, str, int, int], None]]] = {
        "\\": _escape,
        "$": _dollar,
        "<": _angle,
        "h": _address,
        "H": _address,
        "[": _bracket,
        "!": _bracket,
        "]": _unbracket,
    }


def _is_whole(each: Found) -> bool:
    """Whether it can't be cut: all but words as they were written."""
    return not isinstance(each.node, Text) or len(each.node.text) < each.end - each.start


def _trimmed(address: str) -> str:
    """A bare address without the punctuation after it, or a parenthesis that it doesn't open."""
    surplus = address.count(")") - address.count("(")
    end = len(address)
    while end and (address[end - 1] in "?!.,:;*_~'" or (address[end - 1] == ")" and surplus > 0)):
        surplus -= address[end - 1] == ")"
        end -= 1
    return address[:end]


def _target(text: str, at: int) -> tuple[str, str, int] | None:
    """A link's address and title in parentheses at a position, and where they end."""
    if not text.startswith("(", at):
        return None
    start = _space_end(text, at + 1)
    if angled := _ANGLED.match(text, start):
        address, end = angled[1], angled.end()
    else:
        end = _plain_target_end(text, start)
        address = text[start:end]
    title = _TITLE.match(text, end)
    after = _space_end(text, title.end() if title else end)
    if not text.startswith(")", after):
        return None
    said = "" if title is None else title[1] or title[2] or title[3] or ""
    return unescaped(address), unescaped(said), after + 1


def _plain_target_end(text: str, at: int) -> int:
    depth = 0
    while True:
        if chunk := _TARGET_CHUNK.match(text, at):
            at = chunk.end()
            continue
        step = _PARENTHESES.get(text[at : at + 1], 0)
        if not step or not 0 <= depth + step <= DEEPEST:
            return at
        depth, at = depth + step, at + 1


def _space_end(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return at if found is None else found.end()
