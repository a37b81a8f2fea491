"""Markdown as Slack's own blocks: rich text, headers, dividers, tables.

Slack never echoes the Markdown that it was sent. One `markdown` block may become several others.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from functools import cache
from itertools import count
from typing import Any

from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from tests.doubles.slack.markdown.elements import Element, merged, stripped, text
from tests.doubles.slack.markdown.inline import elements, plain
from tests.doubles.slack.markdown.parser import Reading, parser

Block = dict[str, Any]

HEADER = 150
"""Characters that a header block holds; a longer heading is bold rich text."""

_parser = cache(parser)


def translate(markdown: str, reading: Reading = Reading()) -> list[Block]:  # noqa: B008 - frozen
    """The blocks, without ids, that Slack makes of a Markdown text."""
    return _Translation().of(SyntaxTreeNode(_parser(reading).parse(markdown)))


class _Translation:
    """Collects blocks; what can stand in one rich text block is gathered in it."""

    def __init__(self) -> None:
        self._blocks: list[Block] = []
        self._rich: list[Element] = []

    def of(self, root: SyntaxTreeNode) -> list[Block]:
        for node in root.children:
            self._add(node)
        self._flush()
        return self._blocks

    def _add(self, node: SyntaxTreeNode) -> None:
        match node.type:
            case "heading":
                self._heading(node)
            case "hr":
                self._block({"type": "divider"})
            case "table":
                self._block(_table(node))
            case "paragraph":
                self._paragraph(_inline(node))
            case "bullet_list" | "ordered_list":
                self._list(node, indent=0, border=0)
            case "blockquote":
                self._quote(node)
            case _:
                self._rich.append(_code(node, border=0))

    def _block(self, block: Block) -> None:
        self._flush()
        self._blocks.append(block)

    def _flush(self) -> None:
        if self._rich:
            self._blocks.append({"type": "rich_text", "elements": self._rich})
            self._rich = []

    def _heading(self, node: SyntaxTreeNode) -> None:
        title = plain(_inline(node)).strip()
        if not title:
            return
        if len(title) <= HEADER:
            escaped = html.escape(title, quote=False)
            words = {"type": "plain_text", "text": escaped, "emoji": True}
            self._block({"type": "header", "text": words})
            return
        self._flush()
        self._paragraph(_inline(node), frozenset({"bold"}))
        self._flush()

    def _paragraph(
        self, tokens: Sequence[Token], style: frozenset[str] = frozenset(), kind: str = "section"
    ) -> None:
        """Paragraphs that follow each other share a section, two newlines apart."""
        said = elements(tokens, style)
        if not said:
            return
        last = self._rich[-1] if self._rich else None
        if last is not None and last["type"] == f"rich_text_{kind}":
            last["elements"] = merged([*last["elements"], text("\n\n"), *said])
        else:
            self._rich.append({"type": f"rich_text_{kind}", "elements": said})

    def _quote(self, node: SyntaxTreeNode) -> None:
        for child in node.children:
            match child.type:
                case "paragraph" | "heading":
                    self._paragraph(_inline(child), kind="quote")
                case "bullet_list" | "ordered_list":
                    self._list(child, indent=0, border=1)
                case "fence" | "code_block":
                    self._rich.append(_code(child, border=1))
                case "blockquote":
                    self._quote(child)
                case _:
                    self._add(child)

    def _list(self, node: SyntaxTreeNode, indent: int, border: int) -> None:
        """A flat run of lists: what is nested follows with a greater indent, then it goes on."""
        ordered = node.type == "ordered_list"
        first = int(node.attrs.get("start", 1)) if ordered else 1
        numbers = count(first - 1)
        current: Element | None = None
        for item in node.children:
            offset = next(numbers)
            if not self._rich or self._rich[-1] is not current:
                current = _new_list(ordered, indent, border, offset)
                self._rich.append(current)
            self._item(item, current, indent, border)

    def _item(self, item: SyntaxTreeNode, current: Element, indent: int, border: int) -> None:
        leading: list[Element] = []
        rest = list(item.children)
        while rest and rest[0].type in {"paragraph", "heading"}:
            said = elements(_inline(rest.pop(0)))
            leading += [text("\n"), *said] if leading else said
        current["elements"].append({"type": "rich_text_section", "elements": merged(leading)})
        for child in rest:
            self._within(child, indent, border)

    def _within(self, child: SyntaxTreeNode, indent: int, border: int) -> None:
        if child.type in {"bullet_list", "ordered_list"}:
            self._list(child, indent + 1, border)
        elif child.type in {"fence", "code_block"}:
            self._rich.append(_code(child, border))
        else:
            self._add(child)


def _new_list(ordered: bool, indent: int, border: int, offset: int) -> Element:
    made: Element = {
        "type": "rich_text_list",
        "style": "ordered" if ordered else "bullet",
        "indent": indent,
        "border": border,
        "elements": [],
    }
    return made | ({"offset": offset} if ordered and offset else {})


def _code(node: SyntaxTreeNode, border: int) -> Element:
    language = node.info.split()[0] if node.info.split() else ""
    made: Element = {
        "type": "rich_text_preformatted",
        "elements": [text(node.content.removesuffix("\n"))],
        "border": border,
    }
    return made | ({"language": language} if language else {})


def _table(node: SyntaxTreeNode) -> Block:
    rows = [row for part in node.children for row in part.children]
    aligned = [str(cell.attrs.get("style", "")) for cell in rows[0].children]
    settings = [{"align": style.removeprefix("text-align:") or "left"} for style in aligned]
    cells = [[_cell(_inline(cell)) for cell in row.children] for row in rows]
    return {"type": "table", "rows": cells, "column_settings": settings}


def _cell(tokens: Sequence[Token]) -> Element:
    said = stripped(elements(tokens))
    if all(each["type"] == "text" and "style" not in each for each in said):
        return {"type": "raw_text", "text": "".join(each["text"] for each in said) or " "}
    section = {"type": "rich_text_section", "elements": said}
    return {"type": "rich_text", "elements": [section]}


def _inline(node: SyntaxTreeNode) -> Sequence[Token]:
    inline = node.children[0].token if node.children else None
    return (inline.children if inline else None) or ()
