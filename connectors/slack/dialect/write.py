"""Writes a Markdown text as the Markdown that Slack draws as the model meant it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from connectors.base import Cost
from connectors.markdown import START, State, of_blocks, one_line, parse
from connectors.markdown.inlines import parse as parse_inlines
from connectors.markdown.inlines import settled
from connectors.markdown.nodes import (
    Block,
    Blocks,
    CodeBlock,
    Heading,
    ImageLink,
    Inlines,
    Item,
    Link,
    List,
    Paragraph,
    Quote,
    Table,
    Text,
)
from connectors.markdown.plain import CHECKED_BOX, OPEN_BOX
from connectors.slack.dialect.spans import (
    EMOJI_BEGUN,
    JOINT,
    Spans,
    escaped,
    hidden,
    is_prose,
)

COLUMNS = 20
"""Columns of a table, if nothing else is said; longer rows are code, cells apart by a tab."""

_REMEMBERED = 64
"""A part is measured, written, and written once more for its receipt."""
_FENCE = "`" * 6
"""Around code that was not fenced by backticks: so many at the beginning of a line are rare."""
_DEEPEST = 32
"""Columns by which what is nested stands in; what is nested deeper stands in no more."""
_LANGUAGE = re.compile(r"[\w+#.-]+")
_NUMBER = re.compile(r"([1-9]\d{0,8})\.")
_DELIMITERS = {"": "---", "left": ":--", "center": ":-:", "right": "--:"}
_CONTAINERS = re.compile(r"(?:[ \t]*>)*[ \t]*(?:(?:[-+*]|\d{1,9}[.)])[ \t]+)*")
_DECIDED = re.compile(
    r"[^\s\-+*#>=~|`:_0-9]|[*_]{1,3}[^\s*_-]|\d+[^\d.)]|\d+[.)]\S|\d{10}|[-+][^\s\-+|:]|`{1,2}[^`]"
    r"|~{1,2}[^~]|:[^-|\s]|\#{1,6}[^#\s]|=+[^=\s]"
)
_MAY_CLOSE = re.compile(r"[ \t>]*(?:`*|~*)[ \t]*")
_BOX_BEGUN = re.compile(r"\[[ xX]\][ \t]*")


@dataclass(slots=True)
class Counted:
    """What was written takes of what Slack counts, once it is translated."""

    blocks: int = 0
    rows: int = 0
    columns: int = 0
    cells: list[str] = field(default_factory=list)
    _runs: bool = False

    def apart(self) -> None:
        """A heading, rule or table is a block of its own."""
        self.blocks += 1
        self._runs = False

    def rich(self) -> None:
        """All else between two of them is one."""
        self.blocks += not self._runs
        self._runs = True


def write(text: str, state: State = START, *, growing: bool = False, columns: int = COLUMNS) -> str:
    """What Slack draws as `plain(text, state)`, where tables may have so many columns.

    With `growing` it ends before whatever is not decided yet.
    """
    return _written(text, state, growing=growing, columns=columns)[0]


@lru_cache(_REMEMBERED)
def _written(
    text: str, state: State = START, *, growing: bool = False, columns: int = COLUMNS
) -> tuple[str, Counted]:
    """The same, and what it takes."""
    blocks, open_code = _decided(text, state) if growing else (parse(text, state).blocks, False)
    writer = _Writer(columns, open_code=open_code)
    writer.all(blocks, "", last=True)
    return writer.text, writer.counted


def measure(text: str, state: State = START, *, columns: int = COLUMNS) -> Cost:
    """What a text takes of what Slack counts, once it is written and translated."""
    markdown, counted = _written(text, state, columns=columns)
    cells = "".join(counted.cells)
    return Cost(
        characters=len(markdown),
        bytes=len(markdown.encode(errors="surrogatepass")),
        blocks=counted.blocks,
        rows=counted.rows,
        columns=counted.columns,
        cells=len(cells.encode(errors="surrogatepass")),
    )


class _Writer:
    """Writes blocks one below another; each line of what is nested begins with a prefix."""

    def __init__(self, columns: int, *, open_code: bool) -> None:
        self.counted = Counted()
        self._out: list[str] = []
        self._columns = columns
        self._open_code = open_code
        self._fresh = True  # the line is begun, and nothing stands in it
        self._mark = ""  # a number or box that waits for words to stand before
        self._lists: dict[str, int] = {}  # open lists by their prefix; the last number, 0: bullets

    @property
    def text(self) -> str:
        return "".join(self._out)

    def all(self, blocks: Sequence[Block], prefix: str, *, last: bool) -> None:
        """Writes blocks; `last` where nothing stands below the last of them."""
        for at, block in enumerate(blocks):
            self._one(block, prefix, last=last and at == len(blocks) - 1)

    def _one(self, block: Block, prefix: str, *, last: bool) -> None:
        match block:
            case List(items):
                for at, item in enumerate(items):
                    self._item(item, prefix, last=last and at == len(items) - 1)
            case Quote(children):
                self._quote(children, prefix, last=last)
            case Heading():
                self._heading(block, prefix)
            case Paragraph(children):
                if self._paragraph(children, prefix):
                    self.counted.rich()
            case _:
                self._alone(prefix)
                self._wordless(block, prefix, last=last)

    def _wordless(self, block: Block, prefix: str, *, last: bool) -> None:
        match block:
            case CodeBlock():
                self._code(block, prefix, last=last)
            case Table():
                self._table(block, prefix, last=last)
            case _:
                self._begin(prefix)
                self._out.append("***" if prefix else "---")
                self.counted.apart()

    def _begin(self, prefix: str) -> None:
        """Begins a block, which ends every list that it doesn't stand in."""
        if not self._fresh:
            self._out.append(f"\n{prefix.rstrip()}\n{prefix}")
        self._fresh = False
        self._lists = {each: n for each, n in self._lists.items() if len(each) < len(prefix)}

    def _alone(self, prefix: str) -> None:
        """Writes the mark that waits, if there is one, as a paragraph of its own."""
        if self._mark and self._paragraph((), prefix):
            self.counted.rich()

    def _marked(self) -> str:
        mark, self._mark = self._mark, ""
        return escaped(mark, starts=True)

    # Words.

    def _paragraph(self, inlines: Inlines, prefix: str) -> bool:
        """Writes a paragraph, if there is anything to be seen of it; says whether there is."""
        mark = self._marked()
        spans = Spans(starts=not mark)
        spans.write(inlines)
        words = " ".join(filter(None, (mark, spans.text.lstrip(" ") if mark else spans.text)))
        if not words.strip():
            return False
        self._begin(prefix)
        self._out.append(words.replace("\n", f"\n{prefix}"))
        return True

    def _heading(self, heading: Heading, prefix: str) -> None:
        if heading.underlined or not is_prose(heading.children):
            shown = self._paragraph(heading.children, prefix)
            if shown and heading.underlined and not prefix and _is_title(heading):
                self._out.append("\n===" if heading.level == 1 else "\n---")
                self.counted.apart()
            elif shown:
                self.counted.rich()
            return
        words = " ".join(filter(None, (self._marked(), escaped(one_line(heading.children)))))
        if words:
            self._begin(prefix)
            self._out.append(f"{'#' * heading.level} {words}")
            self.counted.apart()

    # Containers.

    def _quote(self, children: Sequence[Block], prefix: str, *, last: bool) -> None:
        """Slack draws one level of quotes: what is quoted within one stands in the same."""
        if ">" in prefix:
            self.all(children, prefix, last=last)
        elif of_blocks(children):
            self._begin(prefix)
            self._out.append("> ")
            self._fresh = True
            self.all(children, f"{prefix}> ", last=last)
        elif not Quote(tuple(children)).blank:
            self._alone(prefix)

    def _item(self, item: Item, prefix: str, *, last: bool) -> None:
        box = "" if item.done is None else CHECKED_BOX if item.done else OPEN_BOX
        if item.continued:
            self.all(item.children, prefix, last=last)
            return
        self._alone(prefix)
        if item.number and not self._counts(item, prefix):
            self._mark = " ".join(filter(None, (item.number, box)))
            self.all(item.children, prefix, last=last)
            self._alone(prefix)
            return
        if not (item.number or box or of_blocks(item.children)):
            return
        mark = item.number or "-"
        self._begin_item(prefix, int(item.number[:-1] or 0) if item.number else 0)
        self._out.append(mark if item.number and not item.children and not box else f"{mark} ")
        self._mark, self._fresh = box, True
        inner = prefix + " " * (len(mark) + 1)
        self.all(item.children, inner if len(inner) <= _DEEPEST else prefix, last=last)
        self._alone(inner)
        self._fresh = False
        self.counted.rich()

    def _counts(self, item: Item, prefix: str) -> bool:
        """Whether Slack's own list can show the number, which counts up by one in it."""
        before = self._lists.get(prefix, 0)
        return _is_native(item) and (not before or int(item.mark[:-1]) == before + 1)

    def _begin_item(self, prefix: str, number: int) -> None:
        goes_on = prefix in self._lists and bool(self._lists[prefix]) == bool(number)
        if goes_on and not self._fresh:
            self._out.append(f"\n{prefix}")
            self._lists = {each: n for each, n in self._lists.items() if len(each) < len(prefix)}
        else:
            self._begin(prefix)
        self._lists[prefix] = number

    # Code and tables.

    def _code(self, code: CodeBlock, prefix: str, *, last: bool) -> None:
        fence = code.run if code.run.startswith("`") else _FENCE
        language = code.language if _LANGUAGE.fullmatch(code.language) else ""
        self._fenced(code.lines, fence, language, prefix, last=last)

    def _fenced(
        self, lines: Sequence[str], fence: str, language: str, prefix: str, *, last: bool
    ) -> None:
        if not lines:
            return
        self._begin(prefix)
        self._out.append(f"{fence}{language}")
        for line in lines:
            inner = re.sub(f"^( {{0,3}})(?={fence})", rf"\1{JOINT}", hidden(line))
            self._out.append(f"\n{prefix}{inner}" if inner else f"\n{prefix.rstrip()}")
        if not (last and self._open_code):
            self._out.append(f"\n{prefix}{fence}")
        self.counted.rich()

    def _table(self, table: Table, prefix: str, *, last: bool) -> None:
        width = 0
        wide: list[str] = []
        for at, row in enumerate(table.rows):
            if len(row) > self._columns or wide:
                wide.append("\t".join(map(one_line, row)).rstrip("\t"))
                continue
            bare = not at and table.header and not table.source.lstrip().startswith("|")
            if len(row) > width:
                self._begin(prefix)
                self._header(row, table, prefix, bare=bare)
                width = len(row)
            else:
                self._out.append(f"\n{prefix}{_row(row)}")
            self._count(row)
        self._fenced([line for line in wide if line], _FENCE, "", prefix, last=last)

    def _header(self, row: Sequence[Inlines], table: Table, prefix: str, *, bare: bool) -> None:
        """A row as the header of a table: the first, or one that has more cells than that."""
        aligns = (*table.aligns, *("" for _ in row))
        delimiters = "|".join(_DELIMITERS[align] for align in aligns[: len(row)])
        self._out.append(_row(row, bare=bare))
        self._out.append(f"\n{prefix}{'' if bare else '|'}{delimiters}|")
        self.counted.apart()

    def _count(self, row: Sequence[Inlines]) -> None:
        self.counted.rows += 1
        self.counted.columns = max(self.counted.columns, len(row))
        self.counted.cells += map(one_line, row)


def _is_native(item: Item) -> bool:
    """Whether an item of Slack's own shows a number as it is, and nothing else on its line."""
    first = item.children[0] if item.children else None
    if isinstance(first, List) and first.ordered and not _is_native(first.items[0]):
        return False
    return _NUMBER.fullmatch(item.mark) is not None and not isinstance(first, Quote)


def _row(row: Sequence[Inlines], *, bare: bool = False) -> str:
    """A row of a table; `bare` without the bar that begins it."""
    cells = [_cell(cell, starts=bare and not at) for at, cell in enumerate(row)]
    return f"{' | '.join(cells)} |" if bare else f"| {' | '.join(cells)} |"


def _cell(inlines: Inlines, *, starts: bool) -> str:
    spans = Spans(cell=True, starts=starts)
    spans.write(inlines)
    return spans.text


def _is_title(heading: Heading) -> bool:
    """Whether a heading is drawn as it is written, though Slack shows no marks or links in one."""
    links = any(
        isinstance(each, ImageLink) or (isinstance(each, Link) and not each.bare)
        for each in heading.children
    )
    return is_prose(heading.children) and not links and "|" not in heading.source


# What is decided of a text that grows.


def _decided(text: str, state: State) -> tuple[Blocks, bool]:
    """The blocks of a growing text that stay as they are, and whether code or a table is open."""
    start = max(text.rfind("\n"), text.rfind("\r")) + 1
    parsed = parse(text[:start], state)
    if _shows(text[start:], parsed.after):
        parsed = parse(text, state)
    leaf = parsed.after.leaf
    kind = leaf.kind if leaf else ""
    blocks = _without_end(parsed.blocks, flowing=kind == "paragraph")
    return blocks, kind in {"fence", "code", "table"}


def _shows(line: str, before: State) -> bool:
    """Whether the beginning of a line shows what kind of line it is."""
    kind = before.leaf.kind if before.leaf else ""
    if kind == "fence":
        return _MAY_CLOSE.fullmatch(line) is None
    if kind not in {"", "heading"}:
        return False
    marks = _CONTAINERS.match(line)
    return _DECIDED.match(line, marks.end() if marks else 0) is not None


def _without_end(blocks: Blocks, *, flowing: bool, first: bool = False) -> Blocks:
    """Blocks without what may become something else; `first` where they begin an item."""
    if not blocks:
        return blocks
    *before, last = blocks
    kept: Block | None = last
    match last:
        case List(items):
            kept = _list_without_end(items, flowing=flowing)
        case Quote(children):
            quoted = _without_end(children, flowing=flowing)
            kept = replace(last, children=quoted) if quoted else None
        case Paragraph() if flowing:
            words = _settled(last.source, begins=first and not before)
            kept = replace(last, children=words) if words else None
    return (*before, kept) if kept else tuple(before)


def _list_without_end(items: Sequence[Item], *, flowing: bool) -> List | None:
    *before, last = items
    children = _without_end(last.children, flowing=flowing, first=True)
    kept = (*before, replace(last, children=children)) if children else tuple(before)
    return List(kept) if kept else None


def _settled(source: str, *, begins: bool) -> Inlines:
    """The inlines of a paragraph that stay as they are; `begins` where it begins an item."""
    if begins and _BOX_BEGUN.fullmatch(source):
        return ()
    # The last line may be a table's header; and its beginning the first cell of that.
    before, _, line = source.rpartition("\n")
    if "|" in line:
        source = before or line[: line.index("|")]
    inlines = parse_inlines(source[: settled(source)])
    if not inlines or not isinstance(inlines[-1], Text):
        return inlines
    text = EMOJI_BEGUN.sub("", inlines[-1].text)
    return (*inlines[:-1], Text(text)) if text else inlines[:-1]
