"""Twenty answers at once in one Slack workspace: `python -m benchmarks.twenty_on_slack`.

The real bot, the real SDK over Socket Mode, a Slack double that enforces 50 `chat.update` a minute
in every sliding window and a message a second in a channel, and a model that gives each answer
1,500 tokens at 50 tokens/s. Prints its figures as a table, and as JSON with `--json`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from benchmarks.answers import Answered, answered, times
from benchmarks.arguments import Load, load
from benchmarks.figures import Figure, show
from benchmarks.model_server import words
from benchmarks.processes import bot, get, post, server


def asked(given: Load, streaming: str = "edit") -> tuple[list[Answered], dict[str, Any]]:
    """Asks in as many channels as there are answers, and waits for the last of them.

    Returns what the bot and what Slack has of them.
    """
    with (
        tempfile.TemporaryDirectory() as name,
        server("tests.doubles.slack") as slack,
        server("benchmarks.model_server", *given.for_model) as model,
    ):
        folder = Path(name)
        settings = {
            "MODEL": "compatible:paced",
            "OPENAI_BASE_URL": model["url"],
            "SLACK_BOT_TOKEN": slack["bot_token"],
            "SLACK_APP_TOKEN": slack["app_token"],
            "SLACK_API_URL": slack["url"],
            "SLACK_STREAMING": streaming,
        }
        with bot(folder, settings):
            post(f"{slack['control']}sockets", wait=1)
            for number in range(given.answers):
                channel = f"C{number:03}"
                post(f"{slack['control']}channel", id=channel)
                post(f"{slack['control']}ask", text=f"Question {number}", channel=channel)
            found = answered(folder, given.answers)
        return found, get(f"{slack['control']}report")


def measure(given: Load) -> list[Figure]:
    """Twenty at once: all of them there, none refused, none left writing."""
    found, report = asked(given)
    shown = [message for message in report["messages"] if message["by_bot"]]
    gap = max(message["largest_gap"] for message in shown)
    return [
        *times("slack_20", found, "".join(words(given.tokens))),
        Figure("slack_20_429s", len(report["rate_limited"]), "calls", 0),
        Figure("slack_20_left_writing", len(report["writing"]), "messages", 0),
        Figure("slack_20_edits", len(report["calls"].get("chat.update", [])), "calls"),
        Figure("slack_20_largest_gap_s", round(gap, 1), "s"),
    ]


if __name__ == "__main__":
    arguments = load(__doc__)
    show(measure(arguments), as_json=arguments.as_json)
