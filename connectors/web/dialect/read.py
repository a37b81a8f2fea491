"""What the page draws of an answer's HTML, in the normal form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from typing import Literal

from connectors.markdown import Drawn, Form, Words
from connectors.web.dialect.write import TAGS

_WORDS = {"p", "h1", "h2", "h3", "h4", "h5", "h6"}
_PARAGRAPHS = _WORDS | {"blockquote", "hr", "ul", "table"}
"""What begins and ends lines."""


def read(html: str) -> Drawn:
    """What the page draws of an answer's HTML."""
    reader = _HtmlReader()
    reader.feed(html)
    reader.close()
    return Drawn(tuple(reader.form.lines), tuple(sorted(reader.unknown)))


class _HtmlReader(HTMLParser):
    """Reads HTML as the browser draws it. Formulas are their annotations."""

    def __init__(self) -> None:
        super().__init__()
        self.form = Form()
        self.unknown: set[str] = set()
        self._words: Words | None = None
        self._labels: list[tuple[str, Words]] = []
        self._verbatim: list[str] | None = None
        self._pre = self._maths = False
        self._cells: list[str] = []
        self._lists: list[tuple[str, int]] = []

    def close(self) -> None:
        super().close()
        self._end_line()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag not in TAGS:
            self.unknown.add(tag)
            return
        if tag in _PARAGRAPHS:
            self._begin_paragraph(tag)
        elif self._maths:
            self._verbatim = [] if tag == "annotation" else self._verbatim
        elif tag in _STARTS:
            _STARTS[tag](self, given)

    def handle_endtag(self, tag: str) -> None:
        if tag in _PARAGRAPHS:
            self._end_line()
            if tag in _WORDS:
                self.form.alone()
            if tag == "ul":
                self._lists.pop()
        elif tag in _ENDS and (not self._maths or tag in ("annotation", "math")):
            _ENDS[tag](self)

    def handle_data(self, data: str) -> None:
        if self._verbatim is not None:
            self._verbatim.append(data)
        elif not self._maths and (self._words or data.strip()):
            self._say("prose", data)

    def _say(self, how: Literal["prose", "code", "end"], *text: str) -> None:
        self._words = self._words or Words()
        for words in (self._words, *(label for _, label in self._labels)):
            getattr(words, how)(*text)

    def _begin_paragraph(self, tag: str) -> None:
        self._end_line()
        if tag == "hr":
            self.form.alone()
        elif tag == "ul":
            self._lists.append(("", 0))

    def _end_line(self) -> None:
        if self._words is not None:
            self.form.prose(self._words.lines)
            self._words = None

    def _break(self, _given: Mapping[str, str]) -> None:
        self._say("end")

    def _begin_list(self, given: Mapping[str, str]) -> None:
        self._end_line()
        mark = ")" if given.get("class") == "round" else "."
        self._lists.append((mark, int(given.get("start", 1))))

    def _end_list(self) -> None:
        self._end_line()
        self._lists.pop()

    def _begin_item(self, given: Mapping[str, str]) -> None:
        self._end_line()
        mark, count = self._lists[-1] if self._lists else ("", 0)
        if not mark or given.get("class") in ("on", "written"):
            self.form.mark("")
            return
        number = int(given["value"]) if "value" in given else count
        self._lists[-1] = (mark, number + 1)
        self.form.mark(f"{number}{mark}")

    def _end_item(self) -> None:
        self._end_line()
        self.form.alone()

    def _begin_row(self, _given: Mapping[str, str]) -> None:
        self._end_line()
        self._cells = []

    def _end_row(self) -> None:
        self.form.row(self._cells)

    def _begin_cell(self, _given: Mapping[str, str]) -> None:
        self._words = Words()

    def _end_cell(self) -> None:
        lines = self._words.lines if self._words else []
        self._words = None
        self._cells.append(" ".join(filter(None, lines)))

    def _begin_pre(self, _given: Mapping[str, str]) -> None:
        self._end_line()
        self._pre, self._verbatim = True, []

    def _end_pre(self) -> None:
        code = "".join(self._verbatim or ())
        self._pre, self._verbatim = False, None
        self.form.code(code.removesuffix("\n").split("\n") if code else ())

    def _begin_code(self, _given: Mapping[str, str]) -> None:
        if not self._pre:
            self._verbatim = []

    def _end_code(self) -> None:
        if not self._pre:
            text, self._verbatim = "".join(self._verbatim or ()), None
            self._say("code", text)

    def _begin_link(self, given: Mapping[str, str]) -> None:
        self._labels.append((" ".join(given.get("href", "").split()), Words()))

    def _end_link(self) -> None:
        if not self._labels:
            return
        address, words = self._labels.pop()
        label = " ".join(filter(None, words.lines))
        if label != address:
            self._say("prose", f" ({address})")

    def _begin_maths(self, _given: Mapping[str, str]) -> None:
        self._maths = True

    def _end_annotation(self) -> None:
        text, self._verbatim = "".join(self._verbatim or ()), None
        for at, line in enumerate(text.split("\n")):
            if at:
                self._say("end")
            self._say("prose", line)

    def _end_maths(self) -> None:
        self._maths = False


_STARTS: dict[str, Callable[[_HtmlReader, Mapping[str, str]], None]] = {
    "br": _HtmlReader._break,
    "ol": _HtmlReader._begin_list,
    "li": _HtmlReader._begin_item,
    "tr": _HtmlReader._begin_row,
    "th": _HtmlReader._begin_cell,
    "td": _HtmlReader._begin_cell,
    "pre": _HtmlReader._begin_pre,
    "code": _HtmlReader._begin_code,
    "a": _HtmlReader._begin_link,
    "math": _HtmlReader._begin_maths,
}
_ENDS: dict[str, Callable[[_HtmlReader], None]] = {
    "ol": _HtmlReader._end_list,
    "li": _HtmlReader._end_item,
    "tr": _HtmlReader._end_row,
    "th": _HtmlReader._end_cell,
    "td": _HtmlReader._end_cell,
    "pre": _HtmlReader._end_pre,
    "code": _HtmlReader._end_code,
    "a": _HtmlReader._end_link,
    "annotation": _HtmlReader._end_annotation,
    "math": _HtmlReader._end_maths,
}
