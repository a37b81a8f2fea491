"""One, three and ten answers at once, over sockets: how stale they are and when they are whole.

The real bot, the real SDKs, and the doubles with their limits; 1,500 tokens each at 50 a second.
"""

from __future__ import annotations

from statistics import median

from benchmarks import twenty_on_discord, twenty_on_slack
from benchmarks.answers import stale_s, whole_s
from benchmarks.arguments import Load
from benchmarks.figures import Figure
from benchmarks.model_server import words

_SLACK_AIMS = {1: 0.35, 3: 0.55}


def measure(*, short: bool = False) -> list[Figure]:
    """Staleness of few answers on Slack; ten in one Discord channel, with and without threads."""
    tokens = 50 if short else 1500
    figures = []
    for answers, aim in _SLACK_AIMS.items():
        for streaming in ("edit",) if short else ("edit", "native"):
            given = Load(answers, tokens)
            found, report = twenty_on_slack.asked(given, streaming)
            name = f"slack_{answers}" if streaming == "edit" else f"slack_{answers}_native"
            stale = round(stale_s(found, given.rate, _per_token(tokens)), 2)
            figures += [
                Figure(f"{name}_stale_s", stale, "s", aim if streaming == "edit" else None),
                Figure(f"{name}_429s", len(report["rate_limited"]), "calls", 0),
            ]
    crowds = ((1, "false"), (10, "false"), (10, "true"))
    for answers, threads in crowds[1:2] if short else crowds:
        figures += _discord(Load(answers, tokens), threads)
    return figures


def _discord(given: Load, threads: str) -> list[Figure]:
    found, report = twenty_on_discord.asked(given, 0, DISCORD_THREADS=threads)
    whole = whole_s(found, given.tokens, given.rate)
    stale = round(stale_s(found, given.rate, _per_token(given.tokens)), 2)
    name = f"discord_{given.answers}_one_channel" + ("_threads" if threads == "true" else "")
    aim = 15.0 if given.answers == 10 else None
    return [
        Figure(f"{name}_whole_s", round(median(whole), 2), "s", aim),
        Figure(f"{name}_whole_worst_s", round(max(whole), 2), "s"),
        Figure(f"{name}_stale_s", stale, "s"),
        Figure(f"{name}_429s", len(report["rate_limited"]), "calls", 0),
    ]


def _per_token(tokens: int) -> float:
    return len("".join(words(tokens))) / tokens
