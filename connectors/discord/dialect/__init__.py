"""Discord's writing: how a text is written for its client, what that draws, and what it costs.

The client reads its own kind of Markdown. Its rules are known from its published code: fences of
three backticks only, with no escape in code; `||` hides; lists count by themselves; tables, rules
across and headings below the third level are nothing. An escape draws any character as it is.
"""

from __future__ import annotations

from connectors.base import Cost
from connectors.discord.dialect import spans
from connectors.discord.dialect.read import read
from connectors.discord.dialect.write import BlockWriter
from connectors.markdown import START, Drawn, State, parse
from connectors.markdown.nodes import Block, List

__all__ = ["DiscordDialect", "units"]

_AROUND = 2 * len(f"{spans.NOTE}\n") + 4 * len(f"{spans.FENCE}\n")
"""What stands around a line at the most: fences, a rule, a note, a blank line."""


def units(text: str) -> int:
    """The length of a text in UTF-16 units; no less than Discord counts."""
    return len(text) + sum(character > "\uffff" for character in text)


class DiscordDialect:
    """Writes and reads the content of Discord's messages."""

    def write(
        self, text: str, state: State = START, *, growing: bool = False, aligned: bool = False
    ) -> str:
        """What the client draws as `plain(text, state)`; empty where that is nothing.

        `aligned`: tables have columns, which takes more room than `measure` says.
        """
        parsed = parse(text, state)
        blocks = parsed.blocks
        if growing:
            blocks = _decided(blocks, parsed.after)
        lines = BlockWriter(aligned=aligned).all(blocks)
        written = "\n".join(lines)
        if not growing and spans.noted(written):
            written = f"{written}\n{spans.NOTE}"
        return written

    def read(self, answer: str) -> Drawn:
        """What the client draws of a message's content."""
        return read(answer.strip())

    def measure(self, text: str, state: State = START) -> Cost:
        """What the text costs: `characters` are UTF-16 units."""
        written = self.write(text, state)
        return Cost(characters=units(written), bytes=len(written.encode()))

    def adds(self, line: str) -> Cost:
        """The most that a line adds to what `measure` says, whatever stands around it."""
        long, written = units(line), len(line.encode(errors="surrogatepass"))
        return Cost(2 * long + _AROUND, 2 * written + _AROUND)


def _decided(blocks: tuple[Block, ...], after: State) -> tuple[Block, ...]:
    """The blocks without the last one, where what follows may still change it.

    Of a list all items but the last are as they will stay.
    """
    if not blocks or (after.leaf is None and not after.containers and not after.pending):
        return blocks
    *whole, last = blocks
    if isinstance(last, List) and len(last.items) > 1:
        return (*whole, List(last.items[:-1]))
    return tuple(whole)
