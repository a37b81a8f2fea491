"""Undoes the layout's decoration in what a platform's client draws.

What it draws is compared in the normal form, which says what must be read of a text: a message
shows a piece if it shows all of that. The text itself can't be had back from the screen,
but where a platform keeps the Markdown that it was sent.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import replace

from bot.render.parts import Piece
from bot.render.unfinished import Unfinished, close_unfinished
from connectors.markdown import Growing, form

_MARKS = tuple("`~*_")
_NEARBY = 8
"""Characters around an estimate in which the exact end of what is shown is looked for: as many
as the marks that can be unfinished there."""
_FAR = 256
"""Characters around a guess at that in which it is looked for first."""


def restore(pieces: Sequence[Piece], shown: Sequence[str]) -> str:
    """The text that the messages show, without decoration and with the white space it left off.

    A piece of which all is shown is restored as it was generated; of another, as much as is shown
    from its start, and what is shown instead of the rest: so a difference stays a difference.
    Messages without a piece are taken as they are.
    """
    undone = [_undo(piece, text) for piece, text in zip(pieces, shown, strict=False)]
    return "".join([*undone, *shown[len(pieces) :]])


def _undo(piece: Piece, shown: str) -> str:
    if shown == form(piece.text) or _shows(piece.head + piece.body, shown):
        return piece.lead + piece.body + piece.trail
    found = as_seen(piece, shown)
    surplus = shown[len(form(piece.head + found.body)) :]
    text = piece.lead + found.body + surplus
    # Marks that a client draws as they are would make good for what it should have made of them.
    return piece.lead + found.body if text == piece.lead + piece.body + piece.trail else text


def undecorated(pieces: Sequence[Piece], sources: Sequence[str]) -> str:
    """The text in the Markdown that messages were made of, without decoration.

    Decoration that a message lacks is not missed, what is there is kept.
    """
    pairs = zip(pieces, sources, strict=False)
    undone = [
        piece.lead + source.removeprefix(piece.head).removesuffix(piece.tail) + piece.trail
        for piece, source in pairs
    ]
    return "".join([*undone, *sources[len(pieces) :]])


def as_sent(piece: Piece, text: str) -> Piece:
    """The piece of a message that is sent `text`: `piece.text`, closed for the moment.

    Its body is as much of the piece's as the text has from the start; the rest is decoration.
    """
    if text == piece.text:
        return piece
    rest = text.removeprefix(piece.head)
    head = text[: len(text) - len(rest)]
    same = first_difference(rest[: len(piece.body)], piece.body)
    if same is None:
        tail = rest[len(piece.body) :]
        body = piece.body.rstrip(tail[:1]) if tail[:1] in _MARKS else piece.body
        if body != piece.body:  # what closes it made marks of them, and they may be none
            return Piece(piece.lead, head, body, rest[len(body) :], "")
        return replace(piece, head=head, tail=tail)
    return Piece(piece.lead, head, rest[:same], rest[same:], "")


def as_seen(piece: Piece, text: str) -> Piece:
    """The piece as a message shows it of which `text` can be seen.

    Its body is as much of the piece's as the text shows from the start.
    """
    if text == form(piece.text):
        return piece
    end = _seen_up_to(piece.head, piece.body, text)
    whole = end == len(piece.body)
    return replace(piece, body=piece.body[:end], tail="", trail=piece.trail if whole else "")


def _seen_up_to(head: str, body: str, text: str) -> int:
    """How much of a body can be seen in a text: where that ends exactly, or its last whole line."""
    seen = Growing().form
    about = _about(
        len(text), len(seen(head + body)), len(body), lambda end: seen(head + body[:end])
    )
    close, exact = Unfinished().close, None
    # From the first to the last: of a text that grows only the end is read anew.
    for end in range(max(0, about - _NEARBY + 1), min(len(body), about + _NEARBY) + 1):
        begun = head + body[:end]
        if text == seen(begun) or text == seen(close(begun)):
            exact = end
    if exact is not None:
        return exact
    ends = [at for at in range(min(about, len(body)), 0, -1) if body[at - 1] == "\n"]
    ends += [0]
    reached = bisect_left(ends, True, key=lambda end: text.startswith(form(head + body[:end])))
    return ends[min(reached, len(ends) - 1)]


def _about(shown: int, whole: int, length: int, seen: Callable[[int], str]) -> int:
    """Where what can be seen of a body is as long as what is shown: mostly close to its end."""
    guess = length - (whole - shown)
    near = range(max(0, guess - _FAR), max(0, min(length, guess + _FAR) + 1))
    found = bisect_left(near, shown, key=lambda end: len(seen(end)))
    if 0 < found < len(near):
        return near[found]
    return bisect_left(range(length + 1), shown, key=lambda end: len(seen(end)))


def _shows(begun: str, text: str) -> bool:
    """Whether a text is what can be seen of a part that has grown so far, closed or not."""
    return text == form(begun) or text == form(close_unfinished(begun))


def first_difference(one: str, other: str) -> int | None:
    """The index of the first character in which two texts differ; None if they are the same."""
    if one == other:
        return None
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))
