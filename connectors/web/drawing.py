"""Messages as HTML: made once for each version, however many look."""

from __future__ import annotations

import threading
from collections import OrderedDict

from connectors.web import markdown
from connectors.web.messages import Message

KEPT = 8_000_000
"""The most characters of HTML that are kept."""


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
        html = markdown.render(message.text)
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
