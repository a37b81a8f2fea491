"""What a model thought before its answer, as a quote in parts of its own: all decoration."""

from __future__ import annotations

import re
from dataclasses import replace

from bot.render.parts import Layout, Piece
from connectors.base import Limits

_TITLE = "> _Thoughts_\n>\n> "
_LINE_END = re.compile(r"\r\n?|[\n\v\f\x1c-\x1e\x85\u2028\u2029]")


class Thoughts:
    """A growing quote. No part of the answer is in it, so nothing of it is ever compared."""

    def __init__(self, limits: Limits) -> None:
        self._layout = Layout(limits)

    def append(self, text: str) -> None:
        """Adds the next characters."""
        begun = "" if self._layout.text else _TITLE
        self._layout.append(begun + _LINE_END.sub("\n> ", text))

    def pieces(self) -> list[Piece]:
        """The parts so far."""
        return [_decoration(piece) for piece in self._layout.pieces()]

    def fixed(self) -> list[Piece]:
        """The parts that will stay as they are."""
        return [_decoration(piece) for piece in self._layout.fixed]


def _decoration(piece: Piece) -> Piece:
    return replace(piece, lead="", head=piece.head + piece.body, body="", trail="")
