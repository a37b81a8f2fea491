"""Pure text: an answer's parts, the fences carried between them, and both undone."""

from bot.render.parts import Layout, Piece, for_literal, layout, literal, with_note
from bot.render.screen import as_seen, as_sent, first_difference, restore, undecorated
from bot.render.sizes import smaller
from bot.render.thoughts import Thoughts
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
    "smaller",
    "undecorated",
    "with_note",
]
