"""What becomes of a broken stream on the bot's whole way: `python -m tests.wire.providers.broken`.

A real server on loopback, the real provider, a run with both handlers, its log, and a platform in
memory. The table in `docs/providers.md` is written from it, and `test_broken.py` holds it current.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import structlog
from structlog.testing import capture_logs

from tests.doubles.openai import OpenAIServer
from tests.doubles.providers.streams import CASES, CUTS
from tests.doubles.providers.tls import untrusted_server
from tests.doubles.providers.ways import Way, built
from tests.doubles.way import a_way
from tests.unit.providers.table import line, write

_PORT = re.compile(r"(?<=127\.0\.0\.1):\d+")
BEGIN = "<!-- table: python -m tests.wire.providers.broken -->\n"

FILES = (
    "silent_cut.sse",
    "cut_in_code_point.sse",
    "cut_in_json.sse",
    "reset.sse",
    "malformed.sse",
    "error_part.sse",
    "deepseek_no_resources.sse",
    "html.sse",
    "garbage.sse",
    "json_error.sse",
    "stall_first.sse",
    "stall_middle.sse",
    "trailer_garbage.sse",
    "length.sse",
    "azure_filtered.sse",
    "refusal.sse",
    "tool_calls.sse",
    "400_filtered.http",
    "400_too_long.http",
    "400.http",
    "401.http",
    "403.http",
    "404_model.http",
    "408.http",
    "429.http",
    "429_retry_after.http",
    "429_quota.http",
    "500.http",
    "502_page.http",
    "503.http",
)
"""The recorded streams that are broken, or end otherwise than whole."""

ELSEWHERE = ("no such host", "nobody listens there", "a certificate that nobody trusts")

_MODELS = ("provider.", "stream.", "model.")
_STALL_S = 4.0
_PATIENT_S = 50.0
_AT_ONCE = 6


@dataclass(frozen=True)
class Row:
    """What came of one case."""

    case: str
    outcome: str
    shown: str
    logged: tuple[str, ...]


async def rows(way: Way) -> list[Row]:
    """Every case, some at once: each has a bot of its own."""
    few = asyncio.Semaphore(_AT_ONCE)

    async def one(name: str) -> Row:
        async with few:
            return await _row(name, way, logs)

    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logs:
        return list(await asyncio.gather(*map(one, (*FILES, *ELSEWHERE))))


async def _row(name: str, way: Way, logs: Sequence[Any]) -> Row:
    case = next((case.case for case in CASES if case.file == name), name)
    stall = _STALL_S if name.startswith("stall") else _PATIENT_S
    async with _root(name) as root:
        provider = built(way, "openai", root, stall_seconds=stall)
        async with a_way(provider=provider) as bot:
            result = await bot.answer("Hello?")
            shown = "\n\n".join(bot.shown)
        await provider.aclose()
    mine = [entry for entry in logs if entry.get("run_id") == str(result.run_id)]
    told = f"{result.outcome.value}, {result.receipt.verdict.value}"
    return Row(case, told, shown, tuple(_line(entry) for entry in mine if _loud(entry)))


@asynccontextmanager
async def _root(name: str) -> AsyncIterator[str]:
    """Where the service is, or is not."""
    if name == ELSEWHERE[0]:
        yield "https://nowhere.invalid"
    elif name == ELSEWHERE[1]:
        async with OpenAIServer() as server:
            gone = server.root
        yield gone
    elif name == ELSEWHERE[2]:
        with TemporaryDirectory() as folder:
            async with untrusted_server(Path(folder)) as root:
                yield root
    else:
        case = next(case for case in CASES if case.file == name)
        async with OpenAIServer(case.answer(CUTS["whole"])) as server:
            yield server.root


def _loud(entry: dict[str, Any]) -> bool:
    """Of the model's way only: on a busy machine the platform's side may be late, and says so."""
    return entry["log_level"] in {"warning", "error"} and entry["event"].startswith(_MODELS)


def _line(entry: Any) -> str:
    told = _PORT.sub(":PORT", str(entry.get("error") or entry.get("reason") or ""))
    return f"{entry['log_level']} {entry['event']}" + (f": {told}" if told else "")


def table(found: Iterable[Row]) -> str:
    """The rows as Markdown."""
    head = (
        "what the service does",
        "outcome, receipt",
        "what the reader sees",
        "what the log says",
    )
    lines = [line(head), line("---" for _ in head)]
    for row in found:
        shown = row.shown.replace("\n\n", "<br>").replace("\n", "<br>").replace("|", "\\|")
        logged = "<br>".join(f"`{entry}`" for entry in row.logged)
        lines.append(line((row.case, row.outcome, shown, logged)))
    return "\n".join([*lines, ""])


def main() -> None:
    """Writes the table into the page."""
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        write(BEGIN, table(runner.run(rows("lean"))))
    sys.stdout.write("wrote the table of broken streams\n")


if __name__ == "__main__":
    main()
