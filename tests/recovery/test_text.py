"""How much of an answer is known: the longer of what was recorded and what is shown."""

from __future__ import annotations

import pytest

from bot.recovery.text import longer
from bot.render import Piece, layout
from connectors.base import Limits

LIMITS = Limits(20)
BARE = Piece("", "", "", "", "")


@pytest.mark.parametrize("gap", ["\n\n", "\n", " "])
@pytest.mark.parametrize("recorded", [0, 5, 14, 18])
def test_messages_count_of_which_nobody_noted_what_stood_between_them(
    gap: str, recorded: int
) -> None:
    text = f"One, two, three.{gap}Four, five."
    shown = [piece.text.strip() for piece in layout(text, LIMITS)]
    assert len(shown) > 1
    assert longer(text[:recorded], shown, [BARE] * len(shown), LIMITS).split() == text.split()


def test_the_log_decides_what_stood_between_two_messages() -> None:
    text = "One, two, three.  Four, five."
    shown = [piece.text.strip() for piece in layout(text, LIMITS)]
    assert longer(text[:-2], shown, [BARE] * len(shown), LIMITS) == text


@pytest.mark.parametrize("recorded", [0, 5, 20])
def test_a_fence_that_is_carried_into_a_message_that_nobody_noted_is_undone(recorded: int) -> None:
    text = "```python\none = 1\ntwo = 2\nthree = 3\n```\nDone."
    limits = Limits(40)
    shown = [piece.text.strip() for piece in layout(text, limits)]
    assert len(shown) == 2
    assert shown[1].startswith("```python")
    assert longer(text[:recorded], shown, [BARE] * 2, limits) == text


def test_a_screen_that_does_not_go_on_from_the_log_does_not_count() -> None:
    shown = ["One, two, three.", "Four, five."]
    assert longer("Another", shown, [BARE, BARE], LIMITS) == "Another"


@pytest.mark.parametrize("recorded", [0, 5])
def test_a_part_that_had_not_yet_given_up_its_tail_counts(recorded: int) -> None:
    """The next part is posted first: for a moment both show where they meet."""
    text, limits = "One two three.\n\nFour five six", Limits(24)
    before, after = [piece.text.strip() for piece in layout(text, limits)]
    assert (before, after) == ("One two three.", "Four five six")
    shown = ["One two three.\n\nFour", after]
    assert longer(text[:recorded], shown, [BARE] * 2, limits) == text
