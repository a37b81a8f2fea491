"""What each model's packages take of memory: `python -m benchmarks.imports`.

Each provider is imported and made in a fresh process, as the bot makes it; what is told is the
process's resident memory then, and how much of it the model added to Python alone. CPU is what
importing and making it took.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from benchmarks.processes import ROOT

PROGRAMS = {
    "Python alone": "",
    "`openai`, lean": "from providers.openai_stream import openai_provider as make\n"
    "made = make('gpt-4o-mini', api_key='k')",
    "`openai`, through LangChain": "from providers.openai import openai_provider as make\n"
    "made = make('gpt-4o-mini', api_key='k')",
    "`azure` with Entra ID, lean": "from providers.entra import EntraTokens\n"
    "from providers.openai_stream import azure_provider as make\n"
    "made = make('d', endpoint='https://r.openai.azure.com', secret=EntraTokens(None, None, None))",
    "`compatible`, lean": "from providers.openai_stream import compatible_provider as make\n"
    "made = make('m', base_url='http://127.0.0.1:1/v1')",
    "`local`, not started": "from pathlib import Path\n"
    "from providers.local import LocalProvider\nmade = LocalProvider(Path('model.gguf'))",
    "`anthropic`": "from providers.anthropic import anthropic_provider as make\n"
    "made = make('claude-haiku-4-5', api_key='k')",
    "`google`": "from providers.google import google_provider as make\n"
    "made = make('gemini-2.5-flash', api_key='k')",
}
"""What is imported and made for each."""

_TELL = """
import json, os, resource, sys
used = resource.getrusage(resource.RUSAGE_SELF)
with open("/proc/self/statm") as memory:
    resident = int(memory.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
heavy = sorted({"langchain_openai", "langchain_core.messages"} & sys.modules.keys())
print(json.dumps([resident, used.ru_utime + used.ru_stime, heavy]))
"""
# Linux only: elsewhere a process knows its peak, which begins with its parent's.


@dataclass(frozen=True)
class Taken:
    """What one model's packages took: MB in all, MB above Python alone, CPU seconds."""

    model: str
    rss_mb: float
    above_mb: float
    cpu_s: float
    langchain: tuple[str, ...]


def measure(names: Sequence[str] = tuple(PROGRAMS)) -> list[Taken]:
    """Each in a process of its own, one after the other."""
    alone, _, _ = _run("")
    found = []
    for name in names:
        peak, cpu, heavy = _run(PROGRAMS[name])
        mb = 1024 * 1024
        found.append(
            Taken(name, round(peak / mb, 1), round((peak - alone) / mb, 1), cpu, tuple(heavy))
        )
    return found


def _run(program: str) -> tuple[int, float, list[str]]:
    told = subprocess.run(
        [sys.executable, "-c", f"{program}\n{_TELL}"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    peak, cpu, heavy = json.loads(told.stdout.splitlines()[-1])
    return peak, cpu, heavy


def main() -> None:
    """Prints a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    found = measure()
    if parser.parse_args().json:
        sys.stdout.write(json.dumps([asdict(taken) for taken in found]) + "\n")
        return
    sys.stdout.write("| model | MB | above Python alone | CPU s |\n|---|---|---|---|\n")
    for taken in found:
        sys.stdout.write(
            f"| {taken.model} | {taken.rss_mb:.0f} | {taken.above_mb:.0f} | {taken.cpu_s:.2f} |\n"
        )


if __name__ == "__main__":
    main()
