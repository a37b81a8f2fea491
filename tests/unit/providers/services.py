"""The table of named services in `docs/providers.md`: `python -m tests.unit.providers.services`."""

from __future__ import annotations

import sys

from providers.registry import SERVICES
from tests.unit.providers.table import line, write

BEGIN = "<!-- table: python -m tests.unit.providers.services -->\n"


def table() -> str:
    """Every service with a short name."""
    head = ("`MODEL=`", "service", "address", "needs", "usage")
    rows = [
        (
            f"`{name}:NAME`",
            one.title,
            f"`{one.base_url}`" + (f"<br>elsewhere `{one.elsewhere}`" if one.elsewhere else ""),
            f"`{one.key.upper()}`" if one.key else "nothing",
            "is asked for" if one.usage else "comes unasked",
        )
        for name, one in SERVICES.items()
    ]
    return "\n".join([line(head), line("---" for _ in head), *map(line, rows), ""])


def main() -> None:
    """Writes the table into the page."""
    write(BEGIN, table())
    sys.stdout.write("wrote the table of services\n")


if __name__ == "__main__":
    main()
