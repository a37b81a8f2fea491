"""Closes, for the moment, what a growing answer has not closed yet."""

from __future__ import annotations

import re

from bot.render.blocks import Blocks, Fence, Kind, Line, line_end
from bot.render.inline import Inline, scan
from bot.render.sizes import CLOSING_MARKS

_BARE_MARK = re.compile(r"(?:^|(?<=[\r\n]))[ >]*(?:[-+*=]+|>|#{1,6}|!?\[)[ ]*\Z")
_NOTHING = "…"
"""What is shown where all that there is had to be hidden."""


class Unfinished:
    """Closes a growing text again and again; of what it has grown from, only the end is read anew.

    Any text may follow any other: one that does not go on from the last is read from its start.
    """

    def __init__(self) -> None:
        self._begin()

    def close(self, text: str) -> str:
        """The text of a part that still grows, fit to be looked at now.

        Open bold, italic, struck and code text is closed; a mark that is only half there, an empty
        code block and the target of an unfinished link are hidden. At most `CLOSING_MARKS`
        characters are added, for which `Layout` leaves room; where more would be needed, none are.
        (Longer fences are closed by `Layout` already.) Never empty, unless the text is.
        """
        starts, lines, fence = self._read(text)
        if not lines:
            return text
        if fence is not None or lines[-1].kind is Kind.FENCE_CLOSE:
            closed = _fenced(text, starts, lines, fence)
        elif lines[-1].kind is Kind.HEADING:
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
        # The last two lines may become others: one grows, and one closes a fence for the moment.
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
    """Reads the lines from a position on; returns where the text ends."""
    while at < len(text):
        end, following = line_end(text, at)
        starts.append(at)
        lines.append(blocks.feed(text[at:end]))
        at = following
    return at


def _paragraph(lines: list[Line]) -> int:
    """The line in which the last paragraph or table begins."""
    index = len(lines) - 1
    while index > 0 and not lines[index].starts:
        index -= 1
    return index


def _fenced(text: str, starts: list[int], lines: list[Line], fence: Fence | None) -> str:
    """A text that ends in a code block."""
    closing = text[starts[-1] :] if fence is None else fence.closing
    content = text[: starts[-1]].rstrip("\r\n") if fence is None else text
    run = closing.strip(" >")
    if lines[-1 if fence else -2].kind is Kind.FENCE_BODY:
        content = _without_half_closing(content, run[0])
    opened = next(i for i in reversed(range(len(lines))) if lines[i].kind is Kind.FENCE_OPEN)
    body = content[starts[opened] :].splitlines()[1:]
    if not any(line.strip(" >") for line in body):
        return text[: starts[opened]].rstrip()
    if fence is not None and len(closing) >= CLOSING_MARKS:
        return text
    return f"{content}\n{closing}"


def _without_half_closing(content: str, char: str) -> str:
    """Code without a last line that is nothing but one or two of a closing fence's characters."""
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
    """The text without a last line that is nothing yet but the mark of a block or a link."""
    found = _BARE_MARK.search(text)
    return text[: found.start()] if found else text


def _closing(found: Inline, paragraph: str) -> str:
    marks = [mark for mark in found.open if mark.text and mark.at + len(mark.text) < len(paragraph)]
    closing = "".join(mark.text for mark in reversed(marks))
    return closing if len(closing) <= CLOSING_MARKS else ""
