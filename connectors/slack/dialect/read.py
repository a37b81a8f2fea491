"""Reads what Slack answers, blocks or Markdown, as the normal form of what is drawn of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import unescape
from itertools import chain
from typing import Any

from connectors.markdown import Drawn, of_blocks
from connectors.markdown.nodes import (
    Block,
    Break,
    Code,
    CodeBlock,
    Inline,
    Inlines,
    Item,
    Link,
    List,
    Paragraph,
    Quote,
    Rule,
    Table,
    Text,
)
from connectors.slack.dialect.spans import drawn

Node = Mapping[str, Any]

_OURS = frozenset({"actions", "context", "context_actions"})
"""Blocks that stand below the answer's text: small print and buttons."""
_LIKE_TEXT = {"color": "value", "date": "fallback"}
_MENTIONS = {
    "user": ("@", "user_id"),
    "usergroup": ("@", "usergroup_id"),
    "channel": ("#", "channel_id"),
    "broadcast": ("@", "range"),
    "team": ("@", "team_id"),
}


def read(answer: Sequence[Node]) -> Drawn:
    """What is drawn of a message's blocks, above the small print and buttons."""
    reader = _BlockKitReader()
    blocks = [made for block in _above(answer) for made in reader.block(block)]
    return Drawn(tuple(of_blocks(blocks)), tuple(sorted(reader.unknown)))


def _above(blocks: Sequence[Node]) -> Iterator[Node]:
    for block in blocks:
        if block.get("type") in _OURS:
            return
        yield block


class _BlockKitReader:
    def __init__(self) -> None:
        self.unknown: set[str] = set()

    def block(self, block: Node) -> Iterator[Block]:
        match block.get("type"):
            case "rich_text":
                for element in block["elements"]:
                    yield from self._rich(element)
            case "header" | "section":
                texts = [block["text"]] if block.get("text") else []
                for text in [*texts, *block.get("fields", ())]:
                    yield Paragraph(_lines(_composed(text)), "")
            case "table":
                yield Table(tuple(map(self._row, block["rows"])), (), "")
            case "markdown":
                from connectors.slack.dialect.sent import blocks_of  # and a parser: rarely read

                yield from blocks_of(block["text"])
            case "divider":
                yield Rule()
            case other:
                self._unknown(other)

    def _unknown(self, kind: object) -> None:
        self.unknown.add(str(kind))

    def _row(self, row: Sequence[Node]) -> tuple[Inlines, ...]:
        return tuple(map(self._cell, row))

    def _cell(self, cell: Node) -> Inlines:
        match cell.get("type"):
            case "raw_text":
                return _lines(drawn(str(cell.get("text", ""))))
            case "rich_text":
                elements = chain.from_iterable(each["elements"] for each in cell["elements"])
                return self._runs(list(elements))
            case other:
                self._unknown(other)
                return ()

    def _rich(self, element: Node) -> Iterator[Block]:
        match element.get("type"):
            case "rich_text_section":
                yield Paragraph(self._runs(element["elements"]), "")
            case "rich_text_quote":
                yield Quote((Paragraph(self._runs(element["elements"]), ""),))
            case "rich_text_list":
                yield self._list(element)
            case "rich_text_preformatted":
                text = "".join(
                    str(run.get("text") or run.get("url", "")) for run in element["elements"]
                )
                yield CodeBlock(tuple(drawn(text).split("\n")))
            case other:
                self._unknown(other)

    def _list(self, element: Node) -> List:
        first = int(element.get("offset", 0)) + 1 if element.get("style") == "ordered" else None
        items = [Paragraph(self._runs(item["elements"]), "") for item in element["elements"]]
        marks = ["-" if first is None else f"{first + at}." for at in range(len(items))]
        return List(tuple(Item(mark, (item,)) for mark, item in zip(marks, items, strict=True)))

    def _runs(self, elements: Sequence[Node]) -> Inlines:
        return tuple(chain.from_iterable(map(self._run, elements)))

    def _run(self, run: Node) -> Inlines:
        kind = run.get("type")
        match kind:
            case "text" if run.get("style", {}).get("code"):
                return (Code(drawn(run["text"]), ""),)
            case "text":
                return _lines(drawn(run["text"]))
            case "link":
                return (_link(drawn(run["url"]), drawn(str(run.get("text") or ""))),)
            case "emoji":
                return (Text(_emoji(run)),)
        if kind in _LIKE_TEXT:
            return _lines(drawn(str(run.get(_LIKE_TEXT[kind], ""))))
        if kind in _MENTIONS:
            sign, name = _MENTIONS[kind]
            return (Text(f"{sign}{run.get(name)}"),)
        self._unknown(kind)
        return ()


def _composed(text: Node) -> str:
    """A text object's words; Slack answers it with entities."""
    return drawn(unescape(str(text["text"])))


def _lines(text: str) -> Inlines:
    """Words with the ends of their lines."""
    inlines: list[Inline] = []
    for at, line in enumerate(text.split("\n")):
        inlines += [Break(), Text(line)] if at else [Text(line)]
    return tuple(inlines)


def _link(url: str, label: str) -> Link:
    bare = not label or label == url or url == f"mailto:{label}"
    words = label or url
    return Link(_lines(words), words if bare else url, "", bare=bare)


def _emoji(run: Node) -> str:
    """An emoji's characters; of one that only Slack knows its name."""
    if points := str(run.get("unicode") or ""):
        return "".join(chr(int(point, 16)) for point in points.split("-"))
    return f":{run.get('name', '')}:"
