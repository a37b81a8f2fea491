"""What is added to a text so that Discord's client draws it rightly, and how it is taken out again.

Pure. Where an addition could be mistaken for what the model wrote, what the model wrote gets one
more of it: so everything can be taken out exactly.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

BLANK = "\u200b"
"""A character of no width."""
FENCE = "```"
RULE = "-# " + "─" * 16
"""A line across: small print, which is never the model's."""
NOTE = "-# Some backticks in code have an invisible character between them."
"""Small print below a message in which `parted` had to change code."""
COLUMNS = (("│", "┼"), ("┃", "╂"), ("║", "╫"))
"""What parts a set table's cells, and crosses the rule below its header."""

_RUN = re.compile(f"``(?={BLANK}*`)")
_PARTED = re.compile(f"``{BLANK}(?={BLANK}*`)")
_PAIR = re.compile(f"`(?={BLANK}*`)")
_SINGLED = re.compile(f"`{BLANK}(?={BLANK}*`)")
_NOTED = re.compile(f"`{BLANK}+`")
_EMPTY = re.compile(f"{BLANK}*")
_HASHES_END = re.compile(f"#{BLANK}*$")
_SET_RULE = re.compile(f"({BLANK}+)(─+(?:([┼╂╫])─+)*)")


def parted(code: str) -> str:
    """Code without three backticks in a row: the client knows no escape in code."""
    return _RUN.sub(f"``{BLANK}", code)


def unparted(code: str) -> str:
    """The code that was `parted`."""
    return _PARTED.sub("``", code)


def singled(code: str) -> str:
    """Code without two backticks in a row, for a code span between such."""
    return _PAIR.sub(f"`{BLANK}", code)


def unsingled(code: str) -> str:
    """The code that was `singled`."""
    return _SINGLED.sub("`", code)


def noted(written: str) -> bool:
    """Whether backticks in code were parted."""
    return _NOTED.search(written) is not None


def fenced(lines: Sequence[str], language: str = "") -> list[str]:
    """A block of code, of at least one line."""
    kept = [parted(line) for line in lines]
    for at in {0, len(kept) - 1}:
        # The client drops empty lines at both ends.
        if _EMPTY.fullmatch(kept[at]):
            kept[at] += BLANK
    if len(kept) > 1 and _SET_RULE.fullmatch(kept[1]):
        kept[1] = BLANK + kept[1]
    return [FENCE + language, *kept, FENCE]


def code_in(lines: Sequence[str]) -> list[str]:
    """The code that was `fenced`, from the lines between the fences."""
    kept = list(lines)
    if len(kept) > 1 and _SET_RULE.fullmatch(kept[1]):
        kept[1] = kept[1].removeprefix(BLANK)
    for at in {0, len(kept) - 1}:
        if kept[at] and _EMPTY.fullmatch(kept[at]):
            kept[at] = kept[at].removesuffix(BLANK)
    return [unparted(line) for line in kept]


def set_table(rows: Sequence[str], rule: str) -> list[str]:
    """A table as code: its rows, laid out, with a rule below the first."""
    header, *others = (parted(row) for row in rows)
    return [FENCE, header, BLANK + rule, *others, FENCE]


def rows_in(lines: Sequence[str]) -> list[list[str]] | None:
    """The cells of a set table, from the lines between the fences; None where it is other code."""
    found = _SET_RULE.fullmatch(lines[1]) if len(lines) > 1 else None
    if found is None or found[1] != BLANK:
        return None
    bar = next((bar for bar, cross in COLUMNS if cross == found[3]), None)
    rows = [unparted(line) for line in (lines[0], *lines[2:])]
    return [[cell.strip(" ") for cell in (row.split(bar) if bar else [row])] for row in rows]


def heading(title: str) -> str:
    """A heading's text: the client drops hashes at its end, escaped or not."""
    return title + BLANK if _HASHES_END.search(title) else title


def title_in(heading: str) -> str:
    """The text of which `heading` made this."""
    return heading.removesuffix(BLANK) if _HASHES_END.search(heading) else heading
