"""How a piece looks up to each of its characters, for what is compared with it more than once."""

from __future__ import annotations

from functools import lru_cache

from bot.render.unfinished import Unfinished
from connectors.markdown import Growing

_PIECES = 4
"""Of so many pieces it is known how they look: a message is read several times on end."""
_ENDS = 64
"""Up to so many of a piece's characters: more than one comparison looks at."""


class _Looks:
    """What is seen of a piece that begins with `head` and goes on with some of `body`."""

    def __init__(self, head: str, body: str) -> None:
        self._head, self._body = head, body
        # From the first to the last: of a growing text only the end is read again.
        self._growing, self._unfinished = Growing(), Unfinished()
        self.seen = lru_cache(_ENDS)(self._seen)
        self.closed = lru_cache(_ENDS)(self._closed)

    def _seen(self, end: int) -> str:
        """Its form with the body up to `end`."""
        return self._growing.form(self._head + self._body[:end])

    def _closed(self, end: int) -> str:
        """The same, with its markup closed."""
        begun = self._head + self._body[:end]
        closed = self._unfinished.close(begun)
        return self.seen(end) if closed == begun else self._growing.form(closed)


@lru_cache(_PIECES)
def looks(head: str, body: str) -> _Looks:
    """How a piece looks."""
    return _Looks(head, body)
