"""What a part takes of all that Slack counts, and answers laid out by it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.render import layout
from connectors.slack import SlackOptions
from connectors.slack.dialect import measure
from connectors.slack.parts import adds, limits
from tests.doubles.slack.markdown import translate
from tests.unit.render.test_render_properties import texts

SECTION = "## A heading\n\nA sentence that stands below it, and is some words long.\n\n---\n\n"
TABLE = "| name | value |\n|---|---|\n"
LIMITS = limits(SlackOptions())


def items(text: str) -> int:
    """The blocks that Slack makes of a text."""
    return len(translate(text))


def test_headings_rules_tables_and_what_stands_between_them_are_items() -> None:
    assert measure("").blocks == 0
    assert measure("One.\n\nTwo.\n\n- a list\n\n> a quote\n\n```\ncode\n```").blocks == 1
    assert measure(SECTION).blocks == 3
    assert measure("Title\n=====\nText").blocks == 2
    assert measure(f"Text\n\n{TABLE}| a | 1 |\n\nText").blocks == 3
    assert measure("- # a\n- # b").blocks >= 2


def test_rows_columns_and_the_characters_of_cells_are_counted() -> None:
    cost = measure(f"{TABLE}| ab | **1** |\n\n{TABLE}| c | 2 |")
    assert (cost.rows, cost.columns) == (4, 2)
    assert cost.cells == 2 * len("namevalue") + len("ab1c2")


def test_bytes_are_those_of_what_is_sent() -> None:
    assert measure("汉字").bytes == 6
    assert measure("@here").bytes == len("@here") + 3


@given(
    texts,
    st.lists(st.sampled_from(["# a", "---", "===", "| a | b |", "|---|---|", "@here", "x", ""])),
)
def test_no_line_adds_more_than_is_said_of_it(before: str, lines: list[str]) -> None:
    text, taken = before + "\n", measure(before + "\n")
    for line in lines:
        most = taken + adds(line + "\n")
        text += line + "\n"
        taken = measure(text)
        # A heading's mark may stand below the line that becomes one; the next line begins a block.
        assert taken.bytes <= most.bytes
        assert taken.characters <= most.characters
        assert taken.cells <= most.cells + max(map(len, text.splitlines()))
        assert taken.rows <= most.rows + 1
        assert taken.blocks <= most.blocks + 1


@pytest.mark.parametrize(
    "text",
    [
        SECTION * 17,
        SECTION * 200,
        "# a\n" * 500,
        "---\n\n" * 300,
        f"{TABLE}| a | 1 |\n\nText\n\n" * 40,
        TABLE + "| a name | 1 |\n" * 130,
        TABLE + f"| {'many words ' * 40} | 1 |\n" * 60,
        "这是一段中文。" * 1_300,
        "😀 @here " * 2_000,
    ],
)
def test_no_part_takes_more_than_a_message_may_have(text: str) -> None:
    parts = [piece.text for piece in layout(text, LIMITS)]
    assert len(parts) > 1
    for part in parts:
        assert measure(part).within(LIMITS.most)
        assert items(part) <= 50
        assert len(part.encode()) <= 10_000
        assert measure(part).rows <= 100
    # Not a message for each line either.
    assert (
        len(parts)
        <= 2 + len(text.encode()) // 1_000 + text.count("---") // 10 + text.count("#") // 20
    )


def test_a_table_of_too_many_rows_goes_on_below_with_its_header() -> None:
    first, second = (piece.text for piece in layout(TABLE + "| a | 1 |\n" * 130, LIMITS))
    assert first.startswith(TABLE)
    assert second.startswith(TABLE)
    assert first.count("| a | 1 |") + second.count("| a | 1 |") == 130
