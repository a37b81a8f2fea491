"""What differs between the protocols that a service may speak."""

from __future__ import annotations

from typing import Any, Protocol

from providers.base import Generation, Request
from providers.decoding import Piece


class Reader(Protocol):
    """Reads one answer's chunks: notes in the `Generation` how the answer ended and what it used.

    Its pieces are not in the `Generation` yet.
    """

    def take(self, chunk: Any) -> list[Piece]:
        """The pieces in the next chunk. Raises where the service says there that it failed."""
        ...

    def flush(self) -> list[Piece]:
        """The stream is over: what was kept back for a next chunk."""
        ...


class Speech(Protocol):
    """A protocol as one model speaks it."""

    @property
    def path(self) -> str:
        """Where requests go, below the service's base URL."""
        ...

    def body(self, request: Request) -> dict[str, Any]:
        """A request as JSON."""
        ...

    def reader(self, generation: Generation) -> Reader:
        """A reader for one answer."""
        ...
