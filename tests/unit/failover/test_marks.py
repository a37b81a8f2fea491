"""Lines of ours within a text that is laid out: whatever they stand in, they are undone."""

from __future__ import annotations

from uuid import UUID

from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.render import Layout, Piece, Thoughts, undecorated
from bot.reply.screen import Screen
from connectors.base import Limits
from tests.unit.render.test_render_properties import limits, size, slices, texts, wide_limits

LINE = "_Here._"
Stretches = list[str]

stretches = st.lists(texts, min_size=1, max_size=4)


def laid_out(parts: Stretches, limits: Limits, chunk: int = 1_000) -> Layout:
    """Stretches of text with a line of ours between them."""
    whole = Layout(limits)
    for number, text in enumerate(parts):
        if number:
            whole.mark(LINE)
        for start in range(0, len(text), chunk):
            whole.append(text[start : start + chunk])
    return whole


@given(stretches, limits)
@example(["a\n", "\n"], Limits(60))
@example(["```py\nx = 1\n", "y = 2\n```"], Limits(60))
@example(["a", "", "", "b"], Limits(60))
@settings(deadline=None)
def test_nothing_of_the_text_is_lost_or_added(parts: Stretches, limits: Limits) -> None:
    """The slices are the text, and what is shown gives it back."""
    whole = laid_out(parts, limits)
    pieces, text = whole.pieces(), "".join(parts)
    assert whole.text == text
    assert slices(pieces) == (text if text.strip() else "")
    bare = [Piece(p.lead, p.head, "", p.tail, p.trail) for p in pieces]
    assert undecorated(bare, [piece.text for piece in pieces]) == slices(pieces)


@given(stretches, limits)
@settings(deadline=None)
def test_every_message_fits(parts: Stretches, limits: Limits) -> None:
    """A line for which there is no room is left out."""
    for piece in laid_out(parts, limits).pieces():
        assert size(piece.text, limits) <= limits.length
        assert piece.body


@given(stretches, limits, st.integers(1, 50))
@settings(deadline=None)
def test_any_chunking_gives_the_same_pieces(parts: Stretches, limits: Limits, chunk: int) -> None:
    """However the text comes."""
    assert laid_out(parts, limits, chunk).pieces() == laid_out(parts, limits).pieces()


@given(stretches, limits)
@settings(deadline=None)
def test_only_the_last_piece_changes(parts: Stretches, limits: Limits) -> None:
    """A line of ours moves nothing that stands already."""
    before: list[Piece] = []
    for count in range(1, len(parts) + 1):
        pieces = laid_out(parts[:count], limits).pieces()
        assert pieces[: max(0, len(before) - 1)] == before[:-1]
        before = pieces


@given(st.lists(texts.filter(str.strip), min_size=2, max_size=4), wide_limits)
@settings(deadline=None)
def test_each_line_stands_once_where_it_belongs(parts: Stretches, limits: Limits) -> None:
    """At the head of the part that follows it; the text before it is in the parts before."""
    pieces = laid_out(parts, limits).pieces()
    marked = [n for n, piece in enumerate(pieces) if piece.head.startswith(LINE)]
    before = ["".join(parts[:count]).strip() for count in range(1, len(parts))]
    assert [slices(pieces[:n]).strip() for n in marked] == before


def test_a_code_block_goes_on_after_the_line() -> None:
    """It is closed before it, and opened again behind it."""
    pieces = laid_out(["```py\nx = 1\n", "y = 2\n```"], Limits(200)).pieces()
    assert [piece.text for piece in pieces] == [
        "```py\nx = 1\n```",
        f"{LINE}\n\n```py\ny = 2\n```",
    ]


def test_a_line_that_nothing_follows_is_not_seen() -> None:
    """White space is nothing."""
    pieces = laid_out(["One.", "\n "], Limits(200)).pieces()
    assert [piece.text for piece in pieces] == ["One."]
    assert slices(pieces) == "One.\n "


def test_a_line_may_begin_the_text() -> None:
    """And another may follow it there."""
    pieces = laid_out(["", "", "One."], Limits(200)).pieces()
    assert [piece.text for piece in pieces] == [f"{LINE}\n\n{LINE}\n\nOne."]


@given(st.lists(st.text(max_size=40), max_size=8), limits)
@settings(deadline=None)
def test_thoughts_are_quoted_and_hold_nothing_of_the_answer(
    said: list[str], limits: Limits
) -> None:
    """In every part, whatever they say."""
    thoughts = Thoughts(limits)
    for text in said:
        thoughts.append(text)
    for piece in thoughts.pieces():
        assert slices([piece]) == ""
        assert undecorated([piece], [piece.text]) == ""
        assert size(piece.text, limits) <= limits.length


def test_thoughts_stand_in_a_quote_of_their_own() -> None:
    """However many lines they have."""
    thoughts = Thoughts(Limits(200))
    thoughts.append("First,\nsecond")
    (piece,) = thoughts.pieces()
    assert piece.text == "> _Thoughts_\n>\n> First,\n> second"


def test_thoughts_that_grow_take_nothing_back() -> None:
    """A platform that can only add is given all of them at once, unfinished marks and all."""
    screen, before = Screen(UUID(int=0), Limits(200)), ""
    for said in ("Is it **", "bold** or `", "not"):
        screen.think(said)
        step = screen.next()
        assert step is not None
        firm = step.part.text[: step.part.firm]
        assert firm.startswith(before)
        assert firm.endswith(said)
        before = firm
