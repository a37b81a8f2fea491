"""Twenty answers at once on Discord: `python -m benchmarks.twenty_on_discord`.

Ten in one channel and ten in ten channels. The real bot, the real library over gateway and REST, a
Discord double that enforces 5 posts and edits in 5 s in each channel, and a model that gives each
answer 1,500 tokens at 50 tokens/s. Prints its figures as a table, and as JSON with `--json`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from benchmarks.answers import Answered, answered, times
from benchmarks.arguments import Load, load
from benchmarks.figures import Figure, show
from benchmarks.model_server import words
from benchmarks.processes import bot, post, server


def asked(given: Load, others: int, **more: str) -> tuple[list[Answered], dict[str, Any]]:
    """Asks so many of the questions in one channel each, and the rest in one for all of them.

    `more` are settings. Returns what the bot and what Discord has of the answers.
    """
    half = given.answers - others
    with (
        tempfile.TemporaryDirectory() as name,
        server("tests.doubles.discord", "--channels", str(others + 1)) as discord,
        server("benchmarks.model_server", *given.for_model) as model,
    ):
        folder = Path(name)
        settings = {
            "MODEL": "compatible:paced",
            "OPENAI_BASE_URL": model["url"],
            "DISCORD_TOKEN": discord["token"],
            "DISCORD_API_URL": discord["rest"],
            "DISCORD_GATEWAY_URL": discord["gateway"],
            **more,
        }
        first, *rest = discord["channels"]
        with bot(folder, settings):
            for channel in [first] * half + rest:
                text = f"<@{discord['bot']}> Question"
                post(f"{discord['control']}/say", text=text, channel=channel)
            found = answered(folder, given.answers)
        return found, post(f"{discord['control']}/report")["result"]


def measure(given: Load) -> list[Figure]:
    """Twenty at once, half of them in one channel."""
    found, report = asked(given, given.answers - given.answers // 2)
    gap = max(message["largest_gap"] for message in report["messages"])
    edits = sum(message["edits"] for message in report["messages"])
    return [
        *times("discord_20", found, "".join(words(given.tokens))),
        Figure("discord_20_429s", len(report["rate_limited"]), "calls", 0),
        Figure("discord_20_left_writing", len(report["writing"]), "messages", 0),
        Figure("discord_20_edits", edits, "calls"),
        Figure("discord_20_largest_gap_s", round(gap, 1), "s"),
    ]


if __name__ == "__main__":
    arguments = load(__doc__)
    show(measure(arguments), as_json=arguments.as_json)
