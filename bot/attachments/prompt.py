"""How a file's text is put before the model."""

from __future__ import annotations

import re

from bot.attachments.names import shown_name

_RUNS = re.compile("`+")
_SHORTEST_FENCE = 3


def as_prompt(name: str, text: str) -> str:
    """The file's name, and its text in a fence that nothing in it can close."""
    longest = max((len(run) for run in _RUNS.findall(text)), default=0)
    fence = "`" * max(_SHORTEST_FENCE, longest + 1)
    end = "" if text.endswith("\n") else "\n"
    return f'File "{shown_name(name)}":\n{fence}\n{text}{end}{fence}'
