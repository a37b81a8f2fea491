"""What can be seen of Markdown once Slack shows it: no marks, no addresses, no list numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import regex  # type: ignore[import-untyped]  # its stubs are a package of their own
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from connectors.slack.markup.mentions import escape
from connectors.slack.markup.normal import Piece, normalised

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
_TASK = regex.compile(r"\s*(?:\[[ xX]\]|[☐☑☒])(?=\s)")
_BREAKS = {"softbreak", "hardbreak"}
_REMEMBERED = 64
"""A part is asked for when it is shown and once more for the receipt; it costs up to 0.1 s."""


@lru_cache(_REMEMBERED)
def visible(markdown: str) -> str:
    """What a reader sees of a Markdown text, in the form that `seen` has for Slack's blocks.

    It is read as it is sent, with mentions hidden: `<!here|@here>` would be an e-mail address.
    """
    return normalised(_pieces(SyntaxTreeNode(_MARKDOWN.parse(escape(markdown)))))


def without_task(text: str) -> str:
    """A list item's text without its check box, which Slack may draw or write."""
    return str(_TASK.sub("", text, count=1))


def _pieces(node: SyntaxTreeNode) -> Iterator[Piece]:
    match node.type:
        case "fence" | "code_block":
            yield Piece(node.content, code=True)
        case "inline":
            yield Piece(_words(node.token))
        case "list_item":
            yield from _item(node)
        case _:
            for child in node.children:
                yield from _pieces(child)


def _item(node: SyntaxTreeNode) -> Iterator[Piece]:
    for at, child in enumerate(node.children):
        pieces = list(_pieces(child))
        if at == 0 and child.type in {"paragraph", "heading"}:
            pieces = [Piece(without_task(piece.text)) for piece in pieces]
        yield from pieces


def _words(inline: Token | None) -> str:
    tokens: Sequence[Token] = (inline.children if inline else None) or ()
    words, label, address = "", "", ""
    for token in tokens:
        if token.type == "link_open":
            address, label = str(token.attrGet("href") or ""), words
        said = _said(token)
        if token.type == "link_close" and words == label:
            said = address
        words += said
    return words


def _said(token: Token) -> str:
    if token.type in _BREAKS:
        return "\n"
    if token.type == "image":
        return token.content or str(token.attrGet("src") or "")
    return token.content
