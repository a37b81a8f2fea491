"""What the bot's own database says of the answers that a benchmark asked for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from benchmarks.figures import Figure
from bot.store import EditRow, RunEnd, RunRow, open_store

_MOST_SECONDS = 600.0


@dataclass(frozen=True)
class Answered:
    """One run that has ended, and the calls that showed it."""

    row: RunRow
    end: RunEnd
    edits: list[EditRow]


def answered(folder: Path, count: int) -> list[Answered]:
    """Waits for so many runs to have ended."""
    began = monotonic()
    while monotonic() - began < _MOST_SECONDS:
        sleep(1.0)
        found = asyncio.run(_ended(folder))
        if len(found) >= count:
            return found
    raise TimeoutError(f"not all answers were there after {_MOST_SECONDS:g} s")


async def _ended(folder: Path) -> list[Answered]:
    store = open_store(f"sqlite:///{folder / 'everytoken.db'}")
    try:
        rows = await store.runs.recent(1000)
        return [
            Answered(row, row.end, await store.edits.read(row.run_id))
            for row in rows
            if row.end is not None
        ]
    finally:
        await store.aclose()


def stale_s(found: list[Answered], rate: float, per_token: float) -> float:
    """Mean seconds a character from generated to shown; tokens come evenly, `rate` a second.

    The first one came when the run's first token did; `per_token` are a token's characters.
    """
    waited = characters = 0.0
    for each in found:
        began, shown = (each.end.first_token_us or 0) / 1e6, 0
        for edit in each.edits:
            if edit.error is None and edit.position > shown:
                at = (edit.at_us + edit.latency_us) / 1e6 - began
                middle = (shown + edit.position) / 2 / per_token / rate
                waited += (at - middle) * (edit.position - shown)
                shown = edit.position
        characters += shown
    return waited / characters


def whole_s(found: list[Answered], tokens: int, rate: float) -> list[float]:
    """Seconds from each answer's last token until all of it was shown."""
    return [
        (each.edits[-1].at_us + each.edits[-1].latency_us - (each.end.first_token_us or 0)) / 1e6
        - tokens / rate
        for each in found
    ]


def times(prefix: str, found: list[Answered], text: str) -> list[Figure]:
    """Whether all is whole and verified, and how long it took; `text` is each answer's."""
    bad = [a for a in found if a.end.generated_text != text or a.end.verdict != "verified"]
    first = max(a.end.first_text_us or 0 for a in found)
    longest = max(a.end.ended_us - a.row.start.started_us for a in found)
    slowest = max(edit.latency_us for a in found for edit in a.edits)
    return [
        Figure(f"{prefix}_unverified", len(bad), "answers", 0),
        Figure(f"{prefix}_first_text_worst_s", round(first / 1e6, 2), "s"),
        Figure(f"{prefix}_longest_s", round(longest / 1e6, 1), "s"),
        Figure(f"{prefix}_slowest_call_s", round(slowest / 1e6, 3), "s"),
    ]
