"""Finds inline markup: code, emphasis and links, whole ones and those that are still open."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_MARK = re.compile(r"\\.|`+|\*+|_+|~+|!?\[|\]|https?://[^\s()\]*`]+|<[^<>\s]+>", re.S)
_TARGET = re.compile(r"\((?:[^()\\\n]|\\.|\((?:[^()\\\n]|\\.)*\))*\)")


@dataclass(slots=True)
class Mark:
    """An opening mark that was not closed: where it stands, and what would close it."""

    at: int
    text: str


@dataclass(slots=True)
class Inline:
    """What a paragraph holds. Positions are indexes into its text.

    `target` is where a link's unfinished target begins, `dangling` the length of a run of marks at
    the very end that neither opens nor closes anything.
    """

    spans: list[tuple[int, int]] = field(default_factory=list)
    open: list[Mark] = field(default_factory=list)
    target: int | None = None
    dangling: int = 0


def scan(text: str) -> Inline:
    """Reads a paragraph's inline markup, in one pass."""
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
        elif mark[0] in "*_~":
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
            # Whatever follows may be code: nothing more is read.
            self._found.open.append(Mark(at, run))
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
            self._found.open.append(Mark(self._at - left, run[:left]))
        elif self._at == len(self._text):
            self._found.dangling = left

    def _close(self, char: str, count: int) -> int:
        """Closes the newest marks of this kind; how many characters of the run are left."""
        for mark in [mark for mark in reversed(self._found.open) if mark.text[0] == char]:
            used = min(count, len(mark.text))
            self._found.spans.append((mark.at, self._at))
            mark.text = mark.text[used:]
            count -= used
            # What was opened inside and not closed was no mark at all.
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
            self._found.open.append(Mark(start, ""))
            self._found.target = self._at
            self._at = len(self._text)


def _may_open(run: str, before: str) -> bool:
    if run == "~" or len(run) > 3:
        return False
    if run in ("*", "_"):
        return not (before.isascii() and before.isalnum())
    return run[0] != "_" or not before.isalnum()
