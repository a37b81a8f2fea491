"""One run with all that is known of it, and its chain: what happened when."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, groupby, pairwise
from typing import Any
from uuid import UUID

from bot.inspector.formats import plural, seconds
from bot.store import EditRow, MessageRow, RunRow, Store, TokenRow
from connectors.base import MessageRef
from providers.base import ANSWER_KINDS

STALL_US = 2_000_000
"""A silence of the model that is so long is marked."""
AROUND = 60
"""Characters before and after a place that are shown with it."""


@dataclass(frozen=True, slots=True)
class ChainStep:
    """A step of the chain; `at_us` since the run's start, None where its time is not kept."""

    name: str
    at_us: int | None
    detail: str = ""
    fault: bool = False
    calls: tuple[EditRow, ...] = ()
    """The calls to the platform that this step stands for, one after the other."""


@dataclass(frozen=True, slots=True)
class ChainBreak:
    """A link that differs, and the place: the texts before it and from it on."""

    link: str
    detail: str
    position: int | None
    before: str
    generated: str
    """What the model made from there on."""
    found: str | None
    """What this link has there; None where only its length and hash were kept."""


@dataclass(frozen=True)
class Story:
    """A run, its tokens, its calls to the platform, and its messages.

    What is worked out of them is worked out once: a long run has tens of thousands of tokens.
    """

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

    @cached_property
    def text(self) -> str:
        """The answer: as the provider read it, or so far as the log has it."""
        if self.row.end is not None and self.row.text_deleted_us is None:
            return self.row.end.generated_text
        return self.recorded

    @cached_property
    def recorded(self) -> str:
        """The answer as the log has it now."""
        return "".join(token.text for token in self.tokens if token.kind in ANSWER_KINDS)

    @cached_property
    def generated_points(self) -> list[tuple[int, int]]:
        """Time and characters recorded by then."""
        told = [token for token in self.tokens if token.kind in ANSWER_KINDS]
        chars = accumulate(len(token.text) for token in told)
        return list(zip([token.at_us for token in told], chars, strict=True))

    @cached_property
    def shown_points(self) -> list[tuple[int, int]]:
        """Time and characters shown by then: when the platform had answered."""
        done = sorted((e.at_us + e.latency_us, e.position) for e in self.edits if e.error is None)
        points, most = [], 0
        for at_us, position in done:
            most = max(most, position)
            points.append((at_us, most))
        return points

    @cached_property
    def stalls(self) -> list[tuple[int, int]]:
        """The model's long silences, from when to when; not the wait for its first token."""
        times = [token.at_us for token in self.tokens]
        return [(a, b) for a, b in pairwise(times) if b - a >= STALL_US]

    @cached_property
    def refused(self) -> list[EditRow]:
        """The calls that the platform refused with a 429."""
        return [edit for edit in self.edits if edit.limited]

    @cached_property
    def span_us(self) -> int:
        """From the start to the last thing that is known."""
        times = [e.at_us + e.latency_us for e in self.edits] + [t.at_us for t in self.tokens[-1:]]
        if self.row.end is not None:
            times.append(self.row.end.ended_us - self.row.start.started_us)
        return max([1_000, *times])

    @cached_property
    def most_behind(self) -> tuple[int, int]:
        """The most characters that the screen was behind, and when."""
        shown = self.shown_points
        times = [at for at, _ in shown]
        seen = [0, *(chars for _, chars in shown)]
        lags = ((n - seen[bisect_right(times, at)], at) for at, n in self.generated_points)
        return max([(0, 0), *lags])

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


def chain(story: Story) -> list[ChainStep]:
    """The steps in order; calls with nothing between them are one step."""
    middle = sorted([*_attempts(story), *_middle(story)], key=lambda step: step.at_us or 0)
    return [*_beginning(story), *_together(middle), *_ending(story)]


def _together(steps: Iterable[ChainStep]) -> Iterator[ChainStep]:
    for called, some in groupby(steps, key=lambda step: bool(step.calls)):
        if called:
            yield _calls(tuple(call for step in some for call in step.calls))
        else:
            yield from some


def _calls(calls: tuple[EditRow, ...]) -> ChainStep:
    posts = sum(call.call == "post" for call in calls)
    kinds = [(posts, "post"), (len(calls) - posts, "edit")]
    name = ", ".join(plural(number, kind) for number, kind in kinds if number)
    last = calls[-1]
    until = f", until {seconds(last.at_us + last.latency_us)}" if len(calls) > 1 else ""
    shown = plural(last.position, "character")
    return ChainStep(name.capitalize(), calls[0].at_us, f"{shown} shown{until}", calls=calls)


def _beginning(story: Story) -> Iterator[ChainStep]:
    start = story.row.start
    if story.received_us is not None:
        at_us = story.received_us - start.started_us
        yield ChainStep("Received", at_us, f"from {start.place.connector}")
        yield ChainStep("Stored", None, "in the inbox, before the platform was told")
    yield ChainStep("Admitted and started", 0, f"as {start.kind}" if start.kind != "ask" else "")


def _attempts(story: Story) -> Iterator[ChainStep]:
    for attempt in story.attempts:
        if attempt["kind"] == "first":
            continue
        seam = f", seam at character {attempt['chars']}" if attempt["chars"] else ""
        name = {"failover": "Failover", "retry": "Tried again", "trimmed": "Shortened"}
        detail = f"{attempt['model']}{seam}"
        yield ChainStep(name.get(attempt["kind"], attempt["kind"]), attempt["at_us"], detail, True)


def _middle(story: Story) -> Iterator[ChainStep]:
    end = story.row.end
    first_token = story.tokens[0].at_us if story.tokens else None
    first_text = next((e.at_us + e.latency_us for e in story.edits if e.error is None), None)
    if end is not None:
        first_token = end.first_token_us if end.first_token_us is not None else first_token
        first_text = end.first_text_us if end.first_text_us is not None else first_text
    if first_token is not None:
        yield ChainStep("First token", first_token)
    if first_text is not None:
        yield ChainStep("First text on the screen", first_text)
    for begun, over in story.stalls:
        yield ChainStep("Model silent", begun, f"for {seconds(over - begun)}", True)
    for edit in story.edits:
        if edit.error is None:
            yield ChainStep("", edit.at_us, calls=(edit,))
        else:
            name = "429" if edit.limited else "refused"
            yield ChainStep(f"Platform: {name}", edit.at_us, f"{edit.call}: {edit.error}", True)
    if story.tokens:
        yield ChainStep("Last token", story.tokens[-1].at_us)


def _ending(story: Story) -> Iterator[ChainStep]:
    end = story.row.end
    if end is None:
        yield ChainStep("Not ended", None, "it runs, or its process died")
        return
    at_us = end.ended_us - story.row.start.started_us
    if end.finish_word:
        odd = end.finish_reason in (None, "unknown")
        yield ChainStep("The service's last word", None, end.finish_word, odd)
    if end.verdict == "mended":
        whole = story.shown_points[-1][0] if story.shown_points else None
        yield ChainStep("Mended", whole, "by then the screen was whole", True)
    yield ChainStep("Receipt", at_us, end.verdict or "none", end.verdict == "broken")
    yield ChainStep("Ended", at_us, f"{end.outcome}{': ' + end.error if end.error else ''}")


def breaks(story: Story) -> list[ChainBreak]:
    """The links that differ, with the place."""
    return [_break(story, fault) for fault in story.receipt.get("faults", [])]


def _break(story: Story, fault: dict[str, Any]) -> ChainBreak:
    text, at = story.text, fault["position"]
    if at is None or story.row.text_deleted_us is not None:
        return ChainBreak(fault["link"], fault["detail"], at, "", "", None)
    found = None
    if fault["link"] == "recorded":
        found = story.recorded[at : at + AROUND]
    before = text[max(0, at - AROUND) : at]
    return ChainBreak(fault["link"], fault["detail"], at, before, text[at : at + AROUND], found)
