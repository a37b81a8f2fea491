"""Reads the Markdown that was sent, as Slack does, where Slack answers nothing else.

It was written by this dialect: nothing in it is read one way here and another way there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from connectors.markdown.nodes import (
    Block,
    Break,
    Code,
    CodeBlock,
    Heading,
    ImageLink,
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


class _Markdown(MarkdownIt):
    """Leaves addresses as they are written."""

    def normalizeLink(self, url: str) -> str:  # noqa: N802 - the parser's name
        return url

    def normalizeLinkText(self, link: str) -> str:  # noqa: N802 - the parser's name
        return link

    def validateLink(self, url: str) -> bool:  # noqa: N802 - the parser's name
        return bool(url)


_MARKDOWN = _Markdown("commonmark", {"html": False}).enable(["table", "strikethrough"])


def blocks_of(markdown: str) -> Iterator[Block]:
    """The blocks of a `markdown` block's text."""
    for node in SyntaxTreeNode(_MARKDOWN.parse(markdown)).children:
        yield from _block(node)


def _block(node: SyntaxTreeNode) -> Iterator[Block]:
    match node.type:
        case "paragraph":
            yield Paragraph(_inlines(node), "")
        case "heading":
            yield Heading(1, _inlines(node), "")
        case "blockquote":
            yield Quote(tuple(_within(node)))
        case "bullet_list":
            yield List(tuple(Item("-", tuple(_within(item))) for item in node.children))
        case "ordered_list":
            first = int(node.attrs.get("start", 1))
            marks = (f"{first + at}." for at in range(len(node.children)))
            items = zip(marks, node.children, strict=True)
            yield List(tuple(Item(mark, tuple(_within(item))) for mark, item in items))
        case "fence" | "code_block":
            yield CodeBlock(tuple(drawn(node.content).removesuffix("\n").split("\n")))
        case "table":
            rows = (row for part in node.children for row in part.children)
            yield Table(tuple(tuple(map(_inlines, row.children)) for row in rows), (), "")
        case _:
            yield Rule()


def _within(node: SyntaxTreeNode) -> Iterator[Block]:
    for child in node.children:
        yield from _block(child)


def _inlines(node: SyntaxTreeNode) -> Inlines:
    inline = node.children[0].token if node.children else None
    return tuple(_runs((inline.children if inline else None) or ()))


def _runs(tokens: Sequence[Token]) -> Iterator[Inline]:
    address, label = "", [""]
    for token in tokens:
        match token.type:
            case "link_open":
                address, label = drawn(str(token.attrGet("href") or "")), [""]
            case "link_close":
                yield _source_link(address, "".join(label))
                address = ""
            case _ if address:
                label.append(drawn(token.content))
            case _:
                yield from _run(token)


def _run(token: Token) -> Iterator[Inline]:
    match token.type:
        case "text" | "text_special":
            yield Text(drawn(token.content))
        case "code_inline":
            yield Code(drawn(token.content), "")
        case "softbreak" | "hardbreak":
            yield Break()
        case "image":
            yield ImageLink((Text(drawn(token.content)),), str(token.attrGet("src") or ""), "")


def _source_link(address: str, label: str) -> Link:
    bare = not label or label == address or address == f"mailto:{label}"
    words = label or address
    return Link((Text(words),), words if bare else address, "", bare=bare)
