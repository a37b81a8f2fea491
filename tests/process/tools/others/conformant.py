"""The client that the protocol's conformance tests start: it lists a server's tools and calls each,
the way the bot does. `python -m tests.process.tools.others.conformant URL`.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from bot import logs
from bot.tools import CallDeclined, CallLost, ServerConfig, ServerDown, Servers, ToolInfo

_ARGUMENTS: dict[str, Any] = {"number": 1, "integer": 1, "boolean": True, "string": "x"}
_SECONDS = 5.0


async def use(url: str) -> int:
    """Uses a server; 1 where it can't be used, or an answer doesn't come."""
    config = ServerConfig("tested", url=url, timeout=_SECONDS)
    servers = Servers({"tested": config})
    try:
        tools = await servers.listed("tested")
        for tool in tools:
            answer = await servers.call("tested", tool.name, tool.name, _arguments(tool))
            sys.stdout.write(f"{tool.name}: {answer}\n")
    except (ServerDown, CallDeclined, CallLost) as error:
        sys.stdout.write(f"{error!r}\n")
        return 1
    finally:
        await servers.aclose()
    return 0


def _arguments(tool: ToolInfo) -> dict[str, Any]:
    properties: dict[str, Any] = tool.schema.get("properties", {})
    return {name: _ARGUMENTS.get(each.get("type", ""), 1) for name, each in properties.items()}


if __name__ == "__main__":
    logs.set_up("error", "console")
    sys.exit(asyncio.run(use(sys.argv[-1])))
