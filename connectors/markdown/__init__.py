"""Markdown, read once for all platforms: a text's blocks, and the form that readers must find.

Pure: no platform, no SDK. `plain` says what must be readable, a connector's `Dialect` how it is
written there and what is drawn. A text is read in slices; `State` is all that a slice depends on.

Where this differs from CommonMark:

- HTML is no markup except for `<br>`; references, footnotes and entities are literal.
- Runs of `*` and `_` between two ASCII letters or digits are literal (`2**10`), `__name__` is.
- Chinese, Japanese and Korean neighbours never keep marks from being emphasis.
- `\\(`, `\\)`, `\\[` and `\\]` are no escapes. Formulas are literal: those between them, between
  `$$` and, by Pandoc's rule, between `$`.
- Only http, https, ftp, mailto and tel addresses between < and > are links, and none with a bar.
- A row of a table has all the cells that it was written with.
- U+202A to 202E, U+2066 to 2069, NUL and surrogates are U+FFFD.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from connectors.markdown.blocks import Parsed, parse, safe
from connectors.markdown.plain import (
    CHECKED_BOX,
    OPEN_BOX,
    VERSION,
    Drawn,
    Form,
    Growing,
    Words,
    after,
    form,
    joined,
    of_blocks,
    of_inlines,
    one_line,
    plain,
)
from connectors.markdown.state import START, State

if TYPE_CHECKING:
    from connectors.base import Cost

__all__ = [
    "CHECKED_BOX",
    "OPEN_BOX",
    "START",
    "VERSION",
    "Dialect",
    "Drawn",
    "Form",
    "Growing",
    "Parsed",
    "State",
    "Words",
    "after",
    "form",
    "joined",
    "of_blocks",
    "of_inlines",
    "one_line",
    "parse",
    "plain",
    "quoted",
    "safe",
]

Answer = TypeVar("Answer", contravariant=True)
Written = TypeVar("Written", covariant=True)


class Dialect(Protocol, Generic[Answer, Written]):
    """A platform's writing. `Answer` is what the platform answers for a message, `Written` what it
    is sent. All three take time linear in what they are given."""

    def write(self, text: str, state: State = START, *, growing: bool = False) -> Written:
        """What the client draws as `plain(text, state)`.

        With `growing`, constructs that are not decided yet are held back: what is written of a text
        is the beginning of what is written of every longer one.
        """
        ...

    def read(self, answer: Answer) -> Drawn:
        """What the client draws of the platform's answer."""
        ...

    def measure(self, text: str, state: State = START) -> Cost:
        """What the text costs of each thing that the platform counts."""
        ...


def quoted(text: str) -> str:
    """A text as a quotation in Markdown."""
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())
