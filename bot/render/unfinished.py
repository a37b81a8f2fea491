"""Closes markup that a growing answer has not closed yet, so that it can be shown already."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from bot.render.blocks import Blocks, Fence, Line, LineKind, line_end
from bot.render.sizes import CLOSING_MARKS

# Finds inline markup: code, emphasis and links, closed or still open.


_MARK = re.compile(r"\\.|`+|\*+|_+|~+|!?\[|\]|https?://[^\s()\]*`]+|<[^<>\s]+>", re.S)
_TARGET = re.compile(r"\((?:[^()\\\n]|\\.|\((?:[^()\\\n]|\\.)*\))*\)")


@dataclass(slots=True)
class OpenMark:
    """An opening mark that is not closed: its position, and the text that would close it."""

    at: int
    text: str


@dataclass(slots=True)
class Inline:
    """The inline markup of a paragraph. Positions are indexes into its text.

    `spans` are the closed ones, `open` the marks without an end. `target` is the start of a link's
    unfinished target; `dangling` is the length of a run of marks at the very end that neither
    opens nor closes anything yet.
    """

    spans: list[tuple[int, int]] = field(default_factory=list)
    open: list[OpenMark] = field(default_factory=list)
    target: int | None = None
    dangling: int = 0


def scan(text: str) -> Inline:
    """Finds a paragraph's inline markup, in one pass."""
    return _Scan(text).run()


class _Scan:
    def __init__(self, text: str) -> None:
        self._text = text
        self._found = Inline()
        self._brackets: list[int] = []
        self._at = 0

    def run(self) -> Inline:
        while (mark := _MARK.search(self._text, self._at)) is not None:
            self._at = mark.end()
            self._take(mark[0], mark.start())
        return self._found

    def _take(self, mark: str, at: int) -> None:
        if mark[0] == "`":
            self._code(mark, at)
            return
        if mark[0] in "*_~":
            self._emphasis(mark, at)
        elif mark.endswith("[") and mark[0] in "![":
            self._brackets.append(at)
        elif mark == "]" and self._brackets:
            self._link(self._brackets.pop())

    def _code(self, run: str, at: int) -> None:
        end = re.compile(rf"(?<!`){run}(?!`)").search(self._text, self._at)
        if end is not None:
            self._at = end.end()
            self._found.spans.append((at, self._at))
        elif self._at == len(self._text):
            self._found.dangling = len(run)
        else:
            # Everything after it may be code, so nothing more is read.
            self._found.open.append(OpenMark(at, run))
            self._finish_code()

    def _finish_code(self) -> None:
        body = self._text.rstrip("`")
        self._found.dangling = len(self._text) - len(body)
        self._at = len(self._text)

    def _emphasis(self, run: str, at: int) -> None:
        before = self._text[at - 1 : at] or " "
        after = self._text[self._at : self._at + 1] or " "
        left = len(run)
        if not before.isspace() and not (run[0] == "_" and after.isalnum()):
            left = self._close(run[0], left)
        if not left:
            return
        if not after.isspace() and _may_open(run, before):
            self._found.open.append(OpenMark(self._at - left, run[:left]))
        elif self._at == len(self._text):
            self._found.dangling = left

    def _close(self, char: str, count: int) -> int:
        """Closes the newest marks of this kind; returns how many characters of the run are left."""
        for mark in [mark for mark in reversed(self._found.open) if mark.text[0] == char]:
            used = min(count, len(mark.text))
            self._found.spans.append((mark.at, self._at))
            mark.text = mark.text[used:]
            count -= used
            # Marks that were opened inside and not closed are plain text.
            keep = self._found.open.index(mark) + (1 if mark.text else 0)
            del self._found.open[keep:]
            if not count:
                break
        return count

    def _link(self, start: int) -> None:
        if not self._text.startswith("(", self._at):
            return
        end = _TARGET.match(self._text, self._at)
        if end is not None:
            self._found.spans.append((start, end.end()))
            self._at = end.end()
        elif "\n" not in self._text[self._at :]:
            self._found.open.append(OpenMark(start, ""))
            self._found.target = self._at
            self._at = len(self._text)


def _may_open(run: str, before: str) -> bool:
    if run == "~" or len(run) > 3:
        return False
    if run in ("*", "_"):
        return not (before.isascii() and before.isalnum())
    return run[0] != "_" or not before.isalnum()


_BARE_MARK = re.compile(r"(?:^|(?<=[\r\n]))[ >]*(?:[-+*=]+|>|#{1,6}|!?\[)[ ]*\Z")
_NOTHING = "…"
"""What is shown if everything there is has to be hidden."""


class Unfinished:
    """Closes a growing text again and again, reading only its end each time.

    A text that doesn't extend the last one is read from its start.
    """

    def __init__(self) -> None:
        self._begin()

    def close(self, text: str) -> str:
        """The text of a part that still grows, with its markup closed.

        Open bold, italic, struck-through and code text is closed. Half a mark, an empty code block
        and the target of an unfinished link are hidden. At most `CLOSING_MARKS` characters are
        added, for which `Layout` leaves room; if more are needed, none are added. (Longer fences
        are already closed by `Layout`.) The result is only empty if the text is.
        """
        starts, lines, fence = self._read(text)
        if not lines:
            return text
        if fence is not None or lines[-1].kind is LineKind.FENCE_CLOSE:
            closed = _fenced(text, starts, lines, fence)
        elif lines[-1].kind is LineKind.HEADING:
            closed = _inline(text, starts[-1])
        else:
            closed = _inline(text, starts[_paragraph(lines)])
        return closed.rstrip() or _NOTHING

    def _begin(self) -> None:
        self._kept = ""
        self._blocks = Blocks()
        self._starts: list[int] = []
        self._lines: list[Line] = []

    def _read(self, text: str) -> tuple[list[int], list[Line], Fence | None]:
        if not text.startswith(self._kept):
            self._begin()
        # The last two lines may change: one still grows, and one may be the layout's closing fence.
        stay = text.rfind("\n", 0, max(0, text.rfind("\n"))) + 1
        at = len(self._kept)
        if stay > at:
            at = _feed(self._blocks, text[:stay], at, self._starts, self._lines)
            self._kept = text[:stay]
        blocks, starts, lines = self._blocks.copy(), [*self._starts], [*self._lines]
        _feed(blocks, text, at, starts, lines)
        return starts, lines, blocks.fence


def close_unfinished(text: str) -> str:
    """See `Unfinished.close`."""
    return Unfinished().close(text)


def _feed(blocks: Blocks, text: str, at: int, starts: list[int], lines: list[Line]) -> int:
    """Reads the lines from `at` on; returns the end of the text."""
    while at < len(text):
        end, following = line_end(text, at)
        starts.append(at)
        lines.append(blocks.feed(text[at:end]))
        at = following
    return at


def _paragraph(lines: list[Line]) -> int:
    """The index of the line in which the last paragraph or table begins."""
    index = len(lines) - 1
    while index > 0 and not lines[index].starts:
        index -= 1
    return index


def _fenced(text: str, starts: list[int], lines: list[Line], fence: Fence | None) -> str:
    """Closes a text that ends in a code block."""
    closing = text[starts[-1] :] if fence is None else fence.closing
    content = text[: starts[-1]].rstrip("\r\n") if fence is None else text
    run = closing.strip(" >")
    if lines[-1 if fence else -2].kind is LineKind.FENCE_BODY:
        content = _without_half_closing(content, run[0])
    opened = next(i for i in reversed(range(len(lines))) if lines[i].kind is LineKind.FENCE_OPEN)
    body = content[starts[opened] :].splitlines()[1:]
    if not any(line.strip(" >") for line in body):
        return text[: starts[opened]].rstrip()
    if fence is not None and len(closing) >= CLOSING_MARKS:
        return text
    return f"{content}\n{closing}"


def _without_half_closing(content: str, char: str) -> str:
    """Code without a last line of one or two fence characters: a closing fence may be coming."""
    last = content.rstrip(" ").splitlines()[-1] if content.strip() else ""
    return (
        content[: len(content) - len(last)].rstrip()
        if last.strip(" >") in (char, 2 * char)
        else content
    )


def _inline(text: str, start: int) -> str:
    paragraph = _without_bare_mark(text)[start:]
    found = scan(paragraph)
    if found.target is not None:
        paragraph = paragraph[: found.target] + "…"
    elif found.dangling:
        paragraph = paragraph[: len(paragraph) - found.dangling].rstrip()
    return _without_bare_mark(text[:start] + paragraph) + _closing(found, paragraph)


def _without_bare_mark(text: str) -> str:
    """The text without a last line that is only the mark of a block or a link so far."""
    found = _BARE_MARK.search(text)
    return text[: found.start()] if found else text


def _closing(found: Inline, paragraph: str) -> str:
    marks = [mark for mark in found.open if mark.text and mark.at + len(mark.text) < len(paragraph)]
    closing = "".join(mark.text for mark in reversed(marks))
    return closing if len(closing) <= CLOSING_MARKS else ""
