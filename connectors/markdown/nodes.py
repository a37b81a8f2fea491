"""What a Markdown text is made of: the blocks and inlines that a dialect writes from.

All nodes are frozen. `source` is the Markdown as it was written, without the marks of the quotes
and lists around it: a dialect whose client can't draw a node falls back to it, as literal text.

Where a text goes on from an earlier slice (see `State`), the blocks that were open there come
first, and are `continued`: their number, bullet or info string was said before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Align = Literal["", "left", "center", "right"]


@dataclass(frozen=True, slots=True)
class Text:
    """Characters to be read as they are: escapes are undone, entities and mentions are not."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """A code span; `text` is verbatim, line ends in it are spaces."""

    text: str
    source: str


@dataclass(frozen=True, slots=True)
class Strong:
    children: tuple[Inline, ...]
    source: str


@dataclass(frozen=True, slots=True)
class Emph:
    children: tuple[Inline, ...]
    source: str


@dataclass(frozen=True, slots=True)
class Strike:
    children: tuple[Inline, ...]
    source: str


@dataclass(frozen=True, slots=True)
class Link:
    """A label that leads to an address, which is anything that the model wrote.

    `bare` is true for an address that is its own label: written as it is, or between < and >.
    """

    children: tuple[Inline, ...]
    address: str
    source: str
    title: str = ""
    bare: bool = False


@dataclass(frozen=True, slots=True)
class ImageLink:
    """A picture: read as a link to it, whose label is the text in its place."""

    children: tuple[Inline, ...]
    address: str
    source: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Break:
    """The end of a line within a paragraph; `hard` where the model asked for it."""

    hard: bool = False


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula in TeX. `text` is how it was written, with its marks; `source` the TeX within."""

    text: str
    source: str
    display: bool


@dataclass(frozen=True, slots=True)
class Html:
    """A tag or comment, read as literal text."""

    text: str


Inline = Text | Code | Strong | Emph | Strike | Link | ImageLink | Break | Formula | Html
Inlines = tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    children: Inlines
    source: str
    continued: bool = False


@dataclass(frozen=True, slots=True)
class Heading:
    """`level` is 1 to 6; `underlined` where it was written as lines above a row of `=` or `-`."""

    level: int
    children: Inlines
    source: str
    continued: bool = False
    underlined: bool = False


@dataclass(frozen=True, slots=True)
class Quote:
    children: tuple[Block, ...]
    continued: bool = False

    @property
    def blank(self) -> bool:
        """Whether nothing stands in it, not even a block that can't be seen."""
        return all(isinstance(child, Quote) and child.blank for child in self.children)


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a list. `mark` is its bullet, or its number with what follows it, as written.

    `done` is None where the item is no task.
    """

    mark: str
    children: tuple[Block, ...]
    done: bool | None = None
    continued: bool = False

    @property
    def number(self) -> str:
        """The number with its point or parenthesis; empty for a bullet."""
        return self.mark if self.mark[0].isdigit() else ""


@dataclass(frozen=True, slots=True)
class List:
    """Items of one kind. Their numbers are the items' own: they need not count up by one."""

    items: tuple[Item, ...]

    @property
    def ordered(self) -> bool:
        """Whether its items have numbers."""
        return bool(self.items[0].number)


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """Fenced or indented code. `lines` are verbatim, without line ends.

    `begun` says that the first of them goes on in the middle of a line. `run` are the backticks or
    tildes of the fence, empty for indented code.
    """

    lines: tuple[str, ...]
    info: str = ""
    fenced: bool = True
    continued: bool = False
    begun: bool = False
    run: str = ""

    @property
    def language(self) -> str:
        """The first word of its info string."""
        return next(iter(self.info.split()), "")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells; rows may be longer or shorter than the header.

    `header` says whether the first row is one: it isn't where the table goes on. `source` are the
    lines as they were written, the delimiters' one too.
    """

    rows: tuple[tuple[Inlines, ...], ...]
    aligns: tuple[Align, ...]
    source: str
    header: bool = True

    @property
    def continued(self) -> bool:
        """Whether the table began in an earlier slice."""
        return not self.header


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across."""


Block = Paragraph | Heading | Quote | List | CodeBlock | Table | Rule
Blocks = tuple[Block, ...]
