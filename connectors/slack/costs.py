"""What a part takes of all that Slack counts, and the most of it that a message may have."""

from __future__ import annotations

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
_AROUND = 40
"""Characters of what a line may begin and end: what it stands in, a blank line, a fence."""
_WRITTEN = {"<": 4, "&": 5, "|": 6, JOINT: 3, ":": 3, "@": 2} | dict.fromkeys("\\`[]#", 2)
_WRITTEN |= dict.fromkeys("*_~", 5)
"""Characters that one may become: escaped, with what hides a mention or makes emphasis of it."""


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
    return Limits(LONGEST, keeps_source=False, most=most, measure=measure, adds=adds)


def adds(line: str) -> Cost:
    """The most that a line adds to what `measure` says."""
    if not line.strip():
        return Cost(characters=1, bytes=1)
    more = _AROUND + sum((each - 1) * line.count(one) for one, each in _WRITTEN.items())
    size = len(line.encode(errors="surrogatepass"))
    return Cost(
        characters=len(line) + more,
        bytes=size + 3 * more,
        blocks=0 if _MAY_BE_APART.isdisjoint(line) else 2,
        rows=1,
        cells=size,
    )
