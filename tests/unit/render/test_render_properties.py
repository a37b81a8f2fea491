"""What holds for any text, cut anywhere, fed in any chunks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import regex  # type: ignore[import-untyped]  # its stubs are a package of their own
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.render import (
    Layout,
    Piece,
    Unfinished,
    as_sent,
    close_unfinished,
    first_difference,
    layout,
    undecorated,
    with_note,
)
from connectors.base import UNBOUNDED, Cost, Limits
from tests.doubles.costs import cost

MARKDOWN = MarkdownIt("commonmark").enable("table")

SCRAPS = [
    *("\n", "\n\n", "\r\n", "\r", " ", "  ", "    ", "\t", "\u00a0", "\u2028", "\x0b", "\x1c"),
    *("`", "``", "```", "```\n", "```python\n", "``````\n", "~~~\n", "~~~~ text\n", "   ```\n"),
    *("*", "**", "***", "_", "__", "~~", "[", "](", "](https://a.example/b_c)", "![", "\\"),
    *("- ", "1. ", "  - ", "   ", "> ", "> > ", "# ", "---\n", "| a | b |\n", "|---|---|\n"),
    *("word", "Ein Satz. ", "word " * 6, "a" * 30, "漢字かな。", "שלום", "مرحبا", "한국어"),
    *("👨‍👩‍👧‍👦", "🇩🇪", "👍🏽", "e\u0301", "\u0301", "\u200d", "\u0600", "\u0e33", "❤️", "0"),
]
BLOCKS = [
    "A paragraph of some words. It has two sentences.",
    "Some **bold text that goes on**, `some code`, and [a link](https://a.example/x).",
    "## A heading",
    "- one\n- two is longer\n  and goes on\n- three",
    "1. one\n\n   ```python\n   if x:\n       y()\n   ```\n\n2. two",
    "10. ten\n\n    - nested\n\n      ~~~\n      code\n      ~~~\n\n    after",
    "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |",
    "> quoted words\n> that go on",
    "> ```\n> quoted code\n> more of it\n> ```",
    "```python\ndef f():\n    return [\n        1,\n    ]\n\n\nprint(f())\n```",
    "````md\n```\ninner\n```\n````",
    "~~~text title=x\ntilde\n~~~",
    "- a\n\n  ```\n  code in an item\n  that goes on\n  ```",
    "Wörter " * 30,
]

wild_texts = st.one_of(
    st.text(max_size=300),
    st.lists(st.sampled_from(SCRAPS), max_size=80).map("".join),
)
sound_texts = st.lists(st.sampled_from(BLOCKS), min_size=1, max_size=12).map("\n\n".join)
texts = st.one_of(wild_texts, sound_texts)


def counted(least: int) -> st.SearchStrategy[dict[str, object]]:
    """What a platform counts besides a part's length: nothing, or anything of what can be."""
    most = st.builds(
        replace,
        st.just(UNBOUNDED),
        characters=st.sampled_from([UNBOUNDED.characters, 2 * least, 4 * least]),
        bytes=st.sampled_from([UNBOUNDED.bytes, 5 * least, 10 * least]),
        blocks=st.sampled_from([UNBOUNDED.blocks, 6, 9]),
        rows=st.sampled_from([UNBOUNDED.rows, 4, 7]),
        cells=st.sampled_from([UNBOUNDED.cells, least, 3 * least]),
    )
    return st.one_of(st.just({}), st.fixed_dictionaries({"most": most, "measure": st.just(cost)}))


def some_limits(least: int, most: int, *units: str) -> st.SearchStrategy[Limits]:
    """Limits of parts of such a length."""
    lengths, of = st.integers(least, most), st.sampled_from(units)
    return st.builds(
        lambda length, unit, more: Limits(length, unit, **more),
        lengths,
        of,
        counted(max(24, least)),
    )


limits = some_limits(20, 200, "characters", "utf16")
wide_limits = some_limits(60, 300, "characters")


def slices(pieces: list[Piece]) -> str:
    """The text that the pieces were cut from."""
    return "".join(piece.lead + piece.body + piece.trail for piece in pieces)


def size(text: str, limits: Limits) -> int:
    """The length of a text as the platform counts it."""
    return len(text.encode("utf-16-le")) // 2 if limits.unit == "utf16" else len(text)


def fits(text: str, limits: Limits) -> bool:
    """Whether a platform takes a text."""
    taken = cost(text) if limits.measure else Cost()
    return size(text, limits) <= limits.length and taken.within(limits.most)


def fed(text: str, chunk: int, limits: Limits) -> Iterator[Layout]:
    """A layout after each chunk."""
    growing = Layout(limits)
    for start in range(0, len(text), chunk):
        growing.append(text[start : start + chunk])
        yield growing


@given(texts, limits)
@example("", Limits(20))
@example("\n \n", Limits(20))
@example("```" + "x" * 300 + "\ncode\n```", Limits(40))
@example("e" + "\u0301" * 100, Limits(20))
def test_the_pieces_are_the_text(text: str, limits: Limits) -> None:
    """Nothing is lost and nothing is added; only white space is left off the screen."""
    pieces = layout(text, limits)
    assert slices(pieces) == (text if text.strip() else "")
    assert all(not (piece.lead + piece.trail).strip() for piece in pieces)
    assert all(piece.body for piece in pieces)


@given(texts, limits)
def test_what_is_shown_gives_back_the_text(text: str, limits: Limits) -> None:
    """Decoration is undone, without the bodies and where the platform strips white space too."""
    pieces = layout(text, limits)
    bare = [Piece(p.lead, p.head, "", p.tail, p.trail) for p in pieces]
    assert undecorated(bare, [piece.text for piece in pieces]) == slices(pieces)
    assert all(piece.text == piece.text.strip() for piece in pieces)


@given(texts, limits)
def test_every_message_fits(text: str, limits: Limits) -> None:
    """Closed for the moment or not, at every length on the way."""
    for growing in fed(text, 1, limits):
        for piece in growing.pieces()[-1:]:
            assert fits(piece.text, limits)
            assert fits(close_unfinished(piece.text), limits)
    assert all(fits(piece.text, limits) for piece in layout(text, limits))


@given(texts, limits, st.integers(1, 50))
def test_any_chunking_gives_the_same_pieces(text: str, limits: Limits, chunk: int) -> None:
    """However the text comes, its pieces are those of the whole; the text is kept too."""
    growing = Layout(limits)
    for growing in fed(text, chunk, limits):
        growing.pieces()
    assert growing.pieces() == layout(text, limits)
    assert growing.text == text


@given(texts, limits)
def test_only_the_last_piece_changes(text: str, limits: Limits) -> None:
    """The pieces of a prefix are the pieces of the whole, but for the last one."""
    whole = layout(text, limits)
    for growing in fed(text, 1, limits):
        pieces = growing.pieces()
        assert pieces[:-1] == whole[: max(0, len(pieces) - 1)]
        assert list(growing.fixed) == whole[: len(growing.fixed)]


@given(texts, limits)
def test_what_is_restored_never_shrinks(text: str, limits: Limits) -> None:
    """Each state on the screen begins like the one before it."""
    before = ""
    for growing in fed(text, 3, limits):
        pieces = growing.pieces()
        now = undecorated(pieces, [piece.text for piece in pieces])
        assert now.startswith(before.rstrip())
        assert now == (growing.text if growing.text.strip() else "")
        before = now


@given(texts, limits)
def test_no_grapheme_is_cut_that_fits_a_part(text: str, limits: Limits) -> None:
    """A cut inside a grapheme is made only in one that is longer than what a part can hold."""
    starts, at = set(), 0
    for piece in layout(text, limits)[:-1]:
        at += len(piece.lead + piece.body + piece.trail)
        starts.add(at)
    for grapheme in regex.finditer(r"\X", text):
        inside = starts & set(range(grapheme.start() + 1, grapheme.end()))
        small = size(grapheme[0], limits) <= limits.length // 2 - 5
        assert not inside or not small or limits.measure


@given(texts, limits)
def test_closing_for_the_moment_can_be_undone(text: str, limits: Limits) -> None:
    """What the screen shows of a growing part is the beginning of that part."""
    for piece in layout(text, limits)[-1:]:
        closed = close_unfinished(piece.text)
        assert closed
        shown = as_sent(piece, closed)
        assert shown.text == closed
        assert piece.body.startswith(shown.body)
        assert (piece.lead + piece.body).startswith(undecorated([shown], [closed]).rstrip())


@given(st.lists(texts, min_size=1, max_size=2), limits, st.integers(1, 12))
def test_closing_a_growing_text_again_gives_the_same_as_reading_it_anew(
    answers: list[str], limits: Limits, chunk: int
) -> None:
    unfinished = Unfinished()
    for text in answers:
        for growing in fed(text, chunk, limits):
            for piece in growing.pieces()[-2:]:
                assert unfinished.close(piece.text) == close_unfinished(piece.text)


@given(wild_texts)
def test_closing_adds_little(text: str) -> None:
    """Outside a code block no more than five characters, so a part has room for them."""
    pieces = layout(text, Limits(2000))
    assert all(len(close_unfinished(piece.text)) <= len(piece.text) + 5 for piece in pieces)


@given(texts, limits, st.text(min_size=1, max_size=60).filter(str.strip))
def test_a_note_fits_and_is_undone(text: str, limits: Limits, note: str) -> None:
    """A note is decoration: it is shown, fits, and does not count as the answer's text."""
    pieces = layout(text, limits)
    noted = with_note(pieces, note, limits)
    assert all(fits(piece.text, limits) for piece in noted)
    assert slices(noted) == slices(pieces)
    assert undecorated(noted, [piece.text.strip() for piece in noted]) == slices(pieces)


@given(st.lists(st.text(max_size=20), max_size=4), wild_texts, limits)
def test_restoring_never_raises(shown: list[str], text: str, limits: Limits) -> None:
    """Whatever a platform says it shows, the outcome holds only that and white space."""
    pieces = layout(text, limits)
    restored = undecorated(pieces, shown)
    assert len("".join(restored.split())) <= len("".join("".join(shown).split()))


@given(wild_texts, wild_texts)
def test_the_first_difference_is_the_first(one: str, other: str) -> None:
    """Up to it both texts are the same, and there they are not."""
    at = first_difference(one, other)
    if at is None:
        assert one == other
    else:
        assert one[:at] == other[:at]
        assert one[at : at + 1] != other[at : at + 1]


# Markdown.


def is_closed(text: str) -> bool:
    """True if no code fence of a Markdown text runs on to its end for want of a closing line."""
    lines = regex.split(r"\r\n|\n|\r", text)
    for token in MARKDOWN.parse(text):
        if token.type == "fence" and token.map and token.map[1] >= len(lines):
            end = lines[-1].strip(" >\t")
            return end != "" and not end.strip(token.markup[0]) and token.map[1] - token.map[0] > 1
    return True


def code_of(texts: list[str]) -> str:
    """The content of all code blocks, joined, without the lines' ends."""
    tokens = [token for text in texts for token in MARKDOWN.parse(text)]
    return "".join(token.content for token in tokens if token.type == "fence")


@given(sound_texts, wide_limits)
def test_every_part_is_sound_by_itself(text: str, limits: Limits) -> None:
    """No fence runs on to the end of a message, on the way too."""
    for growing in fed(text, 7, limits):
        for piece in growing.pieces()[-1:]:
            assert is_closed(piece.text), piece
            assert is_closed(close_unfinished(piece.text)), piece
    assert all(is_closed(piece.text) for piece in layout(text, limits))


@given(sound_texts, wide_limits)
def test_code_is_shown_as_it_was_written(text: str, limits: Limits) -> None:
    """The code blocks of all parts together hold the code of the text, indentation and all."""
    assert code_of([piece.text for piece in layout(text, limits)]) == code_of([text])


@given(wild_texts, wide_limits)
@settings(max_examples=200)
def test_wild_parts_end_their_fences(text: str, limits: Limits) -> None:
    """Even where the Markdown makes no sense, a part does not leave a fence open."""
    for piece in layout(text, limits):
        assert is_closed(piece.text), piece


@pytest.mark.parametrize("length", [0, 1, 11])
def test_a_part_too_small_for_anything_is_refused(length: int) -> None:
    """A part must have room for a fence and a character."""
    with pytest.raises(ValueError, match="at least 12"):
        layout("text", Limits(length))
