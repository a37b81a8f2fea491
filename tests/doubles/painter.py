"""A server of one tool that makes files, in this process."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bot.store import Store
from bot.tools import Caller, ServerConfig, Servers, ToolAnswer, Toolbox, ToolInfo, ToolOptions

CONFIG = ServerConfig("art", command="art", tools=("paint",), trust=True)
PAINT = ToolInfo("art", "paint", "Paints.", {"type": "object"}, {"readOnlyHint": True})
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4
"""What it paints, unless told otherwise."""


def image(content: bytes = PNG, media_type: str = "image/png") -> dict[str, Any]:
    """A picture in a tool's result."""
    data = base64.b64encode(content).decode()
    return {"type": "image", "data": data, "mimeType": media_type}


def resource(content: bytes, uri: str, media_type: str = "text/csv") -> dict[str, Any]:
    """A resource in a tool's result that is no text."""
    blob = base64.b64encode(content).decode()
    return {"type": "resource", "resource": {"uri": uri, "blob": blob, "mimeType": media_type}}


class Painter:
    """Answers each call with the same blocks."""

    changed = False
    ended = False

    def __init__(self, blocks: Sequence[Mapping[str, Any]] | None = None) -> None:
        self.blocks = [image()] if blocks is None else blocks

    async def tools(self) -> list[ToolInfo]:
        """What it has."""
        return [PAINT]

    async def call(self, _token: str, _tool: str, _arguments: Mapping[str, Any]) -> ToolAnswer:
        """Paints."""
        return ToolAnswer(self.blocks)

    async def aclose(self) -> None:
        """Nothing."""


def a_toolbox(painter: Painter) -> Callable[[Store], Toolbox]:
    """What makes a process's tools of this server."""

    async def connect(_config: ServerConfig, _late: Any) -> Painter:
        return painter

    def made(store: Store) -> Toolbox:
        servers = Servers({"art": CONFIG}, connect=connect)
        caller = Caller(store.calls, servers)
        return Toolbox(caller, servers, store.calls, store.rules, ToolOptions())

    return made
