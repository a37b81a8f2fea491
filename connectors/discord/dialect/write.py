"""Writes a text's blocks for Discord's client: what it draws as it draws it, tables set as code."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from connectors.discord.dialect import spans
from connectors.discord.dialect.spans import COLUMNS
from connectors.markdown import one_line
from connectors.markdown.nodes import (
    Align,
    Block,
    CodeBlock,
    Heading,
    Item,
    List,
    Paragraph,
    Quote,
    Rule,
    Table,
)
from connectors.markdown.plain import CHECKED_BOX, OPEN_BOX

# Lays tables out as code: Discord's client draws none.
#
# Fruit │ Price ──────┼────── Apple │ 3


def laid_out(
    rows: Sequence[Sequence[str]], aligns: Sequence[Align], *, aligned: bool
) -> tuple[list[str], str] | None:
    """A table's rows as lines, and the rule below the first of them.

    None where there is none, or where the lines would not say what the cells are.
    """
    cells = [cell for row in rows for cell in row]
    if not cells or any(cell != cell.strip() or "\t" in cell for cell in cells):
        return None
    free = ((bar, cross) for bar, cross in COLUMNS if not any(bar in cell for cell in cells))
    bar, cross = next(free, ("", ""))
    if not bar:
        return None
    return _aligned(rows, aligns, bar, cross) if aligned else _unaligned(rows, bar, cross)


def _unaligned(rows: Sequence[Sequence[str]], bar: str, cross: str) -> tuple[list[str], str]:
    single = all(len(row) < 2 for row in rows)
    return [bar.join(row) for row in rows], "───" if single else f"─{cross}─"


def _aligned(
    rows: Sequence[Sequence[str]], aligns: Sequence[Align], bar: str, cross: str
) -> tuple[list[str], str]:
    widths = [max(map(_width, column)) or 1 for column in zip_longest(*rows, fillvalue="")]
    sides = [*aligns, *[""] * (len(widths) - len(aligns))]
    lines = [
        f" {bar} ".join(map(_padded, _filled(row, len(widths)), widths, sides)).rstrip()
        for row in rows
    ]
    rule = f"─{cross}─".join("─" * width for width in widths)
    return lines, rule if len(widths) > 1 else f"{rule}─"


def _filled(row: Sequence[str], columns: int) -> Iterator[str]:
    yield from row
    yield from [""] * (columns - len(row))


def _padded(cell: str, width: int, align: str) -> str:
    room = width - _width(cell)
    left = {"right": room, "center": room // 2}.get(align, 0)
    return " " * left + cell + " " * (room - left)


def _width(text: str) -> int:
    """Columns that a text takes where all characters are equally wide, or twice as wide."""
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Cf", "Me", "Mn"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


_LANGUAGE = re.compile(r"[a-z0-9_+\-.#]+", re.I | re.A)
_DEEPEST_HEADING = 3
_DEEPEST_LIST = 9
"""The client draws eleven levels of a list."""
_GREATEST = 999_999_999
"""The client counts from 1 to a thousand millions."""


class BlockWriter:
    """Writes lines. `aligned`: tables have columns, which takes more room.

    `mark` is the number of the item whose quotation is written: the first words begin with it.
    """

    def __init__(self, *, aligned: bool, quoted: bool = False, mark: str = "") -> None:
        self._aligned = aligned
        self.quoted = quoted
        self._mark = mark

    def all(self, blocks: Sequence[Block]) -> list[str]:
        """The lines of some blocks, with blank lines between them where the client needs them."""
        lines: list[str] = []
        before: Block | None = None
        for block in _not_blank(blocks):
            made = list(self._block(block))
            if made and before is not None and _apart(before, block):
                lines.append("")
            lines += made
            before = block if made else before
        return [*lines, *self._marked([])]

    def _block(self, block: Block) -> Iterator[str]:
        match block:
            case Paragraph(children):
                yield from self._marked(spans.lines(children))
            case Heading():
                yield from self._heading(block)
            case Quote(children):
                yield from self.quote(children)
            case _:
                yield from self._marked([])
                yield from self._wordless(block)

    def _wordless(self, block: Block) -> Iterator[str]:
        match block:
            case List():
                yield from _Lists(self).items(block, 0)
            case CodeBlock():
                yield from _code(block)
            case Table():
                yield from self._table(block)
            case _:
                yield spans.RULE

    def _heading(self, heading: Heading) -> Iterator[str]:
        if heading.level > _DEEPEST_HEADING or heading.continued:
            yield from self._marked(spans.bold(heading.children))
            return
        for line in self._marked(spans.lines(heading.children)):
            yield f"{'#' * heading.level} {spans.heading(line)}"

    def quote(self, children: Sequence[Block], mark: str = "") -> Iterator[str]:
        """The lines of a quotation. The client knows none within another one."""
        inner = BlockWriter(aligned=self._aligned, quoted=True, mark=mark or self._mark)
        self._mark = ""
        yield from (line if self.quoted else f"> {line}" for line in inner.all(children))

    def _marked(self, words: list[str]) -> list[str]:
        """Lines of words with the mark before them, if one waits; or the mark alone."""
        mark, self._mark = self._mark, ""
        return started_with(mark, words) if mark else words

    def _table(self, table: Table) -> Iterator[str]:
        rows = [[one_line(cell) for cell in row] for row in table.rows]
        rows = [row for row in rows if any(row)]
        set_out = laid_out(rows, table.aligns, aligned=self._aligned)
        if set_out is not None and not table.continued:
            yield from spans.set_table(*set_out)
        elif rows:
            yield from spans.fenced(["\t".join(row).rstrip("\t") for row in rows])


def _not_blank(blocks: Sequence[Block]) -> list[Block]:
    return [each for each in blocks if not (isinstance(each, Quote) and each.blank)]


def _apart(before: Block, block: Block) -> bool:
    """Whether a blank line parts two blocks."""
    if isinstance(before, Heading | CodeBlock | Table | Rule):
        return False
    if isinstance(block, Heading | CodeBlock | Table | Rule):
        return False
    return not (isinstance(before, Paragraph) and isinstance(block, List | Quote))


def _code(code: CodeBlock) -> Iterator[str]:
    if code.lines:
        language = code.language if _LANGUAGE.fullmatch(code.language) else ""
        yield from spans.fenced(code.lines, language)


@dataclass(slots=True)
class _Level:
    """A list that is open in the client: where it stands, and the number that it gives next."""

    indent: int
    inside: int
    """Columns by which what belongs to its items stands in."""
    next: int | None
    """None where it has bullets."""


class _Lists:
    """Writes the items of a list and of those within it.

    The client numbers items by itself from a list's first one on, and a list ends for it at the
    first line that isn't indented. It draws words in lists, and no code, quotations or headings.
    """

    def __init__(self, writer: BlockWriter) -> None:
        self._writer = writer
        self._levels: list[_Level] = []
        self._quotation = False
        """Whether the last line written is a quotation's."""

    def items(self, listed: List, depth: int) -> Iterator[str]:
        """The lines of a list's items."""
        for item in listed.items:
            yield from self._item(item, min(depth, len(self._levels)))

    def _item(self, item: Item, depth: int) -> Iterator[str]:
        words, rest = _split(item)
        marker = self._marker(item, depth) if words and not item.continued else ""
        if marker:
            if not self._fits(item, depth) or (self._quotation and self._writer.quoted):
                yield ""
                self._levels = []
            self._quotation = False
            level = self._enter(item, depth, marker)
            yield " " * level.indent + marker + words.pop(0)
            depth += 1
        elif item.number and not item.continued:
            if rest and isinstance(rest[0], Quote) and not words:
                yield from self._other(rest[0], mark=item.number)
                rest = rest[1:]
            else:
                words = started_with(item.number, words)
        yield from self._inside(words, min(depth, len(self._levels)))
        for child in rest:
            yield from self._child(child, min(depth, len(self._levels)))

    def _marker(self, item: Item, depth: int) -> str:
        """What the client draws the item's bullet or number from; empty where it would not."""
        number = _number(item)
        if depth > _DEEPEST_LIST or (depth and not self._fits(item, depth)):
            return ""
        if item.number and (number is None or f"{number}." != item.number):
            return ""
        return "- " if number is None else f"{number}. "

    def _fits(self, item: Item, depth: int) -> bool:
        """Whether the item goes on with the list that is open there, if one is."""
        return len(self._levels) <= depth or self._levels[depth].next == _number(item)

    def _enter(self, item: Item, depth: int, marker: str) -> _Level:
        del self._levels[depth + 1 :]
        if len(self._levels) == depth:
            indent = self._levels[-1].inside if depth else 0
            self._levels.append(_Level(indent, indent + len(marker), _number(item)))
        level = self._levels[depth]
        level.next = None if level.next is None else level.next + 1
        return level

    def _inside(self, words: Sequence[str], depth: int) -> Iterator[str]:
        """Further lines of what stands so deep in the list; they end what is deeper."""
        if words:
            del self._levels[depth:]
            self._quotation = False
        indent = self._levels[depth - 1].inside if depth else 0
        yield from (" " * indent + line for line in words)

    def _child(self, child: Block, depth: int) -> Iterator[str]:
        if isinstance(child, List):
            yield from self.items(child, depth)
        elif isinstance(child, Paragraph | Heading):
            yield from self._inside(_words(child), depth)
        else:
            yield from self._other(child)

    def _other(self, child: Block, mark: str = "") -> Iterator[str]:
        """A block that ends every list; `mark` is the number that a quotation begins with."""
        quote = child if isinstance(child, Quote) else None
        lines = [*self._writer.quote(quote.children, mark)] if quote else self._writer.all([child])
        if lines and quote and (self._quotation or self._writer.quoted):
            yield ""  # or its list would go on with the one before it
        if lines:
            self._levels, self._quotation = [], quote is not None
        yield from lines


def started_with(mark: str, words: Sequence[str]) -> list[str]:
    """Lines that begin with an item's number, which the client is not to take for one."""
    return [spans.started(" ".join([mark, *words[:1]])), *words[1:]]


def _split(item: Item) -> tuple[list[str], Sequence[Block]]:
    """The lines that an item begins with, its box before them, and what follows."""
    box = "" if item.done is None else CHECKED_BOX if item.done else OPEN_BOX
    rest = _not_blank(item.children)
    words: list[str] = []
    if rest and isinstance(rest[0], Paragraph | Heading) and (words := _words(rest[0])):
        rest = rest[1:]
    if box and not item.continued:
        words[:1] = [" ".join([box, *words[:1]])]
    return words, rest


def _words(block: Paragraph | Heading) -> list[str]:
    if isinstance(block, Heading):
        return spans.bold(block.children)
    return spans.lines(block.children)


def _number(item: Item) -> int | None:
    """The number that the client can give to an item; None where it has a bullet."""
    number = int(item.number[:-1]) if item.number else 0
    return number if 0 < number <= _GREATEST else None
