"""Which cut answers look whole, read by others and by the bot: the table in docs/providers.md."""

from __future__ import annotations

import asyncio

from benchmarks.figures import Figure

_FEW = 2


def measure(*, short: bool = False) -> list[Figure]:
    """The part of `make bench`: writes the table, and counts."""
    from tests.unit.providers.table import write
    from tests.wire.providers import endings

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        found = runner.run(endings.rows(_FEW if short else None))
    if not short:
        write(endings.BEGIN, endings.table(found))
    return [
        Figure(f"cut_answers_that_look_whole_{way}", endings.whole(found, n)[0], "answers", aim)
        for n, (way, aim) in enumerate(_WAYS.items())
    ]


_WAYS = {"sdk": None, "langchain": None, "lean_way": 0, "langchain_way": 0}
"""Who reads, and how many of them may look whole."""
