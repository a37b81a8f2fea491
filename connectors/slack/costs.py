"""What a part takes of all that Slack counts, and the most of it that a message may have."""

from __future__ import annotations

from functools import partial

from connectors.base import Cost, Limits
from connectors.slack.dialect import JOINT, measure
from connectors.slack.options import SlackOptions

LONGEST = 10_000
"""Characters of a part's Markdown."""

_CHARACTERS = 11_500
"""Characters of a part as it is sent. Slack takes 12,000 of Markdown, and 13,200 of all blocks of
a message together: small print and buttons stand below."""
_ITEMS = 44
"""Slack takes 50 items, our own blocks among them: each heading, rule and table is one, and so is
whatever stands between two of them."""
_MAY_BE_APART = frozenset("#-=*_|")
_AROUND, _AROUND_NESTED = 16, 40
"""Characters between a line and the next: a blank line, a fence, the marks of what it stands in."""
_NESTED = frozenset(" \t>-+*0123456789")
"""What the lines of nested blocks begin with."""
_MORE = {"<": 3, "&": 4, "|": 5, ":": 4, "@": 3, JOINT: 6} | dict.fromkeys("\\`[]#", 1)
_MORE |= dict.fromkeys("*_~", 8)
"""Bytes by which a character may grow: escaped, or with what hides a mention or makes emphasis."""


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
        LONGEST,
        keeps_source=False,
        most=most,
        measure=partial(measure, columns=options.table_columns),
        adds=adds,
    )


def adds(line: str) -> Cost:
    """The most that a line adds to what `measure` says."""
    if not line.strip():
        return Cost(characters=1, bytes=1)
    around = _AROUND_NESTED if line[0] in _NESTED else _AROUND
    more = around + sum(each * line.count(character) for character, each in _MORE.items())
    size = len(line.encode(errors="surrogatepass"))
    return Cost(
        characters=len(line) + more,
        bytes=size + more,
        blocks=0 if _MAY_BE_APART.isdisjoint(line) else 2,
        rows=1,
        cells=size,
    )
