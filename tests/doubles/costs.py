"""A platform that counts all that a platform can count, by a Markdown parser of its own."""

from __future__ import annotations

from markdown_it import MarkdownIt
from markdown_it.token import Token

from connectors.base import Cost

_MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_APART = {"heading_open", "hr", "table_open"}
_ESCAPED = frozenset("*_<&")


def cost(text: str) -> Cost:
    """What a text takes: each heading, rule and table is a block, and what stands between two.

    Some characters are escaped, as most platforms need it.
    """
    written = "".join(f"\\{each}" if each in _ESCAPED else each for each in text)
    tokens = _MARKDOWN.parse(text)
    rows = [inlines for inlines in _rows(tokens) if inlines]
    return Cost(
        characters=len(written),
        bytes=len(written.encode(errors="surrogatepass")),
        blocks=_blocks(tokens),
        rows=len(rows),
        columns=max(map(len, rows), default=0),
        cells=sum(len(cell) for row in rows for cell in row),
    )


def _blocks(tokens: list[Token]) -> int:
    count, apart = 0, True
    for token in tokens:
        if token.nesting < 0 or (token.level and token.type not in _APART):
            continue
        count += token.type in _APART or apart
        apart = token.type in _APART
    return count


def _rows(tokens: list[Token]) -> list[list[str]]:
    rows: list[list[str]] = []
    in_row = False
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        in_row = token.type == "tr_open" or (in_row and token.type != "tr_close")
        if in_row and token.type == "inline":
            rows[-1].append(token.content)
    return rows
