"""Messages as HTML: made once for each version, however many look, and bounded in size and work."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from html import escape

from connectors.web import markdown
from connectors.web.messages import Message

MOST_CELLS = 2_000
"""The most cells of tables in one message: rows that are short are filled up, so that a few
characters can ask for tens of thousands."""
KEPT = 8_000_000
"""The most characters of HTML that are kept."""

_DELIMITER = re.compile(r"[ \t>]*\|?[ \t:]*-[-| \t:]*\Z")


def drawn(text: str) -> str:
    """A text as HTML; as the source that it is where drawing it would cost too much."""
    if cells(text) > MOST_CELLS:
        return as_source(text)
    html = markdown.render(text)
    return html if len(html) <= most_html(text) else as_source(text)


def most_html(text: str) -> int:
    """The most characters of HTML that a text may become: coloured code takes 25 for each."""
    return 40 * len(text) + 30_000


def as_source(text: str) -> str:
    """Every character of the text, as it was written."""
    return f"<pre><code>{escape(markdown.visible(text))}</code></pre>\n"


def cells(text: str) -> int:
    """How many cells the tables of a text can have at most.

    A table has as many columns as the line of dashes below its head, in each row until an empty
    line.
    """
    total = columns = 0
    for line in text.split("\n"):
        if not line.strip(" \t>\r"):
            columns = 0
        elif "-" in line and _DELIMITER.match(line.rstrip("\r")):
            columns = max(columns, line.count("|") + 1)
            total += columns  # its head
        total += columns
    return total


class Drawings:
    """The HTML of messages that were shown lately. Threads may ask at once."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int], str] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def html(self, message: Message) -> str:
        """A message's HTML."""
        key = (message.id, message.version)
        with self._lock:
            if (html := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                return html
        html = drawn(message.text)
        with self._lock:
            self._keep(key, html)
        return html

    def _keep(self, key: tuple[str, int], html: str) -> None:
        if key not in self._kept:
            self._size += len(html)
        self._kept[key] = html
        while self._size > KEPT:
            _, oldest = self._kept.popitem(last=False)
            self._size -= len(oldest)
