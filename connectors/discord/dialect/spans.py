"""Writes words for Discord's client, what it takes for markup escaped, and decorates a text
where only that is drawn rightly.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from connectors.markdown import one_line
from connectors.markdown.nodes import (
    Break,
    Code,
    Emph,
    Formula,
    Html,
    ImageLink,
    Inline,
    Inlines,
    Link,
    Strike,
    Strong,
    Text,
)

# What is added to a text so that Discord's client draws it rightly, and how it is taken out again.
#
# Pure. Where an addition could be mistaken for what the model wrote, what the model wrote gets one
# more of it: so everything can be taken out exactly.


BLANK = "\u200b"
"""A character of no width."""
FENCE = "```"
RULE = "-# " + "─" * 16
"""A line across: small print, which is never the model's."""
NOTE = "-# Some backticks in code have an invisible character between them."
"""Small print below a message in which `parted` had to change code."""
COLUMNS = (("│", "┼"), ("┃", "╂"), ("║", "╫"))
"""What parts a set table's cells, and crosses the rule below its header."""

_RUN = re.compile(f"``(?={BLANK}*`)")
_PARTED = re.compile(f"``{BLANK}(?={BLANK}*`)")
_PAIR = re.compile(f"`(?={BLANK}*`)")
_SINGLED = re.compile(f"`{BLANK}(?={BLANK}*`)")
_NOTED = re.compile(f"`{BLANK}+`")
_EMPTY = re.compile(f"{BLANK}*")
_HASHES_END = re.compile(f"#{BLANK}*$")
_SET_RULE = re.compile(f"({BLANK}+)(─+(?:([┼╂╫])─+)*)")


def parted(code: str) -> str:
    """Code without three backticks in a row: the client knows no escape in code."""
    return _RUN.sub(f"``{BLANK}", code)


def unparted(code: str) -> str:
    """The code that was `parted`."""
    return _PARTED.sub("``", code)


def singled(code: str) -> str:
    """Code without two backticks in a row, for a code span between such."""
    return _PAIR.sub(f"`{BLANK}", code)


def unsingled(code: str) -> str:
    """The code that was `singled`."""
    return _SINGLED.sub("`", code)


def noted(written: str) -> bool:
    """Whether backticks in code were parted."""
    return _NOTED.search(written) is not None


def fenced(lines: Sequence[str], language: str = "") -> list[str]:
    """A block of code, of at least one line."""
    kept = [parted(line) for line in lines]
    for at in {0, len(kept) - 1}:
        # The client drops empty lines at both ends.
        if _EMPTY.fullmatch(kept[at]):
            kept[at] += BLANK
    if len(kept) > 1 and _SET_RULE.fullmatch(kept[1]):
        kept[1] = BLANK + kept[1]
    return [FENCE + language, *kept, FENCE]


def code_in(lines: Sequence[str]) -> list[str]:
    """The code that was `fenced`, from the lines between the fences."""
    kept = list(lines)
    if len(kept) > 1 and _SET_RULE.fullmatch(kept[1]):
        kept[1] = kept[1].removeprefix(BLANK)
    for at in {0, len(kept) - 1}:
        if kept[at] and _EMPTY.fullmatch(kept[at]):
            kept[at] = kept[at].removesuffix(BLANK)
    return [unparted(line) for line in kept]


def set_table(rows: Sequence[str], rule: str) -> list[str]:
    """A table as code: its rows, laid out, with a rule below the first."""
    header, *others = (parted(row) for row in rows)
    return [FENCE, header, BLANK + rule, *others, FENCE]


def rows_in(lines: Sequence[str]) -> list[list[str]] | None:
    """The cells of a set table, from the lines between the fences; None where it is other code."""
    found = _SET_RULE.fullmatch(lines[1]) if len(lines) > 1 else None
    if found is None or found[1] != BLANK:
        return None
    bar = next((bar for bar, cross in COLUMNS if cross == found[3]), None)
    rows = [unparted(line) for line in (lines[0], *lines[2:])]
    return [[cell.strip(" ") for cell in (row.split(bar) if bar else [row])] for row in rows]


def heading(title: str) -> str:
    """A heading's text: the client drops hashes at its end, escaped or not."""
    return title + BLANK if _HASHES_END.search(title) else title


def title_in(heading: str) -> str:
    """The text of which `heading` made this."""
    return heading.removesuffix(BLANK) if _HASHES_END.search(heading) else heading


_SPACE = re.compile(r"\s+")
_MARKUP = re.compile(
    r"[\\*_`~\[]"
    r"|\|(?=\|)|(?<=\|)\|"  # a spoiler
    r"|<(?![\s=-]|$)"  # mentions, times, commands, addresses
    r"|:(?=[\w+-]+:)"  # an emoji's name
    r"|(?:(?<=http)|(?<=https)|(?<=steam)):(?=//)"  # an address, which would take in what follows
    r"|@(?=everyone|here|silent)"
    r"|(?<=\])\(",
    re.I | re.A,
)
_LINE_START = re.compile(r"((?:\*{1,3}|~~)*)(?:(#|>|-(?=[ #]))|(\d+)(?=\.(?: |$)))", re.A)
"""What begins a heading, quotation, list or small print, also within emphasis."""
_ADDRESS = re.compile(r"https?://[^\s<>]+", re.I)
_EMAIL = re.compile(r"[^\s<>@]+@[^\s<>@]+\.[^\s<>@]+")
_MASKED_ADDRESS = re.compile(r"https?://[\w.~:/?#@!$&'*+,;=%-]+", re.I | re.A)
_LABEL = re.compile(r"[^\\*_`~\[\]()|<>@:#\n-]*[^\\*_`~\[\]()|<>@:#\n\s-][^\\*_`~\[\]()|<>@:#\n-]*")
"""A label without anything that the client would read in it, for it knows no escape there."""
_LIST_LIKE = re.compile(r"\s*\d+\.", re.A)
_LONGEST_MASKED = 180
_BACKTICKS = re.compile("`+")
_MARKS: dict[type[Inline], str] = {Strong: "**", Emph: "*", Strike: "~~"}


def lines(inlines: Inlines) -> list[str]:
    """The lines of some words; none is empty."""
    return list(_lines(_Words().all(inlines)))


def line(inlines: Inlines) -> str:
    """Words as one line."""
    return " ".join(lines(inlines))


def bold(inlines: Inlines, source: str = "") -> list[str]:
    """The lines of words that are all bold."""
    return lines((Strong(inlines, source),))


def literal(text: str) -> str:
    """A text of one line, to be read as it is."""
    return _MARKUP.sub(r"\\\g<0>", _SPACE.sub(" ", text))


def started(text: str) -> str:
    """A line that begins nothing but itself."""
    found = _LINE_START.match(text)
    if found is None:
        return text
    at = found.end(3) if found[3] else found.start(2)
    return f"{text[:at]}\\{text[at:]}"


def _lines(pieces: Iterable[_Piece]) -> Iterator[str]:
    line: list[_Piece] = []
    for piece in [*pieces, _Piece("\n")]:
        if piece.text != "\n":
            line.append(piece)
            continue
        text = "".join(_marked(line)).strip(" ")
        if text:
            yield started(text)
        line = []


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some characters of a line as they are written, and the marks of the emphasis they stand in.

    `verbatim` characters are not escaped: marks among them would end emphasis.
    """

    text: str
    marks: tuple[str, ...] = ()
    verbatim: bool = False


def _marked(line: list[_Piece]) -> Iterator[str]:
    """The pieces of a line with their marks around them, where the client takes these for such."""
    hazards = {
        mark for piece in line if piece.verbatim for mark in piece.marks if mark[0] in piece.text
    }
    yield from _wrapped(
        [(piece.text, tuple(m for m in piece.marks if m not in hazards)) for piece in line]
    )


def _wrapped(pieces: list[tuple[str, tuple[str, ...]]]) -> Iterator[str]:
    """Wraps each stretch of pieces that share their first mark; white space stays outside."""
    at, closed = 0, ""
    while at < len(pieces):
        text, marks = pieces[at]
        if not marks:
            yield text
            closed = "" if text else closed
            at += 1
            continue
        end = at
        while end < len(pieces) and pieces[end][1][:1] == marks[:1]:
            end += 1
        inner = "".join(_wrapped([(text, rest[1:]) for text, rest in pieces[at:end]]))
        at = end
        bare = inner.strip(" ")
        before = inner[: len(inner) - len(inner.lstrip(" "))]
        mark = marks[0]
        if not bare or (closed == mark[0] and not before):
            # Two ends of emphasis that touch would be one.
            yield inner
            closed = inner[-1:]
            continue
        after = inner[len(inner.rstrip(" ")) :]
        yield f"{before}{mark}{bare}{mark}{after}"
        closed = "" if after else mark[0]


@dataclass(slots=True)
class _Words:
    """Gathers the pieces of words."""

    pieces: list[_Piece] = field(default_factory=list)
    marks: tuple[str, ...] = ()

    def all(self, inlines: Iterable[Inline]) -> list[_Piece]:
        for inline in inlines:
            self._add(inline)
        return self.pieces

    def _add(self, inline: Inline) -> None:
        match inline:
            case Text(text) | Formula(text) | Html(text):
                self._text(text)
            case Code(text):
                self._verbatim(_code(text))
            case Break():
                self._put("\n")
            case Link() | ImageLink():
                self._link(inline)
            case _:
                self._emphasis(inline)

    def _emphasis(self, inline: Strong | Emph | Strike) -> None:
        mark, before = _MARKS[type(inline)], self.marks
        self.marks = before if mark in before else (*before, mark)
        self.all(inline.children)
        self.marks = before

    def _text(self, text: str) -> None:
        for at, each in enumerate(text.split("\n")):
            if at:
                self._put("\n")
            self._put(literal(each))

    def _put(self, text: str) -> None:
        if text:
            self.pieces.append(_Piece(text, self.marks))

    def _verbatim(self, text: str) -> None:
        self.pieces.append(_Piece(text, self.marks, verbatim=True))

    def _link(self, link: Link | ImageLink) -> None:
        label = one_line(link.children)
        address = " ".join(link.address.split())
        if not label or label == address:
            self._address(address)
        elif masked := _masked(link, address):
            self._verbatim(masked)
        else:
            self.all(link.children)
            if address:
                self._put(" (")
                self._address(address)
                self._put(")")

    def _address(self, address: str) -> None:
        if _ADDRESS.fullmatch(address) or _EMAIL.fullmatch(address):
            self._verbatim(f"<{address}>")
        else:
            self._put(literal(address))


def _masked(link: Link | ImageLink, address: str) -> str | None:
    """The link with its address behind the label, where the client draws that as one."""
    if not _MASKED_ADDRESS.fullmatch(address) or len(link.children) != 1:
        return None
    child = link.children[0]
    if isinstance(child, Code):
        label, shown = child.text, f"`{child.text}`"
    elif isinstance(child, Text):
        label = shown = _SPACE.sub(" ", child.text)
    else:
        return None
    if _LABEL.fullmatch(label) is None or _LIST_LIKE.match(label):
        return None
    made = f"[{shown}]({address})"
    return made if len(made) <= _LONGEST_MASKED else None


def _code(text: str) -> str:
    """A code span: the client knows those between one or two backticks."""
    runs = {len(run) for run in _BACKTICKS.findall(text)}
    width = 2 if 1 in runs else 1
    if width == 2:
        text = singled(text)
    before = " " if re.match(" *`", text) else ""
    after = " " if re.search("` *$", text) else ""
    return "`" * width + before + text + after + "`" * width
