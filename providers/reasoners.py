"""What a model's name tells of its thinking: how long it may take, and how its stream begins."""

from __future__ import annotations

import re

_LONGEST = re.compile(r"-pro(?![a-z])|deep-?research")
"""Minutes without a word: OpenAI's pro models and o-series pro, and whatever researches."""
_LONG = re.compile(
    r"(^|/)o\d|(^|/)gpt-[5-9](?!.*chat)|gpt-oss|reason|think|(^|[-/])r1(?![a-z0-9])|qwq|magistral"
    r"|grok-4|minimax-m\d|gemini-[3-9]"
)
"""Models that think before they answer."""
_BEGINS = re.compile(r"deepseek-r1|qwq|qwen3.*thinking|minimax-m\d|exaone-deep")
"""Models whose chat template opens the thoughts: the stream begins within them."""


def slowness(model: str) -> int:
    """How many times as long as others a model may be silent before its answer."""
    name = model.lower()
    if _LONGEST.search(name):
        return 5
    return 3 if _LONG.search(name) else 1


def begins(model: str, as_set: bool | None = None) -> bool:
    """Whether a model's stream begins with reasoning that nothing opens.

    `as_set` by the operator, or as is known of the model.
    """
    return _BEGINS.search(model.lower()) is not None if as_set is None else as_set
