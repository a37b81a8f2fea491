"""Splits an answer into messages that a platform accepts, and restores it from what they show.

Pure functions of text: nothing here knows a platform or waits for anything.
"""

from bot.render.layout import (
    Layout,
    Piece,
    Thoughts,
    as_seen,
    as_sent,
    first_difference,
    for_literal,
    layout,
    literal,
    restore,
    shows_below,
    undecorated,
    with_note,
)
from bot.render.sizes import smaller
from bot.render.unfinished import Unfinished, close_unfinished

__all__ = [
    "Layout",
    "Piece",
    "Thoughts",
    "Unfinished",
    "as_seen",
    "as_sent",
    "close_unfinished",
    "first_difference",
    "for_literal",
    "layout",
    "literal",
    "restore",
    "shows_below",
    "smaller",
    "undecorated",
    "with_note",
]
