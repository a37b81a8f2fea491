"""Undoes the layout's decoration in what a platform shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.render.parts import Piece


def restore(pieces: Sequence[Piece], shown: Sequence[str]) -> str:
    """The text that the messages show, without decoration and with the white space it left off.

    Only `lead`, `head`, `tail` and `trail` of a piece are used, never its body. Decoration that a
    message lacks is not missed and what is there is kept, so a difference stays a difference.
    Messages without a piece are taken as they are.
    """
    undone = [_undo(piece, text) for piece, text in zip(pieces, shown, strict=False)]
    return "".join([*undone, *shown[len(pieces) :]])


def _undo(piece: Piece, shown: str) -> str:
    body = shown.removeprefix(piece.head).removesuffix(piece.tail)
    return piece.lead + body + piece.trail


def as_shown(piece: Piece, text: str) -> Piece:
    """The piece as a message shows it whose text is `text`: `piece.text`, closed for the moment.

    Its body is as much of the piece's as the text shows from the start; the rest is decoration.
    """
    if text == piece.text:
        return piece
    rest = text.removeprefix(piece.head)
    head = text[: len(text) - len(rest)]
    same = first_difference(rest[: len(piece.body)], piece.body)
    if same is None:
        return replace(piece, head=head, tail=rest[len(piece.body) :])
    return Piece(piece.lead, head, rest[:same], rest[same:], "")


def first_difference(one: str, other: str) -> int | None:
    """The index of the first character in which two texts differ; None if they are the same."""
    if one == other:
        return None
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))
