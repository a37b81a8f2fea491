"""The process: how fast it is ready, and what it keeps in memory.

`python -m benchmarks.process` is an hour of answers on virtual time, in a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.figures import Figure
from benchmarks.processes import bot, child, get, memory_mb, post, server

READY_AIM_S = 1.5
IDLE_AIM_MB = 120.0
_SETTLE_S = 2.0
_PATIENCE_S = 60.0
"""For all answers to be begun: the machine may be busy."""


def measure(*, short: bool = False) -> list[Figure]:
    """Starts the bot with Slack, Discord and an OpenAI model, and asks it much at once."""
    figures = [*_starts(1 if short else 3)]
    figures += [_busy(answers, 1.0 if short else 8.0) for answers in ((2,) if short else (50, 200))]
    hour = child("benchmarks.process", "--minutes", "3" if short else "60")
    return [
        *figures,
        Figure("hour_rss_growth_mb", round(hour["growth_mb"], 1), "MB"),
        Figure("hour_answers", hour["answers"], "answers"),
    ]


@contextmanager
def platforms(*model: str) -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
    """The settings of a bot on both platforms, and Slack's double."""
    with (
        server("tests.doubles.slack", "--unmetered") as slack,
        server("tests.doubles.discord", "--unlimited") as discord,
        server("benchmarks.model_server", *model) as served,
    ):
        yield (
            {
                "MODEL": "openai:paced",
                "OPENAI_API_KEY": "sk-x",
                "OPENAI_BASE_URL": served["url"],
                "SLACK_BOT_TOKEN": slack["bot_token"],
                "SLACK_APP_TOKEN": slack["app_token"],
                "SLACK_API_URL": slack["url"],
                "SLACK_STREAMING": "edit",
                "DISCORD_TOKEN": discord["token"],
                "DISCORD_API_URL": discord["rest"],
                "DISCORD_GATEWAY_URL": discord["gateway"],
            },
            slack,
        )


def _starts(times: int) -> list[Figure]:
    """Each start but the first finds its database; imports are in the system's cache."""
    ready, idle = [], []
    with tempfile.TemporaryDirectory() as name, platforms() as (settings, _):
        for _ in range(times):
            began = time.perf_counter()
            with bot(Path(name), settings) as process:
                ready.append(time.perf_counter() - began)
                time.sleep(_SETTLE_S)
                idle.append(memory_mb(process.pid))
    return [
        Figure("ready_s", round(median(ready), 2), "s", READY_AIM_S),
        Figure("ready_best_s", round(min(ready), 2), "s"),
        Figure("idle_rss_mb", round(median(idle), 1), "MB", IDLE_AIM_MB),
    ]


def _busy(answers: int, seconds: float) -> Figure:
    """The most memory while so many answers stream, each at 20 tokens/s."""
    model = ("--tokens", "2000", "--rate", "20")
    with tempfile.TemporaryDirectory() as name, platforms(*model) as (settings, slack):
        with bot(Path(name), {**settings, "SHUTDOWN_GRACE": "1"}) as process:
            post(f"{slack['control']}sockets", wait=1)
            for number in range(answers):
                channel = f"C{number:03}"
                post(f"{slack['control']}channel", id=channel)
                post(f"{slack['control']}ask", text=f"Question {number}", channel=channel)
            most, until = 0.0, time.monotonic() + _PATIENCE_S
            while len(_shown(slack)) < answers and time.monotonic() < until:
                most = max(most, memory_mb(process.pid))
                time.sleep(0.5)
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                most = max(most, memory_mb(process.pid))
                time.sleep(0.1)
        shown = _shown(slack)
    if len(shown) < answers:
        raise RuntimeError(f"only {len(shown)} of {answers} answers were begun")
    return Figure(f"rss_{answers}_answers_mb", round(most, 1), "MB")


def _shown(slack: dict[str, Any]) -> list[Any]:
    """The bot's messages."""
    return [each for each in get(f"{slack['control']}report")["messages"] if each["by_bot"]]


# An hour on virtual time, in a process of its own.

_EVERY_S = 6.0
_TOKENS = 300


async def _hour(minutes: int) -> dict[str, float]:
    """An answer every six seconds; what is older than a minute is deleted as retention does."""
    from providers.scripted import Pause, ScriptedProvider
    from tests.doubles.way import a_way, clock_us

    sizes, answers = [], 0
    script = [step for _ in range(_TOKENS) for step in (Pause(0.02), " word")]
    model = ScriptedProvider(script)
    async with a_way(provider=model) as way:
        platform = way.connector.platform
        for minute in range(minutes):
            for _ in range(round(60 / _EVERY_S)):
                result = await way.answer()
                if result.receipt.verdict != "verified":
                    raise RuntimeError(f"{result.outcome}: {result.receipt}")
                answers += 1
            # What the platform and the log keep is theirs; here only the bot's own counts.
            for kept in (platform.messages, platform.calls, platform.signals, model.requests):
                kept.clear()
            now = clock_us()
            await way.store.retention.delete_before(now - 1, now_us=now)
            gc.collect()
            if minute >= minutes // 3:
                sizes.append(memory_mb(os.getpid()))
    return {"growth_mb": sizes[-1] - sizes[0], "answers": answers}


def main() -> None:
    """Measures the hour and prints what it found as JSON."""
    import logging

    import structlog

    from tests.doubles.clock import VirtualTimeLoop

    parser = argparse.ArgumentParser(prog="python -m benchmarks.process", description=__doc__)
    parser.add_argument("--minutes", type=int, default=60)
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        told = runner.run(_hour(given.minutes))
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
