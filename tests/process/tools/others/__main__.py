"""`python -m tests.process.tools.others`: the table of places and servers, then what the protocol's
conformance tests print; 1 where one of them isn't as it has to be.
"""

from __future__ import annotations

import asyncio
import shlex
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from tests.doubles.commands import ROOT
from tests.process.tools.others.places import Found, everywhere
from tests.process.tools.others.servers import (
    NODE,
    installed_by_make_mcp,
    installed_with_the_tests,
    node,
)

SCENARIOS = ("initialize", "tools_call", "sse-retry", "elicitation-sep1034-client-defaults")
"""Of the conformance tests: run one by one, for they measure times."""
_HERE = Path(__file__).parent


async def called(folder: Path) -> list[Found]:
    """A call of each server at each place."""
    async with AsyncExitStack() as stack:
        others = [
            *await stack.enter_async_context(installed_with_the_tests(folder)),
            *await stack.enter_async_context(installed_by_make_mcp()),
        ]
        places = await stack.enter_async_context(everywhere(folder, others))
        return await places.ask_all(others)


async def conforms(*what: str) -> bool:
    """Runs conformance tests, and prints what they print."""
    package = NODE / "node_modules" / "@modelcontextprotocol" / "conformance"
    client = shlex.join([sys.executable, "-m", "tests.process.tools.others.conformant"])
    process = await asyncio.create_subprocess_exec(
        node(), package / "dist" / "index.js", "client", "--command", client, *what,
        "--expected-failures", _HERE / "conformance.yml", "--timeout", "120000",
        cwd=ROOT,
    )  # fmt: skip
    return await process.wait() == 0


def table(found: list[Found]) -> str:
    """What was found, a line each."""
    return "".join(
        f"{each.place:<9} {each.server:<17} run {each.verdict}, call {each.call}, "
        f"{'shown' if each.shown else 'not shown'}{'' if each.right else '  WRONG'}\n"
        for each in found
    )


async def main() -> int:
    """All of it, in order."""
    with tempfile.TemporaryDirectory() as folder:
        found = await called(Path(folder))
    sys.stdout.write(table(found))
    sys.stdout.flush()
    passed = [await conforms("--scenario", name) for name in SCENARIOS]
    passed.append(await conforms("--suite", "auth"))
    return int(not all(each.right for each in found) or not all(passed))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
