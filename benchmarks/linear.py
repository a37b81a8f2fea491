"""Seconds of CPU that hostile texts take, and of twice as much: about twice as many, where linear.

python -m benchmarks.linear [CHARACTERS]
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterator

from connectors.discord.dialect import DiscordDialect
from connectors.markdown import parse
from connectors.slack import content as slack_text
from connectors.slack.dialect import read, write
from connectors.web import dialect as page

UNITS = (
    *("*", "**a ", "_a_ ", "~~", "`", "``a`", "```\n", "$a", "\\", "[", "](", "![", "<", "<a@b."),
    *("<http:", "|a|b|\n", "| - ", "> ", "- a\n", "1. a\n", "||", ":a", "<@U|", "&", "重**", "a  "),
    *("https://a", "_a__b", "http://_", "1) > ", "- > ", "\t", "# #", "(", "@", "\u200b"),
)
FACTOR = 3.0
"""More than this, of twice as much text, is no linear time any more."""
_LEAST_S = 0.01
_discord = DiscordDialect()


def _on_discord(text: str) -> object:
    return _discord.read(_discord.write(text)), _discord.read(text)


def _on_slack(text: str) -> object:
    return read([{"type": "markdown", "text": write(text)}])


def _on_the_page(text: str) -> object:
    return page.read(page.write(text))


def _typed_on_slack(text: str) -> object:
    return slack_text.plain(text, {}, {"a": "b"}, without="U1"), slack_text.mentioned(text)


READERS: dict[str, Callable[[str], object]] = {
    "normal form": parse,
    "discord": _on_discord,
    "slack": _on_slack,
    "page": _on_the_page,
    "typed on slack": _typed_on_slack,
}


def seconds(call: Callable[[str], object], text: str) -> float:
    """CPU time, the least of three; without the collector, whose turns are not the reader's."""
    taken = []
    gc.disable()
    try:
        for n in range(3):
            again = text + "x" * n  # some remember what they read last
            began = time.process_time()
            call(again)
            taken.append(time.process_time() - began)
    finally:
        gc.enable()
    return min(taken)


def rows(characters: int) -> Iterator[tuple[str, str, float, float]]:
    """Each reader and unit, with the seconds for so many characters and for twice as many."""
    for name, call in READERS.items():
        for unit in UNITS:
            text = unit * (characters // len(unit))
            yield name, unit, seconds(call, text), seconds(call, text * 2)


def main() -> int:
    """Prints what is not linear; 1 where anything isn't."""
    characters = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    bad = 0
    for name, unit, once, twice in rows(characters):
        wrong = twice > FACTOR * max(once, _LEAST_S)
        bad += wrong
        if wrong:
            sys.stdout.write(f"{name}: {unit!r}: {once:.3f} s, twice as much {twice:.3f} s\n")
    sys.stdout.write(f"{bad} of {len(READERS) * len(UNITS)} are not linear\n")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
