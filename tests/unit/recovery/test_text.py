"""How much of an answer is known: the longer of what was recorded and what is shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cluster.known_text import beyond, longer, without_notes
from bot.render import Piece, close_unfinished, layout
from connectors.base import Limits
from connectors.markdown import form

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


# Where nobody has the Markdown of what is shown.

ENDED = "The connection to the model was lost, so the answer ends here."


@pytest.mark.parametrize("recorded", [0, 3, 8, 20])
def test_what_was_shown_and_never_recorded_stays_without_its_marks(recorded: int) -> None:
    """Where the log ends within a word in bold, its marks may be seen."""
    text = "One **two** three.\n\n- four `five`\n- six"
    known = beyond(text[:recorded], [form(text)], [BARE])
    assert form(known).replace("*", "").split() == form(text).split()


def test_the_line_that_said_how_an_answer_ended_is_none_of_it() -> None:
    assert beyond("One", [f"One two.\n{ENDED}"], [BARE]) == "One two."
    assert beyond("One two.", [f"One two.\n{ENDED}"], [BARE]) == "One two."
    assert beyond("", ["Not read: a.zip: it is empty\nStopped."], [BARE]) == ""


@pytest.mark.parametrize("note", [f"_{ENDED}_", f"_Not read: a.zip: it is empty_\n\n_{ENDED}_"])
def test_nor_is_it_where_the_platform_keeps_the_markdown_that_it_was_sent(note: str) -> None:
    assert without_notes(f"One two.\n\n{note}") == "One two."
    assert without_notes("```\ncode\n\n```") == "```\ncode\n\n```"
    assert without_notes("One _two_.") == "One _two_."


def test_a_word_that_is_cut_between_log_and_screen_stays_one() -> None:
    assert beyond("One t", ["One", "two three"], [BARE, BARE]) == "One two three"


@pytest.mark.parametrize(
    ("log", "shown", "known"),
    [
        ("a = 1 ", "a = 1  # one", "a = 1  \\# one"),
        ("a\n", "a\n\nb", "a\n\nb"),
        ("a\n\n", "a\nb", "a\n\nb"),
        ("a ", "a\nb", "a b"),
    ],
)
def test_code_keeps_each_of_the_spaces_that_log_and_screen_share(
    log: str, shown: str, known: str
) -> None:
    assert beyond(log, [shown], [BARE]) == known


def test_what_a_part_repeats_of_the_one_before_is_shown_once() -> None:
    head = "| k | v |\n|---|---|\n"
    seen = ["k\tv\na\t1", "k\tv\nb\t2"]
    pieces = [BARE, Piece("", head, "| b | 2 |", "", "")]
    assert beyond("| k | v |\n|---|---|\n| a | 1 |", seen, pieces).split()[-2:] == ["b", "2"]
    assert beyond("", seen, pieces).split() == ["k", "v", "a", "1", "b", "2"]


def test_a_screen_that_says_something_else_leaves_the_log_as_it_is() -> None:
    assert beyond("Another", ["One, two"], [BARE]) == "Another"


def test_what_is_hidden_for_the_moment_is_no_text() -> None:
    assert beyond("See [here](https://x", ["See …"], [BARE]) == "See [here](https://x"


@given(st.text(st.sampled_from("ab1 .\n*_`~#|<>$\\"), max_size=40))
def test_no_character_of_the_screen_is_lost_whatever_marks_it_may_look_like(shown: str) -> None:
    """An answer of which nothing was recorded."""
    seen = "\n".join(line.strip() for line in shown.split("\n") if line.strip())
    assert "".join(form(beyond("", [seen], [BARE])).split()) == "".join(seen.split())


CONSTRUCTS = [
    "```python\nprint(one)\n\ntwo = 3\n```\nfour",
    "~~~\none\n~~~\n",
    "# One\ntwo",
    "- one\n- two\n  - three",
    "1. one\n2. two",
    "> one\n> two",
    "One **two** *three* ~~four~~ `five`.",
    "[one](https://two.example) three",
    "| one | two |\n|---|---|\n| three | four |",
    "One\n===\ntwo",
    "---\none",
    "$$one + two$$ three",
    "<b>one</b> two &amp; three",
]


@pytest.mark.parametrize("text", CONSTRUCTS)
@pytest.mark.parametrize("before", ["", "Zero.\n\n", "Zero\n"])
def test_nothing_that_is_seen_goes_wherever_in_a_construct_the_log_ends(
    text: str, before: str
) -> None:
    whole = before + text
    for shown in range(len(before), len(whole) + 1):
        seen = form(close_unfinished(whole[:shown]))
        for recorded in range(shown + 1):
            known = beyond(whole[:recorded], [seen], [BARE])
            assert known.startswith(whole[:recorded])
            assert letters(seen) in letters(form(known)), (whole[:recorded], seen, known)


def letters(text: str) -> str:
    """The text without marks and white space."""
    return "".join(filter(str.isalnum, text))
