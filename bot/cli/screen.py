"""Markdown set on a terminal as it grows: what is whole stays, the last block is drawn again.

Every character of the model's that is no markup is drawn, as on the other platforms: HTML, entities
and definitions are text here, and a link shows its address.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, TextIO

_MARGIN = 2
"""Lines of the screen that the growing block leaves free."""


def sets_markdown(out: TextIO) -> bool:
    """Whether somebody reads this at a terminal that can set text."""
    return out.isatty() and os.environ.get("TERM") not in (None, "", "dumb")


class MarkdownScreen:
    """Takes Markdown as a stream does, and sets it. `end` is called after each answer."""

    def __init__(self, out: TextIO) -> None:
        from markdown_it import MarkdownIt  # here and below: only where a person reads it
        from rich.console import Console
        from rich.live import Live

        self._console = Console(file=out, highlight=False)
        self._parser = MarkdownIt("commonmark", {"html": False})
        self._parser.enable(["table", "strikethrough"])
        self._parser.disable(["reference", "entity", "image", "html_block", "html_inline"])
        self._live: Live | None = None
        self._text = ""
        self._begun = False

    def write(self, text: str) -> int:
        """Takes text that follows what was written before."""
        self._text += text
        return len(text)

    def flush(self) -> None:
        """Sets what is there: the blocks that are whole for good, the last one for the moment."""
        whole = self._whole()
        if whole:
            self._erase()
            self._set(self._text[:whole])
            self._text = self._text[whole:]
        if self._text.strip():
            self._draw()

    def hold(self) -> None:
        """Something else is to stand below: the last block is drawn again with the next `flush`."""
        self._erase()

    def end(self) -> None:
        """The answer is at its end."""
        self._erase()
        if self._text.strip():
            self._set(self._text)
        self._text, self._begun = "", False

    def _whole(self) -> int:
        """How many characters are blocks that another one follows."""
        blocks = [
            token.map[0]
            for token in self._parser.parse(self._text)
            if token.level == 0 and token.map and token.nesting >= 0
        ]
        lines = self._text.splitlines(keepends=True)
        return sum(map(len, lines[: blocks[-1]])) if len(blocks) > 1 else 0

    def _set(self, text: str) -> None:
        if self._begun:
            self._console.print()
        self._begun = True
        self._console.print(self._markdown(text))

    def _draw(self) -> None:
        """As much of the block's end as there is room for."""
        from rich.live import Live

        if self._live is None:
            if self._begun:
                self._console.print()
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        room = max(1, self._console.size.height - _MARGIN)
        lines = self._console.render_lines(self._markdown(self._text), pad=False)
        self._live.update(_Lines(lines[-room:]), refresh=True)

    def _erase(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
            if self._begun:
                self._console.control(_one_up())

    def _markdown(self, text: str) -> Any:
        from rich.markdown import Markdown

        set_text = Markdown("", hyperlinks=False, code_theme="ansi_dark")
        set_text.parsed = self._parser.parse(text)
        return set_text


class _Lines:
    """Lines that were rendered already."""

    def __init__(self, lines: Iterable[Any]) -> None:
        self._lines = lines

    def __rich_console__(self, _console: Any, _options: Any) -> Iterable[Any]:
        from rich.segment import Segment

        for line in self._lines:
            yield from line
            yield Segment.line()


def _one_up() -> Any:
    from rich.control import Control
    from rich.segment import ControlType

    return Control((ControlType.CURSOR_UP, 1))
