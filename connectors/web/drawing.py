"""Messages as HTML: made once for each version, however many look."""

from __future__ import annotations

import threading
from collections import OrderedDict

from connectors.web import markdown
from connectors.web.messages import Message

KEPT = 8_000_000
"""The most bytes, about, that are kept."""
_BESIDE = 400
"""What keeping a drawing takes beside its characters, about."""


class Drawings:
    """The HTML of messages that were shown lately. Threads may ask at once."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[int, str]] = OrderedDict()
        """By message, its newest version that was drawn."""
        self._size = 0
        self._lock = threading.Lock()

    def html(self, message: Message) -> str:
        """A message's HTML."""
        with self._lock:
            version, html = self._kept.get(message.id, (None, ""))
            if version == message.version:
                self._kept.move_to_end(message.id)
                return html
        html = markdown.render(message.text)
        with self._lock:
            self._keep(message, html)
        return html

    def _keep(self, message: Message, html: str) -> None:
        version, old = self._kept.get(message.id, (None, ""))
        if version is not None and version >= message.version:
            return
        self._size += len(html) - len(old) + (_BESIDE if version is None else 0)
        self._kept[message.id] = message.version, html
        self._kept.move_to_end(message.id)
        while self._size > KEPT:
            _, (_, oldest) = self._kept.popitem(last=False)
            self._size -= len(oldest) + _BESIDE
