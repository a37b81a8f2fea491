"""The bot's own lines: in small print, and what they name stays as it is."""

from __future__ import annotations

import pytest

from bot.words import Sentence, small


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("time: get_current_time", "time: get_current_time"),
        ("a__b", "a__b"),
        ("_all of this_", "all of this"),
        ("__init__ *bold* [link](x)", "init bold link (x)"),
    ],
)
def test_a_tool_is_named_as_it_is_called_and_nothing_is_marked_up(name: str, shown: str) -> None:
    said = small(Sentence("tool.made", {"name": name, "seconds": 0.1}))
    assert said == f"_Used {shown} (0.1 s)_"
