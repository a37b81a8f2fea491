"""The normal form: what a reader must find of a Markdown text, apart from any platform.

- Code, inline and fenced, is verbatim. Elsewhere runs of white space are one space, a soft break
  ends a line, blank lines are dropped.
- An item's number stands as it was written, a bullet is dropped, a task has its box. Where an item
  begins with another block than a paragraph or heading, be it in a quote, its number is a line of
  its own.
- A table is its rows, cells apart by a tab; a line end in a cell is a space. A quote is its text.
- A link is its label, then ` (address)` unless they are equal; so is a picture.
- Formulas, tags (but `<br>`, a line end), entities, emoji's names and mentions are literal, and so
  are definitions of references and their uses: what a part says never depends on another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from connectors.markdown.blocks import Parsed, parse
from connectors.markdown.nodes import (
    Block,
    Break,
    Code,
    CodeBlock,
    Formula,
    Heading,
    Html,
    ImageLink,
    Inline,
    Item,
    Link,
    List,
    Paragraph,
    Quote,
    Table,
    Text,
)
from connectors.markdown.state import START, State

VERSION = 1
"""Which normal form this is: a receipt says by which one it was made. Grows with every change."""

_REMEMBERED = 64
"""A part's form is asked for when it is shown and once more for the receipt."""

OPEN_BOX, CHECKED_BOX = "☐", "☑"


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a platform's client draws of a message: lines in the normal form.

    `unknown` names the blocks or elements of the platform's answer that the dialect doesn't know:
    what they show can't be said, so nothing is proven by the lines.
    """

    lines: tuple[str, ...]
    unknown: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines)


def plain(text: str, state: State = START) -> list[str]:
    """The lines of a slice's normal form; `state` is where the slice before it ended."""
    return of_blocks(parse(text, state).blocks)


@lru_cache(_REMEMBERED)
def form(text: str) -> str:
    """The normal form of a whole text, its lines parted by `\\n`."""
    return "\n".join(plain(text))


def after(text: str, state: State = START) -> State:
    """The state after a slice, for the one that follows."""
    return parse(text, state).after


class Growing:
    """The form of a text that grows: of what ended before a blank line nothing is read again."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._kept = ""
        self._state = START
        self._lines: list[str] = []

    def form(self, text: str) -> str:
        """The form of a text; any may follow any other."""
        if not text.startswith(self._kept):
            self._begin()
        settled = "".join(text[len(self._kept) :].rpartition("\n\n")[:2])
        if settled:
            parsed = parse(settled, self._state)
            _join(self._lines, parsed)
            self._kept, self._state = self._kept + settled, parsed.after
        lines = [*self._lines]
        _join(lines, parse(text[len(self._kept) :], self._state))
        return "\n".join(lines)


def joined(slices: Iterable[str], state: State = START) -> list[str]:
    """The form of a text from the forms of its slices.

    It is the whole's form for every way to cut a text between its lines, words or characters. Only
    marks that a cut parts from what they belong to (the two ends of a bold phrase, a
    header and its table's delimiters) are literal in the slices and no marks any more.
    """
    lines: list[str] = []
    for each in slices:
        parsed = parse(each, state)
        state = parsed.after
        _join(lines, parsed)
    return lines


def _join(lines: list[str], parsed: Parsed) -> None:
    form = of_blocks(parsed.blocks)
    if form and lines and parsed.glue != "\n":
        lines[-1] += parsed.glue + form.pop(0)
    lines += form


def of_blocks(blocks: Sequence[Block]) -> list[str]:
    """The normal form of blocks."""
    form = Form()
    _all(blocks, form)
    return form.lines


def of_inlines(inlines: Sequence[Inline]) -> list[str]:
    """The normal form of inlines; a line that is empty is kept."""
    words = Words()
    for inline in inlines:
        _inline(inline, words)
    return words.lines


class Form:
    """Lines as they are gathered, and the number that the next of them begins with."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._mark = ""

    def mark(self, mark: str) -> None:
        """The next paragraph begins with this; other blocks leave it a line of its own."""
        self.alone()
        self._mark = mark

    def alone(self) -> None:
        """Puts the mark that waits, if there is one, on a line of its own."""
        if self._mark:
            self.lines.append(self._mark)
            self._mark = ""

    def prose(self, lines: Iterable[str]) -> None:
        """Adds lines of words."""
        for line in lines:
            if line.strip():
                self.lines.append(f"{self._mark} {line}" if self._mark else line)
                self._mark = ""
        self.alone()

    def code(self, lines: Iterable[str]) -> None:
        """Adds lines of code."""
        self.alone()
        self.lines += lines

    def row(self, cells: Iterable[str]) -> None:
        """Adds a table's row; a cell's line ends are spaces."""
        self.alone()
        if row := "\t".join(cells).rstrip("\t"):
            self.lines.append(row)


class Words:
    """Lines of words as they are gathered: white space is one space, except in code."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._parts: list[str] = []
        self._space = False

    @property
    def lines(self) -> list[str]:
        """What was gathered."""
        return [*self._lines, "".join(self._parts)]

    def prose(self, text: str) -> None:
        """Adds words."""
        words = " ".join(text.split())
        self._space = self._space or text[:1].isspace()
        if words:
            self.code(words)
            self._space = text[-1].isspace()

    def code(self, text: str) -> None:
        """Adds text as it is."""
        if self._space and self._parts:
            self._parts.append(" ")
        self._parts.append(text)
        self._space = False

    def end(self) -> None:
        """Ends the line."""
        self._lines, self._parts, self._space = self.lines, [], False


def _all(blocks: Iterable[Block], form: Form) -> None:
    for block in blocks:
        _block(block, form)


def _block(block: Block, form: Form) -> None:
    match block:
        case Paragraph(children) | Heading(children=children):
            form.prose(of_inlines(children))
        case Quote(blocks):
            _all(blocks, form)
        case List(items):
            for item in items:
                _item(item, form)
        case CodeBlock(lines):
            form.code(lines)
        case Table(rows):
            for row in rows:
                form.row(map(one_line, row))
        case _:
            form.alone()


def one_line(inlines: Sequence[Inline]) -> str:
    """The normal form of inlines as one line."""
    return " ".join(filter(None, of_inlines(inlines)))


def _item(item: Item, form: Form) -> None:
    if not item.continued:
        box = "" if item.done is None else CHECKED_BOX if item.done else OPEN_BOX
        form.mark(" ".join(filter(None, (item.number, box))))
    _all(item.children, form)
    form.alone()


def _inline(inline: Inline, words: Words) -> None:
    match inline:
        case Text(text) | Formula(text) | Html(text):
            for at, line in enumerate(text.split("\n")):
                if at:
                    words.end()
                words.prose(line)
        case Code(text):
            words.code(text)
        case Break():
            words.end()
        case Link() | ImageLink():
            _link(inline, words)
        case _:
            for child in inline.children:
                _inline(child, words)


def _link(link: Link | ImageLink, words: Words) -> None:
    label = one_line(link.children)
    address = " ".join(link.address.split())
    for child in link.children:
        _inline(child, words)
    if not label:
        words.prose(address)
    elif address and label != address:
        words.prose(f" ({address})")
