"""How an answer is laid out in messages: examples one can read."""

from __future__ import annotations

from typing import Any

import pytest
from markdown_it import MarkdownIt

from bot.render import (
    Layout,
    Piece,
    as_sent,
    blocks,
    close_unfinished,
    first_difference,
    layout,
    shows_below,
    undecorated,
    unfinished,
    with_note,
)
from connectors.base import Limits

FAMILY = "👨‍👩‍👧‍👦"
WORDS = "Some words that fill a line of text. "


def shown(text: str, length: int, unit: Any = "characters") -> list[str]:
    """What the messages show of a text."""
    return [piece.text for piece in layout(text, Limits(length, unit))]


def paragraph(length: int) -> str:
    """So many characters of prose."""
    return (WORDS * (length // len(WORDS) + 1))[:length].strip()


def mixed_answer(length: int) -> str:
    """A long answer with everything in it."""
    code = "```python\n" + "".join(f"    value_{n} = compute({n})\n" for n in range(40)) + "```"
    table = "| name | value |\n|---|---|\n" + "".join(f"| row {n} | {n} |\n" for n in range(12))
    items = "".join(
        f"{n}. **Step {n}**: {WORDS}\n\n   ```bash\n   run {n}\n   ```\n\n" for n in range(9)
    )
    section = f"## Title\n\n{paragraph(700)}\n\n{code}\n\n{table}\n{items}> {paragraph(300)}\n\n"
    return (section * (length // len(section) + 1))[:length]


# Where a part is cut.


def test_a_text_that_fits_is_one_part() -> None:
    """White space around it is kept, and not shown."""
    assert layout(" \nHello.\n", Limits(100)) == [Piece(" \n", "", "Hello.", "", "\n")]


@pytest.mark.parametrize("text", ["", " ", "\n\r\n\t"])
def test_a_text_without_a_visible_character_makes_no_part(text: str) -> None:
    """A platform takes no message with nothing in it."""
    assert layout(text, Limits(100)) == []


def test_a_part_ends_between_paragraphs() -> None:
    """That is the best place for a cut."""
    one, two, three = paragraph(60), paragraph(80), paragraph(50)
    assert shown(f"{one}\n\n{two}\n\n{three}", 200) == [f"{one}\n\n{two}", three]


def test_a_paragraph_break_near_the_start_does_not_leave_a_small_part() -> None:
    """A line's end far down is better than a paragraph's end after two words."""
    lines = "\n".join(f"line {n} of a paragraph" for n in range(20))
    first = shown(f"Two words.\n\n{lines}", 200)[0]
    assert len(first) > 100
    assert first.endswith("of a paragraph")


def test_a_long_paragraph_is_cut_after_a_sentence() -> None:
    """Every part ends with a whole sentence."""
    assert all(part.endswith("text.") for part in shown(WORDS * 30, 200))


def test_a_long_sentence_is_cut_between_words() -> None:
    """No word is torn."""
    parts = shown("word " * 200, 103)
    assert all(set(part.split()) == {"word"} for part in parts)


def test_chinese_is_cut_after_a_sentence_without_a_space() -> None:
    """There is no white space to go by."""
    parts = shown("这是一个句子。" * 40, 100)
    assert all(part.endswith("。") for part in parts)


def test_a_huge_word_is_cut_between_graphemes() -> None:
    """Nothing else is left to do."""
    parts = shown("x" * 500, 100)
    assert "".join(parts) == "x" * 500


def test_an_emoji_family_is_not_cut() -> None:
    """Seven code points, eleven UTF-16 units, one grapheme."""
    for unit in ("characters", "utf16"):
        assert {part.replace(FAMILY, "") for part in shown(FAMILY * 40, 60, unit)} == {""}


def test_utf16_units_are_counted_where_the_platform_counts_them() -> None:
    """An emoji then counts twice."""
    assert len(shown("😀" * 70, 100)) == 1
    assert len(shown("😀" * 70, 100, "utf16")) == 2


def test_bold_text_and_links_are_not_cut() -> None:
    """A cut before them is taken, though there would be room for some of their words."""
    for markup in (
        "**bold words that go on for quite a while here**",
        "[a link with words](https://a.example/some/long/path)",
        "`some code with spaces in it that goes on`",
    ):
        parts = shown(f"{WORDS}more words here now {markup} and so on {WORDS}", 120)
        assert sum(markup in part for part in parts) == 1


def test_a_heading_stays_with_what_it_stands_above() -> None:
    """It begins the next part rather than end this one."""
    one, two = paragraph(100), paragraph(90)
    assert shown(f"{one}\n\n## Title\n\n{two}", 200) == [one, f"## Title\n\n{two}"]


def test_an_item_keeps_its_mark() -> None:
    """A part does not end with a bare list mark."""
    parts = shown("".join(f"- {'x' * 60}\n" for _ in range(6)), 90)
    assert all(part.startswith("- x") for part in parts)


# Tables and lists.

TABLE = "| a | b |\n|---|---|\n" + "".join(f"| {n} | {n} |\n" for n in range(9))


def test_a_table_moves_whole_to_the_next_part() -> None:
    """What stands before it makes a part of its own."""
    before = paragraph(90)
    assert shown(f"{before}\n\n{TABLE}", 180) == [before, TABLE.strip()]


def test_a_list_moves_whole_to_the_next_part() -> None:
    """So does a list, with its heading."""
    before, items = paragraph(90), "".join(f"- item {n}\n" for n in range(9)).strip()
    assert shown(f"{before}\n\n## List\n\n{items}", 180) == [before, f"## List\n\n{items}"]


def test_a_fence_moves_whole_to_the_next_part() -> None:
    """So does code."""
    before, code = paragraph(90), "```\n" + "x = 1\n" * 10 + "```"
    assert shown(f"{before}\n\n{code}", 180) == [before, code]


def test_what_stands_before_a_table_is_not_left_alone_if_it_is_tiny() -> None:
    """The table is cut instead."""
    assert shown(f"So:\n\n{TABLE}", 100)[0].startswith("So:\n\n| a | b |")


def test_a_table_longer_than_a_part_repeats_its_header() -> None:
    """Each part shows a table, and the header counts as decoration."""
    text = TABLE + "".join(f"| {n} | {n} |\n" for n in range(60))
    pieces = layout(text, Limits(150))
    assert len(pieces) > 3
    assert all(piece.text.startswith("| a | b |\n|---|---|\n| ") for piece in pieces)
    assert undecorated(pieces, [piece.text for piece in pieces]) == text


# Code.


def test_code_over_three_parts_keeps_its_language() -> None:
    """It is closed at the end of each part and opened again, and no line or indent is lost."""
    code = "".join(f"    line_{n} = {n}\n" for n in range(16))
    text = f"```python\n{code}```"
    parts = shown(text, 150)
    assert len(parts) == 3
    assert all(part.startswith("```python\n    line_") and part.endswith("\n```") for part in parts)
    tokens = [token for part in parts for token in MarkdownIt().parse(part)]
    assert "".join(token.content for token in tokens) == code


def test_a_fence_of_another_kind_is_reopened_as_it_was() -> None:
    """With its own characters and length, for shorter runs may stand in it."""
    text = "~~~~md\n" + "~~~\ninner\n~~~\n\n" * 20 + "~~~~"
    assert all(part.startswith("~~~~md\n") and part.endswith("\n~~~~") for part in shown(text, 150))


def test_code_in_a_list_is_reopened_in_the_list() -> None:
    """So that its indentation means the same in the next part."""
    text = "1. Step:\n\n   ```bash\n" + "   run this and that\n" * 12 + "   ```\n"
    pieces = layout(text, Limits(150))
    assert [piece.head for piece in pieces] == ["", *["1. ```bash\n"] * (len(pieces) - 1)]
    assert all(piece.tail == "\n   ```" for piece in pieces[:-1])


def test_blank_lines_in_code_survive_a_cut() -> None:
    """Only the one line end at the cut is left off the screen."""
    text = "```\n" + "code\n\n\n\n" * 30 + "```"
    for piece in layout(text, Limits(60))[:-1]:
        assert piece.trail == "\n"


def test_an_info_string_longer_than_half_a_part_is_not_repeated() -> None:
    """There must be room for code."""
    text = "```" + "long" * 6 + "\n" + "code\n" * 20 + "```"
    assert {piece.head for piece in layout(text, Limits(40))[1:]} == {"```\n"}


def test_an_opening_line_is_not_cut() -> None:
    """It moves to the next part, even if little stands before it."""
    parts = shown("A few words.\n```python title=an_example.py\ncode\n```", 40)
    assert parts[0] == "A few words."
    assert parts[1].startswith("```python title=an_example.py")


@pytest.mark.parametrize("length", [2000, 11000])
def test_a_long_mixed_answer(length: int) -> None:
    """Parts are well filled, sound and exact."""
    text = mixed_answer(60_000)
    pieces = layout(text, Limits(length))
    assert all(len(piece.text) <= length for piece in pieces)
    assert all(len(piece.text) >= length / 4 for piece in pieces[:-1])
    assert len(pieces) < 2 * 60_000 / length
    assert undecorated(pieces, [piece.text for piece in pieces]) == text
    assert all(piece.text.count("```") % 2 == 0 for piece in pieces)


# While the answer grows.


def test_white_space_at_the_end_waits_for_more_text() -> None:
    """Platforms would strip it."""
    growing = Layout(Limits(100))
    growing.append("one \n")
    assert [piece.text for piece in growing.pieces()] == ["one"]
    growing.append("two")
    assert [piece.text for piece in growing.pieces()] == ["one \ntwo"]


def test_an_open_fence_is_closed_in_the_last_part() -> None:
    """Every part is sound, whether the answer goes on or not."""
    assert shown("```py\ncode\n", 100) == ["```py\ncode\n```"]


def work(monkeypatch: pytest.MonkeyPatch, length: int) -> int:
    """The characters read while an answer of this length is fed in tokens of four."""
    read = 0
    feed, scan = blocks.Blocks.feed, unfinished.scan

    def counting_feed(self: blocks.Blocks, line: str) -> blocks.Line:
        nonlocal read
        read += len(line) + 1
        return feed(self, line)

    def counting_scan(text: str) -> unfinished.Inline:
        nonlocal read
        read += len(text)
        return scan(text)

    text = mixed_answer(length)
    growing = Layout(Limits(2000))
    with monkeypatch.context() as patch:
        patch.setattr(blocks.Blocks, "feed", counting_feed)
        patch.setattr("bot.render.split.scan", counting_scan)
        for start in range(0, length, 4):
            growing.append(text[start : start + 4])
            growing.pieces()
    return read


def test_the_work_is_linear(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten times the text, fed token by token, is ten times the characters read."""
    ratio = work(monkeypatch, 100_000) / work(monkeypatch, 10_000)
    assert 8 < ratio < 12


# The screen.


def test_missing_decoration_keeps_what_is_there() -> None:
    """A difference stays a difference."""
    piece = Piece(" ", "```py\n", "code", "\n```", "\n")
    assert undecorated([piece], ["```py\ncode"]) == " code\n"
    assert undecorated([piece], ["py\ncode\n```"]) == " py\ncode\n"
    assert undecorated([piece], [""]) == " \n"
    assert undecorated([piece], []) == ""
    assert undecorated([], ["more"]) == "more"


@pytest.mark.parametrize(
    ("body", "surely"), [("```py\nx\n``", "```py\nx\n"), ("some **bold*", "some **bold")]
)
def test_marks_that_are_whole_only_for_the_moment_are_not_counted_as_shown(
    body: str, surely: str
) -> None:
    """Where the answer ends there, or no edit is taken any more, they can't be seen."""
    sent = as_sent(Piece("", "", body, "", ""), close_unfinished(body))
    assert sent.body == surely
    assert sent.text == close_unfinished(body)


def test_a_part_that_was_closed_for_the_moment_is_undone() -> None:
    """Its closing marks count as decoration, and what was hidden is not shown."""
    piece = layout("See **this [page](https://a.ex", Limits(100))[0]
    shown_now = as_sent(piece, close_unfinished(piece.text))
    assert shown_now.text == "See **this [page]…**"
    assert undecorated([shown_now], [shown_now.text]) == "See **this [page]"


def test_the_first_difference_is_found() -> None:
    """Also where one text is the beginning of the other."""
    assert first_difference("abc", "abc") is None
    assert first_difference("abc", "abd") == 2
    assert first_difference("abc", "ab") == 2


def test_a_note_stands_below_the_answer() -> None:
    """A fence is closed before it."""
    pieces = with_note(layout("```\ncode", Limits(100)), "_Stopped._", Limits(100))
    assert [piece.text for piece in pieces] == ["```\ncode\n```\n\n_Stopped._"]


def test_a_note_that_does_not_fit_makes_a_part() -> None:
    """So does a note to an answer that has no text."""
    limits = Limits(40)
    assert with_note([], "_Stopped._", limits) == [Piece("", "", "", "_Stopped._", "")]
    pieces = with_note(layout("x" * 30, limits), "_Stopped by the reader._", limits)
    assert [piece.text for piece in pieces] == ["x" * 30, "_Stopped by the reader._"]


def test_a_note_longer_than_a_part_is_shortened() -> None:
    """It must fit, whatever it says."""
    assert with_note([], FAMILY * 9, Limits(20))[0].text == FAMILY * 2 + "…"


# Unfinished Markdown.


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ("plain words", "plain words"),
        ("some **bold", "some **bold**"),
        ("some **bold*", "some **bold**"),
        ("some **bold**", "some **bold**"),
        ("some **", "some"),
        ("some *it", "some *it*"),
        ("some __bold", "some __bold__"),
        ("some ***both", "some ***both***"),
        ("some ~~gone **and bold", "some ~~gone **and bold**~~"),
        ("some `code", "some `code`"),
        ("some ``code`", "some ``code``"),
        ("some `", "some"),
        ("a [link", "a [link"),
        ("a [link](", "a [link]…"),
        ("a [link](https://a.ex", "a [link]…"),
        ("**a [link](https://a.ex", "**a [link]…**"),
        ("an ![image](https://a.ex", "an ![image]…"),
        ("a [link](https://a.ex)", "a [link](https://a.ex)"),
        ("snake_case and 2 * 3", "snake_case and 2 * 3"),
        ("**one\n\ntwo", "**one\n\ntwo"),
        ("- one\n- **two", "- one\n- **two**"),
        ("# A **title", "# A **title**"),
        ("text\n-", "text"),
        ("text\n=", "text"),
        ("- one\n- *", "- one"),
        ("text\n`", "text"),
        ("text\n``", "text"),
        ("text\n```", "text"),
        ("text\n```py", "text"),
        ("```py\ncode", "```py\ncode\n```"),
        ("```py\ncode\n``", "```py\ncode\n```"),
        ("```py\ncode\n``\n```", "```py\ncode\n```"),
        ("```py\n**code\n```", "```py\n**code\n```"),
        ("```py\ncode\n```\n**after", "```py\ncode\n```\n**after**"),
        ("**", "…"),
        ("```", "…"),
        ("", ""),
    ],
)
def test_unfinished_markdown_is_closed_for_the_moment(text: str, closed: str) -> None:
    """Open markup is closed, and what is only half there is hidden."""
    assert close_unfinished(text) == closed


@pytest.mark.parametrize("number", ["13. ", "- ", "2) "])
def test_what_begins_within_a_line_is_no_item_whose_number_goes_on_in_the_next_part(
    number: str,
) -> None:
    """A word was cut just before it, in a message that takes no more edits."""
    whole = Layout(Limits(40), "some words before q1w")
    whole.append(f"{number}one two three four five six seven eight nine ten eleven")
    assert {piece.head for piece in whole.pieces()} == {""}


def test_an_item_that_begins_a_line_goes_on_in_the_next_part() -> None:
    whole = Layout(Limits(40), "some words before\n")
    whole.append("13. one two three four five six seven eight nine ten eleven")
    assert {piece.head for piece in whole.pieces()} != {""}


@pytest.mark.parametrize(
    ("shown", "above", "whole"),
    [
        ("three four", "", True),
        ("two three four", "one two ", True),  # the message above did not give that up
        ("two three four", "", False),  # nothing stands above: more was shown than is known
        ("five three four", "one two ", False),
        ("three", "one two ", False),
    ],
)
def test_a_message_may_begin_with_what_the_one_above_it_did_not_give_up(
    shown: str, above: str, *, whole: bool
) -> None:
    assert shows_below(shown, Piece("", "", "three four", "", ""), above) is whole
