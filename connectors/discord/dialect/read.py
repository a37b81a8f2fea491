"""Reads what Discord's client draws of a message: the lines of the normal form.

It takes out what `spans` adds, and nothing else. What the client would draw in a way that is
never written here, and that hides or replaces words (a spoiler, a mention), is named as unknown.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from connectors.discord.dialect import spans
from connectors.discord.dialect.spans import FENCE
from connectors.markdown import Drawn
from connectors.markdown.plain import Words

_HEADING = re.compile(r"(#{1,3}) +(\S.*)", re.A)
_ITEM = re.compile(r"( *)([*-]|\d+\.) +(\S.*)", re.A)
_LANGUAGE = re.compile(r"\A[a-z0-9_+\-.#]+\Z", re.I | re.A)
"""What stands behind a fence; anything else there is code."""
_SMALL = re.compile(r" *-# +(\S.*)", re.A)
_SPECIAL = re.compile(
    r"\\[^0-9A-Za-z\s]|`+|\*+|~~|__|_|\|\||<|\[|(?:https?|steam)://[^\s<]+[^\s<.,:;\"'\]]", re.A
)
_LOW = re.compile(r"__((?:\\.|[^\\])+?)__(?!_)|_((?:__|\\.|[^\\_])+?)_\b", re.A)
"""Underlined or in italics; the mark between words is none."""
_CODE = re.compile(r"(`{1,2})(?!`)(.*?[^`])\1(?!`)")
_PAD = re.compile(r"^ (?= *`)|(` *) $")
_AUTOLINK = re.compile(r"<([^: >]{1,64}:/[^ >]+|[^\s<>@]{1,64}@[^\s<>@]{1,255}\.[^\s<>@]{1,63})>")
_MASKED = re.compile(r"\[(`[^`\]]+`|[^\\*_`~\[\]]+)\]\((https?://[^\s()\\<>]+)\)", re.A)
_TOKEN = re.compile(r"<(@[!&]?\d+|#\d+|a?:\w+:\d+|/[^:<>]+:\d+|t:-?\d+(?::\w)?|id:\w+)>", re.A)


def read(content: str) -> Drawn:
    """What is drawn of a message's content."""
    reader = _ClientReader(content.split("\n"))
    reader.read()
    return Drawn(tuple(reader.lines), tuple(dict.fromkeys(reader.unknown)))


class _ClientReader:
    def __init__(self, source: Sequence[str]) -> None:
        self.lines: list[str] = []
        self.unknown: list[str] = []
        self._source = source
        self._lists: list[tuple[int, int | None]] = []
        """The lists that are open: how far they stand in, and the number that comes next."""

    def read(self) -> None:
        at, before = 0, ""
        while at < len(self._source):
            line = self._source[at]
            quote = "> " if line.startswith("> ") else ""
            small = line.removeprefix(quote) in (spans.RULE, spans.NOTE)
            end = self._fence(at, quote)
            if end > at or small or quote != before:
                self._lists = []
            if end > at:
                end = self._fenced(at, end, quote)
            elif not small:
                self._line(line.removeprefix(quote))
            at, before = end + 1, quote

    def _fenced(self, at: int, end: int, quote: str) -> int:
        """Takes the code from one line to another; returns the last line that belongs to it."""
        within = [each.removeprefix(quote) for each in self._source[at:end]]
        if self._source[end : end + 1] != [quote + FENCE]:
            self.lines += within  # never closed, which is never written so
            return end - 1
        first = within[0].removeprefix(FENCE)
        self._code([first, *within[1:]] if _LANGUAGE.sub("", first) else within[1:])
        return end

    def _fence(self, at: int, quote: str) -> int:
        """Where the code that is fenced in here ends, closed or not; `at` where none begins."""
        opens, fence, info = self._source[at].removeprefix(quote).partition(FENCE)
        if opens or not fence or FENCE in info:
            return at
        for end in range(at + 1, len(self._source)):
            line = self._source[end]
            ends = line == quote + FENCE
            if (ends and (info or end > at + 1)) or not line.startswith(quote):
                return end
            if FENCE in line:  # code that holds a fence, or nothing, is never written so
                self.unknown.append("code")
                return at
        return len(self._source)

    def _code(self, lines: Sequence[str]) -> None:
        rows = spans.rows_in(lines)
        if rows is None:
            self.lines += spans.code_in(lines)
        else:
            self.lines += filter(None, ("\t".join(row).rstrip("\t") for row in rows))

    def _line(self, line: str) -> None:
        if item := _ITEM.fullmatch(line):
            self._item(len(item[1]), item[2], item[3])
            return
        indent = len(line) - len(line.lstrip(" "))
        self._lists = [each for each in self._lists if each[0] < indent]
        if heading := _HEADING.fullmatch(line):
            line = spans.title_in(heading[2])
        elif small := _SMALL.fullmatch(line):
            line = small[1]
        if words := self._words(line):
            self.lines.append(words)

    def _item(self, indent: int, mark: str, text: str) -> None:
        while self._lists and self._lists[-1][0] > indent + 1:
            self._lists.pop()
        if not self._lists or self._lists[-1][0] < indent - 1:
            self._lists.append((indent, int(mark[:-1]) if mark[-1] == "." else None))
        indent, number = self._lists[-1]
        self._lists[-1] = indent, None if number is None else number + 1
        words = self._words(text)
        self.lines.append(words if number is None else f"{number}. {words}")

    def _words(self, line: str) -> str:
        words = _Line(line)
        words.read()
        self.unknown += words.unknown
        return words.text


class _Line:
    """The words of one line, and the marks that are open in it."""

    def __init__(self, source: str) -> None:
        self.unknown: list[str] = []
        self._source = source
        self._pieces: list[tuple[str, bool]] = []
        """Characters, and whether they are code."""
        self._open: dict[str, int] = {}
        """Marks that wait for their other end, with their place among the pieces."""

    @property
    def text(self) -> str:
        """What is drawn, with one space for any white space that isn't code."""
        words = Words()
        for piece, code in self._pieces:
            (words.code if code else words.prose)(piece)
        return words.lines[-1]

    def read(self) -> None:
        at, source = 0, self._source
        while found := _SPECIAL.search(source, at):
            self._put(source[at : found.start()])
            at = self._take(found[0], found.start())
        self._put(source[at:])

    def _put(self, text: str, *, code: bool = False) -> None:
        if text:
            self._pieces.append((text, code))

    def _take(self, mark: str, at: int) -> int:
        """Takes what begins with a mark at a position; where it ends."""
        source, end = self._source, at + len(mark)
        match mark[0]:
            case "\\":
                self._put(mark[1])
            case "*":
                self._stars(len(mark))
            case "~":
                self._mark(mark)
            case "`" if found := _CODE.match(source, at):
                end = found.end()
                self._put(_code(found), code=True)
            case "<" if found := _AUTOLINK.match(source, at):
                end = found.end()
                self._put(found[1])
            case "[" if found := _MASKED.match(source, at):
                end = found.end()
                self._masked(found)
            case "_" if found := _LOW.match(source, at):
                end = found.end()
                self._within(found[1] or found[2])
            case _:
                self._unread(mark, at)
        return end

    def _unread(self, mark: str, at: int) -> None:
        """What is never written so: the client may draw anything of it."""
        if mark == "||" and self._source.find(mark, at + len(mark)) >= 0:
            self.unknown.append("spoiler")
        elif mark == "<" and _TOKEN.match(self._source, at):
            self.unknown.append("mention")
        self._put(mark)

    def _within(self, source: str) -> None:
        """Reads what stands between two marks."""
        words = _Line(source)
        words.read()
        self._pieces += words._pieces
        self.unknown += words.unknown

    def _masked(self, found: re.Match[str]) -> None:
        label = found[1]
        self._put(label.strip("`"), code=label.startswith("`"))
        self._put(f" ({found[2]})")

    def _stars(self, count: int) -> None:
        both = "**" in self._open, "*" in self._open
        for mark in ("**", "*") if count == 3 and both != (False, True) else ("*", "**"):
            if count >= len(mark) and (count in (3, len(mark))):
                self._mark(mark)
                count -= len(mark)
        self._put("*" * count)

    def _mark(self, mark: str) -> None:
        if mark in self._open:
            self._pieces[self._open.pop(mark)] = ("", False)
        else:
            self._open[mark] = len(self._pieces)
            self._pieces.append((mark, False))


def _code(found: re.Match[str]) -> str:
    text = _PAD.sub(lambda pad: pad[1] or "", found[2])
    return spans.unsingled(text) if len(found[1]) == 2 else text
