"""Undoes the layout's decoration in what a platform's client draws.

What it draws is compared in a form that says what can be seen of a text (`visible`): a message
shows a piece if it shows what can be seen of it. The text itself can't be had back from the screen,
but where a platform keeps the Markdown that it was sent.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import replace

from bot.render.parts import Piece
from bot.render.unfinished import Unfinished, close_unfinished
from connectors.markdown import Growing, form

Visible = Callable[[str], str]

_NEARBY = 8
"""Characters around an estimate in which the exact end of what is shown is looked for: as many
as the marks that can be unfinished there."""
_FAR = 256
"""Characters around a guess at that in which it is looked for first."""


def restore(pieces: Sequence[Piece], shown: Sequence[str], visible: Visible = form) -> str:
    """The text that the messages show, without decoration and with the white space it left off.

    A piece of which all is shown is restored as it was generated; of another, as much as is shown
    from its start, and what is shown instead of the rest: so a difference stays a difference.
    Messages without a piece are taken as they are.
    """
    undone = [_undo(piece, text, visible) for piece, text in zip(pieces, shown, strict=False)]
    return "".join([*undone, *shown[len(pieces) :]])


def _undo(piece: Piece, shown: str, visible: Visible) -> str:
    if shown == visible(piece.text) or _shows(piece.head + piece.body, shown, visible):
        return piece.lead + piece.body + piece.trail
    found = as_seen(piece, shown, visible)
    surplus = shown[len(visible(piece.head + found.body)) :]
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
        return replace(piece, head=head, tail=rest[len(piece.body) :])
    return Piece(piece.lead, head, rest[:same], rest[same:], "")


def as_seen(piece: Piece, text: str, visible: Visible = form) -> Piece:
    """The piece as a message shows it of which `text` can be seen.

    Its body is as much of the piece's as the text shows from the start.
    """
    if text == visible(piece.text):
        return piece
    end = _seen_up_to(piece.head, piece.body, text, visible)
    whole = end == len(piece.body)
    return replace(piece, body=piece.body[:end], tail="", trail=piece.trail if whole else "")


def _seen_up_to(head: str, body: str, text: str, visible: Visible) -> int:
    """How much of a body can be seen in a text: where that ends exactly, or its last whole line."""
    seen = Growing().form if visible is form else visible
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
    reached = bisect_left(ends, True, key=lambda end: text.startswith(visible(head + body[:end])))
    return ends[min(reached, len(ends) - 1)]


def _about(shown: int, whole: int, length: int, seen: Callable[[int], str]) -> int:
    """Where what can be seen of a body is as long as what is shown: mostly close to its end."""
    guess = length - (whole - shown)
    near = range(max(0, guess - _FAR), max(0, min(length, guess + _FAR) + 1))
    found = bisect_left(near, shown, key=lambda end: len(seen(end)))
    if 0 < found < len(near):
        return near[found]
    return bisect_left(range(length + 1), shown, key=lambda end: len(seen(end)))


def _shows(begun: str, text: str, visible: Visible) -> bool:
    """Whether a text is what can be seen of a part that has grown so far, closed or not."""
    return text == visible(begun) or text == visible(close_unfinished(begun))


def first_difference(one: str, other: str) -> int | None:
    """The index of the first character in which two texts differ; None if they are the same."""
    if one == other:
        return None
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))
