"""The page's writing: an answer's Markdown as safe HTML, and what the page draws of that."""

from __future__ import annotations

from connectors.base import Cost
from connectors.markdown import START, Drawn, State
from connectors.web.dialect.read import read
from connectors.web.dialect.write import write

__all__ = ["PageDialect", "read", "write"]


class PageDialect:
    """The page's writing. The page takes everything back: nothing is held back while it grows."""

    def write(self, text: str, state: State = START, *, growing: bool = False) -> str:  # noqa: ARG002 - see above
        """The HTML of a slice."""
        return write(text, state)

    def read(self, answer: str) -> Drawn:
        """What the page draws of the HTML."""
        return read(answer)

    def measure(self, text: str, state: State = START) -> Cost:  # noqa: ARG002 - its length is all
        """The page counts characters of Markdown."""
        return Cost(characters=len(text))
