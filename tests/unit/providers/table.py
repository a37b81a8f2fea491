"""The table of stream cases in `docs/providers.md`: `python -m tests.unit.providers.table`.

It says what `manifest.json` says, and `test_streams.py` holds that for every adapter and both ways.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tests.doubles.providers.streams import CASES, Case
from tests.doubles.providers.ways import ADAPTERS, Adapter, ways_of

DOCS = Path(__file__).parents[3] / "docs" / "providers.md"
BEGIN = "<!-- table: python -m tests.unit.providers.table -->\n"
END = "<!-- end of the table -->\n"


def table() -> str:
    """The table of every recorded stream."""
    head = ["stream", "origin", *(f"`{adapter}`" for adapter in ADAPTERS), "what comes of it"]
    return "\n".join([line(head), line("---" for _ in head), *map(_row, CASES), ""])


def documented(begin: str = BEGIN) -> str:
    """A table as the page has it."""
    return DOCS.read_text().partition(begin)[2].partition(END)[0]


def write(begin: str, made: str) -> None:
    """Puts a table into the page, in place of the one that begins so."""
    before, _, rest = DOCS.read_text().partition(begin)
    DOCS.write_text(before + begin + made + END + rest.partition(END)[2])


def _row(case: Case) -> str:
    """An empty cell is a stream that this service never sends."""
    cells = [_ways(adapter) if adapter in case.adapters else "" for adapter in ADAPTERS]
    return line([case.case, case.origin.split(" ")[0].rstrip(":"), *cells, _sum(case)])


def _ways(adapter: Adapter) -> str:
    return "both alike" if len(ways_of(adapter)) > 1 else "as meant"


def _sum(case: Case) -> str:
    kinds = Counter(kind for kind, _ in case.tokens)
    parts = [f"{count} {kind}" for kind, count in kinds.items()]
    if case.usage is not None:
        parts.append("usage")
    end = f"`{case.error.__name__}`" if case.error is not None else f"`{case.finish}`"
    return ", ".join([*parts, end])


def line(cells: Iterable[str]) -> str:
    """One row in Markdown."""
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Writes the table into the page."""
    write(BEGIN, table())
    sys.stdout.write(f"wrote {DOCS.name}\n")


if __name__ == "__main__":
    main()
