"""A run's tool calls, as people and programs are told of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from bot.inspector.formats import seconds
from bot.store import CallRow, RunStart
from bot.words import english


@dataclass(frozen=True, slots=True)
class CallSpan:
    """A call on a run's page. Times are in microseconds since the run's start.

    The database's clock gave them, which is not quite the run's: none is before the start.
    """

    row: CallRow
    begun_us: int
    """When it was asked for; of a call that waited in an earlier run, when it was sent."""
    sent_us: int | None
    ended_us: int | None
    elsewhere: UUID | None
    """The other run, where one asked for it and another one sent it."""
    asked_here: bool

    @property
    def name(self) -> str:
        """Server and tool. Both are foreign text."""
        asked = self.row.asked
        return f"{asked.server}.{asked.tool}" if asked.server else asked.tool

    @property
    def waited_us(self) -> int | None:
        """How long a person took to decide; None where nobody was waited for."""
        times = self.row.times
        decided = times["approved_us"] or times["ended_us"]
        if self.row.until_us is None or not decided or not times["decided_us"]:
            return None
        return max(0, decided - times["decided_us"])

    @property
    def took_us(self) -> int | None:
        """From the first byte to the answer; None where it was not sent, or is under way."""
        sent, ended = self.row.times["sent_us"], self.row.times["ended_us"]
        return max(0, ended - sent) if sent and ended else None

    @property
    def by(self) -> str:
        """Who decided about it, or why nobody had to."""
        if self.row.approver:
            return self.row.approver
        return "" if self.row.reason is None else english(self.row.reason)

    @property
    def summary(self) -> str:
        """Its state in a line."""
        took = "" if self.took_us is None else f" in {seconds(self.took_us)}"
        by = f", {self.by}" if self.by else ""
        return f"{self.name}: {self.row.state}{took}{by}"


def spans(start: RunStart, calls: Sequence[CallRow]) -> Iterator[CallSpan]:
    """The calls of a run, and those that it sent for another one, in order."""
    for row in calls:
        here = row.key.run_id == start.run_id
        sent, ended = row.times["sent_us"], row.times["ended_us"]
        begun = row.times["asked_us"] if here else sent
        other = row.sender if here else row.key.run_id
        yield CallSpan(
            row=row,
            begun_us=max(0, (begun or start.started_us) - start.started_us),
            sent_us=None if sent is None else max(0, sent - start.started_us),
            ended_us=None if ended is None else max(0, ended - start.started_us),
            elsewhere=None if other == start.run_id else other,
            asked_here=here,
        )


def call_line(call: CallRow) -> str:
    """A tool call: which, how it stands, who allowed it, and why."""
    by = f", by {call.approver}" if call.approver else ""
    why = f": {english(call.reason)}" if call.reason is not None else ""
    late = " (an answer came later)" if call.late is not None else ""
    sent_us, ended_us = call.times["sent_us"], call.times["ended_us"]
    took = f" in {(ended_us - sent_us) / 1e6:.1f} s" if sent_us and ended_us else ""
    return f"{call.asked.server}.{call.asked.tool} {call.state}{took}{by}{late}{why}"


def call_as_dict(call: CallRow) -> dict[str, Any]:
    """A tool call as JSON has it; times in microseconds since the epoch."""
    named = {"n": call.key.n, "server": call.asked.server, "tool": call.asked.tool}
    told = asdict(call) | named | dict(call.times)
    told["reason"] = None if call.reason is None else english(call.reason)
    told["sender"] = None if call.sender is None else str(call.sender)
    for name in ("key", "times", "loop"):  # the last has what others said before
        del told[name]
    return told
