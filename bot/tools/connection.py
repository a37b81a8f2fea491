"""What a connection to a server is to the rest: a list of tools, and calls that end in one of four
ways. `bot.tools.session` is the one over the protocol; tests have others.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from bot.tools.config import ServerConfig
from bot.tools.policy import ToolInfo
from bot.tools.results import ToolAnswer
from bot.words import Sentence


class ServerDown(Exception):
    """A server can't be used. `happened` and `cure` are for the operator, `said` is its own word.

    Its message is for logs.
    """

    def __init__(self, happened: Sentence, cure: Sentence, said: str = "") -> None:
        super().__init__(happened.id)
        self.happened = happened
        self.cure = cure
        self.said = said


class CallNotSent(Exception):
    """Not one byte of the call left: the server can't have done anything."""


class CallDeclined(Exception):
    """The server answered that it has not done it; the message is its own."""


class CallLost(Exception):
    """Nobody knows whether the server has done it; `reason` says what happened."""

    def __init__(self, reason: Sentence) -> None:
        super().__init__(reason.id)
        self.reason = reason


class ServerConnection(Protocol):
    """One server, from its start to its end."""

    changed: bool
    """Whether the server has said, since they were listed, that its tools are others now."""

    @property
    def ended(self) -> bool:
        """Whether nothing can be called over it any more."""
        ...

    async def tools(self) -> list[ToolInfo]:
        """All that the server has now. Raises `ServerDown`."""
        ...

    async def call(self, token: str, tool: str, arguments: Mapping[str, Any]) -> ToolAnswer:
        """Calls a tool, once, within the configured time.

        `token` names the call and goes with it. Raises `CallNotSent`, `CallDeclined`, `CallLost`.
        """
        ...

    async def aclose(self) -> None:
        """Ends it, and the server's process where it has one."""
        ...


OnLate = Callable[[str, ToolAnswer], None]
"""Hears of an answer, by the call's token, that came after the call was given up."""
Connect = Callable[[ServerConfig, OnLate], Awaitable[ServerConnection]]
"""Starts or reaches a server; raises `ServerDown`."""
