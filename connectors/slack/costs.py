"""What a part takes of all that Slack counts, and the most of it that a message may have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from connectors.base import Cost, Limits
from connectors.slack.markup import escape, visible
from connectors.slack.options import SlackOptions

LONGEST = 10_000
"""Characters of a part's Markdown."""

_CHARACTERS = 11_500
"""Characters of a part as it is sent. Slack takes 12,000 of Markdown, and 13,200 of all blocks of
a message together: small print and buttons stand below."""
_ITEMS = 44
"""Slack takes 50 items, our own blocks among them: each heading, rule and table is one, and so is
whatever stands between two of them."""
_APART = frozenset({"heading_open", "hr", "table_open"})
_MAY_BE_APART = frozenset("#-=*_|")
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
_HIDING = 3
"""Bytes of the character that hides a mention."""
_REMEMBERED = 64


def limits(options: SlackOptions) -> Limits:
    """What one message may hold."""
    most = Cost(
        characters=_CHARACTERS,
        bytes=options.message_bytes,
        blocks=_ITEMS,
        rows=options.table_rows,
        columns=options.table_columns,
        cells=options.table_characters,
    )
    return Limits(
        LONGEST, visible=visible, keeps_source=False, most=most, measure=measure, adds=adds
    )


@lru_cache(_REMEMBERED)
def measure(markdown: str) -> Cost:
    """What a part takes once it is sent."""
    written = escape(markdown)
    tokens = _MARKDOWN.parse(written)
    rows = [[len(cell) for cell in row] for row in _rows(tokens)]
    return Cost(
        characters=len(written),
        bytes=len(written.encode(errors="surrogatepass")),
        blocks=_items(tokens),
        rows=len(rows),
        columns=max(map(len, rows), default=0),
        cells=sum(map(sum, rows)),
    )


def adds(line: str) -> Cost:
    """The most that a line adds to that. One character in five may begin a mention."""
    hidden = len(line) // 5 + 1
    return Cost(
        characters=len(line) + hidden,
        bytes=len(line.encode(errors="surrogatepass")) + _HIDING * hidden,
        blocks=0 if _MAY_BE_APART.isdisjoint(line) else 2,
        rows=bool(line),
        cells=len(line),
    )


def _items(tokens: Sequence[Token]) -> int:
    """As Slack counts them. One within a list or quote breaks that in two."""
    apart = sum(token.type in _APART for token in tokens)
    top = [token.type in _APART for token in tokens if not token.level and token.nesting >= 0]
    between = sum(here and not one for here, one in zip([True, *top], top, strict=False))
    within = sum(token.type in _APART and token.level > 0 for token in tokens)
    return apart + between + within


def _rows(tokens: Sequence[Token]) -> Iterator[list[str]]:
    row: list[str] | None = None
    for token in tokens:
        if token.type == "tr_open":
            row = []
        elif token.type == "tr_close" and row is not None:
            yield row
            row = None
        elif token.type == "inline" and row is not None:
            row.append(token.content)
