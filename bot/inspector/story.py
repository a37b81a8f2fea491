"""One run with all that is known of it, and its chain: what happened when."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from uuid import UUID

from bot.inspector.figures import seconds
from bot.store import EditRow, MessageRow, RunRow, Store, TokenRow
from connectors.base import MessageRef
from providers.base import ANSWER_KINDS

STALL_US = 2_000_000
"""A silence of the model that is so long is marked."""
AROUND = 60
"""Characters before and after a place that are shown with it."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the chain; `at_us` since the run's start, None where its time is not kept."""

    name: str
    at_us: int | None
    detail: str = ""
    fault: bool = False


@dataclass(frozen=True, slots=True)
class Break:
    """A link that differs, and the place: the texts before it and from it on."""

    link: str
    detail: str
    position: int | None
    before: str
    generated: str
    """What the model made from there on."""
    found: str | None
    """What this link has there; None where only its length and hash were kept."""


@dataclass(frozen=True, slots=True)
class Story:
    """A run, its tokens, its calls to the platform, and its messages."""

    row: RunRow
    tokens: Sequence[TokenRow]
    edits: Sequence[EditRow]
    messages: Sequence[MessageRow]
    received_us: int | None
    """Since the epoch."""

    @property
    def run_id(self) -> UUID:
        """The run's id."""
        return self.row.run_id

    @property
    def text(self) -> str:
        """The answer: as the provider read it, or so far as the log has it."""
        if self.row.end is not None and self.row.text_deleted_us is None:
            return self.row.end.generated_text
        return self.recorded

    @property
    def recorded(self) -> str:
        """The answer as the log has it now."""
        return "".join(token.text for token in self.tokens if token.kind in ANSWER_KINDS)

    @property
    def generated_points(self) -> list[tuple[int, int]]:
        """Time and characters recorded by then."""
        points, chars = [], 0
        for token in self.tokens:
            if token.kind in ANSWER_KINDS:
                chars += len(token.text)
                points.append((token.at_us, chars))
        return points

    @property
    def shown_points(self) -> list[tuple[int, int]]:
        """Time and characters shown by then: when the platform had answered."""
        done = sorted((e.at_us + e.latency_us, e.position) for e in self.edits if e.error is None)
        points, most = [], 0
        for at_us, position in done:
            most = max(most, position)
            points.append((at_us, most))
        return points

    @property
    def stalls(self) -> list[tuple[int, int]]:
        """The model's long silences, from when to when; not the wait for its first token."""
        times = [token.at_us for token in self.tokens]
        return [(a, b) for a, b in pairwise(times) if b - a >= STALL_US]

    @property
    def refused(self) -> list[EditRow]:
        """The calls that the platform refused with a 429."""
        return [edit for edit in self.edits if (edit.error or "").startswith("RateLimited")]

    @property
    def span_us(self) -> int:
        """From the start to the last thing that is known."""
        times = [e.at_us + e.latency_us for e in self.edits] + [t.at_us for t in self.tokens[-1:]]
        if self.row.end is not None:
            times.append(self.row.end.ended_us - self.row.start.started_us)
        return max([1_000, *times])

    @property
    def most_behind(self) -> tuple[int, int]:
        """The most characters that the screen was behind, and when."""
        shown = self.shown_points
        times = [at for at, _ in shown]
        behind = (0, 0)
        for at_us, chars in self.generated_points:
            number = bisect_right(times, at_us)
            lag = chars - (shown[number - 1][1] if number else 0)
            behind = max(behind, (lag, at_us))
        return behind

    @property
    def receipt(self) -> dict[str, Any]:
        """The receipt as it is stored; empty where there is none."""
        end = self.row.end
        return dict(end.receipt) if end is not None and end.receipt is not None else {}

    @property
    def attempts(self) -> list[dict[str, Any]]:
        """The models' tries, where the first did not go well."""
        return [] if self.row.end is None else list(self.row.end.attempts or [])


async def tell(row: RunRow, store: Store) -> Story:
    """Reads all that belongs to a run. Raises `StoreUnavailable`."""
    run_id, start = row.run_id, row.start
    return Story(
        row,
        await store.tokens.read(run_id),
        await store.edits.read(run_id),
        await store.messages.read(run_id),
        await store.inbox.received_us(MessageRef(start.place, start.question_id)),
    )


def chain(story: Story) -> list[Step]:
    """The steps in order, save each edit."""
    return [*_beginning(story), *_attempts(story), *_middle(story), *_ending(story)]


def _beginning(story: Story) -> Iterator[Step]:
    start = story.row.start
    if story.received_us is not None:
        at_us = story.received_us - start.started_us
        yield Step("Received", at_us, f"from {start.place.connector}")
        yield Step("Stored", None, "in the inbox, before the platform was told")
    yield Step("Admitted and started", 0, f"as {start.kind}" if start.kind != "ask" else "")


def _attempts(story: Story) -> Iterator[Step]:
    for attempt in story.attempts:
        if attempt["kind"] == "first":
            continue
        seam = f", seam at character {attempt['chars']}" if attempt["chars"] else ""
        name = {"failover": "Failover", "retry": "Tried again", "trimmed": "Shortened"}
        detail = f"{attempt['model']}{seam}"
        yield Step(name.get(attempt["kind"], attempt["kind"]), attempt["at_us"], detail, True)


def _middle(story: Story) -> Iterator[Step]:
    end = story.row.end
    first_token = story.tokens[0].at_us if story.tokens else None
    first_text = next((e.at_us + e.latency_us for e in story.edits if e.error is None), None)
    if end is not None:
        first_token = end.first_token_us if end.first_token_us is not None else first_token
        first_text = end.first_text_us if end.first_text_us is not None else first_text
    if first_token is not None:
        yield Step("First token", first_token)
    if first_text is not None:
        yield Step("First text on the screen", first_text)
    for begun, over in story.stalls:
        yield Step("Model silent", begun, f"for {seconds(over - begun)}", True)
    for edit in story.refused:
        yield Step("Platform: 429", edit.at_us, edit.error or "", True)


def _ending(story: Story) -> Iterator[Step]:
    end = story.row.end
    if story.tokens:
        yield Step("Last token", story.tokens[-1].at_us)
    if end is None:
        yield Step("Not ended", None, "it runs, or its process died")
        return
    at_us = end.ended_us - story.row.start.started_us
    if end.verdict == "mended":
        yield Step("Mended", None, "the screen was made whole by the last edit", True)
    yield Step("Receipt", at_us, end.verdict or "none", end.verdict == "broken")
    yield Step("Ended", at_us, f"{end.outcome}{': ' + end.error if end.error else ''}")


def breaks(story: Story) -> list[Break]:
    """The links that differ, with the place."""
    return [_break(story, fault) for fault in story.receipt.get("faults", [])]


def _break(story: Story, fault: dict[str, Any]) -> Break:
    text, at = story.text, fault["position"]
    if at is None or story.row.text_deleted_us is not None:
        return Break(fault["link"], fault["detail"], at, "", "", None)
    found = None
    if fault["link"] == "recorded":
        found = story.recorded[at : at + AROUND]
    before = text[max(0, at - AROUND) : at]
    return Break(fault["link"], fault["detail"], at, before, text[at : at + AROUND], found)
