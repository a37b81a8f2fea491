"""Markdown, read once for all platforms: a text's blocks, and the form that readers must find.

Pure: no platform, no SDK. `plain` says what must be readable, a connector's `Dialect` how it is
written there and what is drawn. A text is read in slices; `State` is all that a slice depends on.

Where this differs from CommonMark:

- HTML is no markup but for `<br>`; references, footnotes and entities are literal.
- Runs of `*` and `_` between two ASCII letters or digits are literal (`2**10`), `__name__` is.
- Chinese, Japanese and Korean neighbours never keep marks from being emphasis.
- `\\(`, `\\)`, `\\[` and `\\]` are no escapes. Formulas are literal: those between them, between
  `$$` and, by Pandoc's rule, between `$`.
- Only http, https, ftp, mailto and tel addresses between < and > are links, and none with a bar.
- A row of a table has all the cells that it was written with.
- U+202A to 202E, U+2066 to 2069, NUL and surrogates are U+FFFD.
"""

from connectors.markdown.blocks import START, Parsed, State, parse, safe
from connectors.markdown.dialect import Dialect, Drawn
from connectors.markdown.plain import (
    CHECKED_BOX,
    OPEN_BOX,
    VERSION,
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
    "safe",
]
