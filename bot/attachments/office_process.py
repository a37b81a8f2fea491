"""Reads a Word document, a workbook or a page of HTML, as a script in a process of its own.

Its arguments are the format (`docx`, `xlsx`, `html`), the most characters, the most seconds of CPU
time and the most images; the file comes on standard input. It writes one JSON object per line:
`chunk`s of the text as Markdown, in which tables stay tables; how far it got (`characters` in all;
`count` of sheets, the `sheet` and its `row`); each `image` in base64, if there is no text; and at
last `done` or the `problem`.

Nothing that a file refers to is fetched. It imports nothing of this project, to start fast.
"""

from __future__ import annotations

import json
import re
import sys
import warnings
from base64 import b64encode
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Any
from zipfile import ZipFile

_MEMORY_BYTES = 400_000_000
"""Limit of the process's address space (on Linux)."""
_MOST_UNPACKED = 100_000_000
"""Most bytes that a document may unpack to, as its table of contents says; a reader of ZIP files
unpacks no more than that."""
_MOST_PARTS = 10_000
_MOST_IMAGE_BYTES = 10_000_000
_MOST_COLUMNS = 100
_OLE = b"\xd0\xcf\x11\xe0"
"""How encrypted documents begin; older ones of Word and Excel do, too."""
_LOCKED = "EncryptedPackage".encode("utf-16-le")


class Encrypted(Exception):
    """The document needs a password."""


class TooMuch(Exception):
    """The document unpacks to more than is taken."""


class Writer:
    """Writes text up to one character above the limit, which tells that there is more."""

    def __init__(self, most: int) -> None:
        self.characters = 0
        self._left = most + 1

    def block(self, text: str) -> None:
        """A block, with a blank line before it."""
        self.text(f"\n\n{text}" if self.characters else text)

    def text(self, text: str) -> None:
        """Any text."""
        self.characters += len(text)
        if kept := text[: max(0, self._left)]:
            self._left -= len(kept)
            say(chunk=storable(kept))

    @property
    def full(self) -> bool:
        """Whether nothing more is written."""
        return self._left <= 0


def main() -> None:
    """Reads the document and writes what it finds, line by line."""
    form, characters, seconds, pictures = sys.argv[1], *map(int, sys.argv[2:])
    bound(seconds)
    try:
        read(form, sys.stdin.buffer.read(), Writer(characters), pictures)
        say(done=True)
    except Encrypted:
        say(problem="encrypted")
    except (MemoryError, TooMuch):
        say(problem="too_much")
    except Exception:  # noqa: BLE001 - a broken file raises anything
        say(problem="broken")


def bound(seconds: int) -> None:
    """Silences warnings, and sets the operating system's limits."""
    warnings.simplefilter("ignore")
    sys.setrecursionlimit(20_000)  # as deep as a parser lets a document nest
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        if sys.platform == "linux":
            resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))


def read(form: str, data: bytes, writer: Writer, pictures: int) -> None:
    """Reads a document of this format."""
    if form == "html":
        _html(data, writer)
        say(characters=writer.characters)
        return
    if data.startswith(_OLE) and _LOCKED in data:
        raise Encrypted
    with ZipFile(BytesIO(data)) as parts:
        entries = parts.infolist()
        if len(entries) > _MOST_PARTS or sum(e.file_size for e in entries) > _MOST_UNPACKED:
            raise TooMuch
        if form == "docx":
            _docx(data, writer)
            say(characters=writer.characters)
        else:
            _xlsx(parts, data, writer)
        if not writer.characters:
            _images(parts, pictures)


def _images(parts: ZipFile, most: int) -> None:
    """The images of a document without text, up to `most`."""
    kinds = (".png", ".jpg", ".jpeg", ".gif", ".webp")
    found = [
        entry
        for entry in parts.infolist()
        if "/media/" in entry.filename and entry.filename.lower().endswith(kinds)
    ]
    say(pictures=len(found))
    left = _MOST_IMAGE_BYTES
    for entry in found[:most]:
        if (left := left - entry.file_size) < 0:
            return
        say(image=b64encode(parts.read(entry)).decode("ascii"))


def table(rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown; its first row is its head."""
    lines = [row_of_table(row) for row in rows]
    lines.insert(1, "|" + " --- |" * len(rows[0]))
    return "\n".join(lines)


def row_of_table(row: Sequence[str]) -> str:
    """A row of a table in Markdown."""
    return "|" + "".join(f" {cell_text(cell)} |" for cell in row)


def cell_text(text: str) -> str:
    """A cell's text on one line, in which nothing ends the cell."""
    lines = (" ".join(line.split()) for line in text.strip().splitlines())
    return "<br>".join(line for line in lines if line).replace("|", "\\|")


def storable(text: str) -> str:
    """The text without lone surrogates and NUL."""
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return joined.replace("\x00", "\ufffd")


# Word documents. What is read is the XML, since the library's paragraphs leave out what stands in
# content controls, text boxes and tracked changes.


_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_REFERENCE = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_MATHS = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"
_HEADING = re.compile(r"(?:heading|title)\s*(\d?)", re.I)
_BESIDE = ("header", "footer", "footnotes", "endnotes", "comments")
"""What a document says outside of its body, by the ends of the relations' names."""


def _docx(data: bytes, writer: Writer) -> None:
    from docx.oxml import parse_xml
    from docx.package import Package

    package = Package.open(BytesIO(data))
    part = package.main_document_part
    document = Word(part)
    for block in document.blocks(_root(part, parse_xml)[0]):
        writer.block(block)
    for name in _BESIDE:
        found: list[str] = []
        for relation in part.rels.values():
            if relation.is_external or not relation.reltype.endswith(f"/{name}"):
                continue
            beside = relation.target_part
            found += Word(beside).blocks(_root(beside, parse_xml))
        if found:
            writer.block("\n\n".join((f"[{name}]", *dict.fromkeys(found))))


def _root(part: Any, parse: Any) -> Any:
    """A part's XML: of some types the library keeps the bytes only."""
    element = getattr(part, "element", None)
    return parse(part.blob) if element is None else element


class Word:
    """The text of a part of a Word document."""

    def __init__(self, part: Any) -> None:
        self._links = {
            key: relation.target_ref for key, relation in part.rels.items() if relation.is_external
        }
        named = getattr(part, "styles", ())
        self._styles = {style.style_id: style.name or "" for style in named}

    def blocks(self, parent: Any) -> Iterator[str]:
        """Paragraphs and tables, in order, also those within content controls and the like."""
        for element in parent:
            if element.tag == f"{_WORD}p":
                if text := self._paragraph(element):
                    yield text
            elif element.tag == f"{_WORD}tbl":
                if rows := list(self._rows(element)):
                    yield table(rows)
            elif isinstance(element.tag, str) and element.tag != _FALLBACK:
                yield from self.blocks(element)

    def _rows(self, parent: Any) -> Iterator[list[str]]:
        for row in _within(parent, "tr", stop="tbl"):
            cells: list[str] = []
            for cell in _within(row, "tc", stop="tbl"):
                cells += ["\n".join(self.blocks(cell)), *[""] * (_spanned(cell) - 1)]
            if any(cells):
                yield cells[:_MOST_COLUMNS]

    def _paragraph(self, paragraph: Any) -> str:
        text = "".join(self._texts(paragraph)).strip()
        if not text:
            return ""
        style = paragraph.find(f"{_WORD}pPr/{_WORD}pStyle")
        name = "" if style is None else style.get(f"{_WORD}val", "")
        if heading := _HEADING.match(self._styles.get(name, name)):
            return "#" * min(6, int(heading[1] or 1)) + f" {text}"
        if paragraph.find(f"{_WORD}pPr/{_WORD}numPr") is not None:
            return f"- {text}"
        return text

    def _texts(self, parent: Any) -> Iterator[str]:
        for element in parent:
            name = str(element.tag).removeprefix(_WORD)
            if name == "t" or element.tag == _MATHS:
                yield element.text or ""
            elif name in ("tab", "br", "cr", "noBreakHyphen"):
                yield {"tab": "\t", "noBreakHyphen": "-"}.get(name, "\n")
            elif name == "txbxContent":
                yield "\n" + "\n".join(self.blocks(element)) + "\n"
            elif name == "hyperlink":
                yield self._link(element)
            elif name not in ("pPr", "rPr", "del") and element.tag != _FALLBACK:
                yield from self._texts(element)

    def _link(self, element: Any) -> str:
        text = "".join(self._texts(element))
        address = self._links.get(element.get(_REFERENCE, ""), "")
        return f"{text} ({address})" if address and address != text else text


def _within(parent: Any, name: str, *, stop: str) -> Iterator[Any]:
    """The elements of a name below, but not those of what is nested in another `stop`."""
    for element in parent:
        if element.tag == f"{_WORD}{name}":
            yield element
        elif isinstance(element.tag, str) and element.tag != f"{_WORD}{stop}":
            yield from _within(element, name, stop=stop)


def _spanned(cell: Any) -> int:
    span = cell.find(f"{_WORD}tcPr/{_WORD}gridSpan")
    said = "1" if span is None else span.get(f"{_WORD}val", "1")
    return min(_MOST_COLUMNS, int(said)) if said.isdigit() else 1


# Workbooks.


_FORMULA = re.compile(rb"<(?:\w+:)?f[\s>]")
_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")


def _xlsx(parts: ZipFile, data: bytes, writer: Writer) -> None:
    """The sheets as tables: values as they were last computed, formulas where that never was."""
    values = _workbook(data, values=True)
    formulas = _workbook(data, values=False) if _has_formulas(parts) else values
    say(count=len(values.worksheets))
    for number, sheet in enumerate(values.worksheets, 1):
        other = formulas.worksheets[number - 1]
        _sheet(number, sheet, None if other is sheet else other, writer)
        if writer.full:
            return


def _workbook(data: bytes, *, values: bool) -> Any:
    from openpyxl import load_workbook

    return load_workbook(BytesIO(data), read_only=True, data_only=values, keep_links=False)


def _has_formulas(parts: ZipFile) -> bool:
    return any(
        _FORMULA.search(parts.read(entry))
        for entry in parts.infolist()
        if _SHEET.fullmatch(entry.filename)
    )


def _sheet(number: int, sheet: Any, formulas: Any, writer: Writer) -> None:
    computed = _rows_of(sheet)
    pairs: Iterator[Any] = ((row, row) for row in computed)
    if formulas is not None:
        pairs = zip(computed, _rows_of(formulas), strict=False)
    begun = False
    for index, (row, other) in enumerate(pairs, 1):
        if not (cells := _cells(row, other)):
            continue
        if not begun:
            hidden = "" if sheet.sheet_state == "visible" else " (hidden)"
            writer.block(f"## Sheet {sheet.title}{hidden}\n\n{table([cells])}")
        else:
            writer.text(f"\n{row_of_table(cells)}")
        begun = True
        if writer.full:
            say(sheet=number, row=index)
            return


def _rows_of(sheet: Any) -> Iterator[Sequence[Any]]:
    sheet.reset_dimensions()  # a file may claim millions of columns
    rows: Iterator[Sequence[Any]] = sheet.iter_rows(max_col=_MOST_COLUMNS, values_only=True)
    return rows


def _cells(row: Sequence[Any], other: Sequence[Any]) -> list[str]:
    """A row's cells as text, without empty ones at its end."""
    both = zip(row, other, strict=False)
    cells = [_shown(second if first is None else first) for first, second in both]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _shown(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).upper()
        case float():
            return f"{value:.15g}"
    text = str(value)
    return text.removesuffix(" 00:00:00") if hasattr(value, "hour") else text


# HTML.


_SKIPPED = frozenset({"script", "style", "noscript", "template", "svg", "iframe", "object", "head"})
_BLOCK_NAMES = """
address article aside blockquote body br caption center dd details div dl dt fieldset figcaption
figure footer form h1 h2 h3 h4 h5 h6 header hr html legend li main nav ol option p pre section
summary table tbody td tfoot th thead tr ul
"""
_BLOCKS = frozenset(_BLOCK_NAMES.split())
_ADDRESS = re.compile(r"https?://\S{1,300}")


def _html(data: bytes, writer: Writer) -> None:
    from lxml import html  # type: ignore[import-untyped]

    parser = html.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True)
    root = html.document_fromstring(data, parser=parser)
    page = HtmlPage(writer)
    title = root.find(".//title")
    if title is not None and title.text and title.text.strip():
        writer.block(f"# {' '.join(title.text.split())}")
    page.read(root)


class HtmlPage:
    """Writes the text of a page of HTML, block by block."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._words: list[str] = []
        self._lead = ""

    def read(self, element: Any) -> None:
        """An element's text, but not what follows it."""
        tag = element.tag if isinstance(element.tag, str) else ""
        if not tag or tag in _SKIPPED:
            return
        if tag in _BLOCKS:
            self._end()
        if tag == "pre":
            self._writer.block(f"```\n{element.text_content().strip(chr(10))}\n```")
        elif tag == "table" and (rows := _rows_of_data(element)):
            self._writer.block(table(rows))
        else:
            self._inside(element, tag)

    def _inside(self, element: Any, tag: str) -> None:
        self._lead = _lead_of(tag) or self._lead
        self._words.append(element.text or "")
        if tag == "img" and (told := element.get("alt", "").strip()):
            self._words.append(f" [image: {told}] ")
        for child in element:
            self.read(child)
            self._words.append(child.tail or "")
        if tag == "a" and (address := _ADDRESS.fullmatch(element.get("href", ""))):
            self._words.append(f" ({address[0]})")
        if tag in _BLOCKS:
            self._end()

    def _end(self) -> None:
        text = " ".join("".join(self._words).split())
        self._words.clear()
        if text:
            self._writer.block(self._lead + text)
            self._lead = ""


def _lead_of(tag: str) -> str:
    if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
        return "#" * int(tag[1]) + " "
    return {"li": "- ", "blockquote": "> "}.get(tag, "")


def _rows_of_data(element: Any) -> list[list[str]]:
    """The rows of a table; none if it only lays out other things."""
    if element.find(".//table") is not None:
        return []
    rows = [
        [_text_in(cell) for cell in row.iterchildren("td", "th")][:_MOST_COLUMNS]
        for row in element.iter("tr")
    ]
    filled = [row for row in rows if any(row)]
    return filled if any(len(row) > 1 for row in filled) else []


def _text_in(element: Any) -> str:
    texts = element.xpath(".//text()[not(ancestor::script or ancestor::style)]")
    return " ".join("".join(texts).split())


def say(**line: Any) -> None:
    """Writes a line."""
    print(json.dumps(line), flush=True)  # noqa: T201 - this is what the process is for


if __name__ == "__main__":
    main()
