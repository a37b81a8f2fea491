"""Slack's writing: what a text is sent as, what is drawn of Slack's answer, what it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.base import Cost
from connectors.markdown import START, Drawn, State
from connectors.slack.dialect.read import read
from connectors.slack.dialect.spans import JOINT, hidden, in_text
from connectors.slack.dialect.write import COLUMNS, measure, write

__all__ = [
    "COLUMNS",
    "DIALECT",
    "JOINT",
    "SlackDialect",
    "hidden",
    "in_text",
    "measure",
    "read",
    "write",
]


class SlackDialect:
    """A `Dialect`: `Answer` are a message's blocks, `Written` is a `markdown` block's text."""

    def write(self, text: str, state: State = START, *, growing: bool = False) -> str:
        """See `Dialect.write`."""
        return write(text, state, growing=growing)

    def read(self, answer: Sequence[Mapping[str, Any]]) -> Drawn:
        """See `Dialect.read`."""
        return read(answer)

    def measure(self, text: str, state: State = START) -> Cost:
        """See `Dialect.measure`."""
        return measure(text, state)


DIALECT = SlackDialect()
