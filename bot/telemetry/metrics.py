"""The numbers of one process, in Prometheus' form: what is counted, and where it comes from."""

from __future__ import annotations

import asyncio
import platform
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol
from uuid import UUID

import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from bot.reply import Hearer, Taken
from bot.store import EditRow, EndedCall, RunEnd, RunStart
from connectors.base import ConnectorError
from providers.base import ProviderError

# Errors as few words: what is counted must not hold what a platform or a service has said.


OTHER = "other"
OK = "ok"


def _names(error: type[Exception]) -> frozenset[str]:
    below = (_names(each) for each in error.__subclasses__() if _is_seam(each))
    return frozenset({error.__name__}).union(*below)


def _is_seam(error: type[Exception]) -> bool:
    return error.__module__ in ("connectors.base.errors", "providers.base")


_WORDS = frozenset({
    "stop", "tool_calls", "function_call", "completed", "end_turn", "stop_sequence", "tool_use",
    "eos", "eos_token", "complete", "tool_call", "length", "max_length", "max_tokens",
    "max_output_tokens", "max_completion_tokens", "token_limit", "model_length",
    "model_context_window_exceeded", "content_filter", "safety", "recitation", "blocklist",
    "prohibited_content", "spii", "refusal", "sensitive", "image_safety",
    "image_prohibited_content", "image_recitation", "guardrail_intervened", "error", "abort",
    "aborted", "cancelled", "canceled", "failed", "timeout", "network_error", "server_error",
    "insufficient_system_resource", "other", "language", "pause_turn", "incomplete",
    "malformed_function_call", "unexpected_tool_call", "continuation",
})  # fmt: skip
"""The words for an answer's end that are told apart: those that services document."""

_CALL_ERRORS = _names(ConnectorError)
_LABELS = {"TooLarge": "TooLong"}
"""Errors whose label stays what dashboards know it as."""
_PROVIDERS = _names(ProviderError)


def call_result(error: str | None) -> str:
    """How a call went: `ok`, or the kind of its error (`RateLimited` is a 429)."""
    if error is None:
        return OK
    kind = _kind(error, _CALL_ERRORS)
    return _LABELS.get(kind, kind)


def provider_errors(model: str, end: RunEnd) -> Iterator[tuple[str, str]]:
    """Each failed try of a run: the model, and the kind of error."""
    if end.attempts:
        for attempt in end.attempts:
            if attempt["error"] is not None:
                yield attempt["model"], _kind(attempt["error"], _PROVIDERS)
    elif end.error is not None and (kind := _kind(end.error, _PROVIDERS)) != OTHER:
        yield model, kind


def word_label(word: str | None) -> str:
    """A service's word for an answer's end, where it is one of those that are known."""
    if word is None:
        return "none"
    return form if (form := word.lower()) in _WORDS else OTHER


def error_type(error: str | None) -> str | None:
    """The kind of error that ended a run, for traces; None where none did."""
    return None if error is None else _kind(error, _PROVIDERS)


def _kind(told: str, known: frozenset[str]) -> str:
    kind = told.partition(":")[0]
    return kind if kind in known else OTHER


CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_WAITS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 20, 30, 60, 120, 300, 600)
_CALLS = (0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1, 2, 5, 10, 30, 60)
_RUNS = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200)
_ROWS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
_GROUPS = (0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300)
_DELAYS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5)
_MOST_BLOCKS = 50
_BLOCK = re.compile(r"[a-z][a-z0-9_]{0,39}")


class Measure(NamedTuple):
    """One metric: a counter, or a histogram where it has buckets."""

    name: str
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


MEASURES = (
    Measure("runs", "Runs that ended", ("connector", "model", "kind", "outcome", "verdict")),
    Measure("generated_tokens", "Tokens that models streamed", ("connector", "model")),
    Measure("usage_tokens", "Tokens as services count", ("model", "type")),
    Measure("cost_usd", "US dollars, where a price is known", ("model",)),
    Measure("provider_errors", "Failed tries of models", ("model", "error")),
    Measure("attempts", "Tries after a run's first", ("model", "kind")),
    Measure("unknown_blocks", "Runs that are shown in blocks nobody knows", ("connector", "block")),
    Measure(
        "finishes",
        "How services ended answers: our reading, their word",
        ("model", "reason", "word"),
    ),
    Measure(
        "first_token_seconds", "From a run's start to its first token", ("model",), buckets=_WAITS
    ),
    Measure(
        "first_text_seconds",
        "From a run's start to the first text shown",
        ("connector",),
        buckets=_WAITS,
    ),
    Measure("run_seconds", "From a run's start to its end", ("connector",), buckets=_RUNS),
    Measure("calls", "Posts and edits, by how they went", ("connector", "call", "result")),
    Measure("call_seconds", "How long a post or edit took", ("connector", "call"), buckets=_CALLS),
    Measure("refusals", "Refusals of a platform, by what was done about it", ("connector", "rung")),
    Measure(
        "shown_lag_seconds", "How long text waited to be shown", ("connector",), buckets=_WAITS
    ),
    Measure("masked_values", "Values that services saw placeholders for", ("kind",)),
    Measure(
        "budget_wait_seconds",
        "How long a call waited for its budget, which processes share",
        ("connector",),
        buckets=_WAITS,
    ),
    Measure("redis_failures", "Times that Redis could not be reached"),
    Measure("tool_calls", "Tool calls, by how they ended", ("server", "state")),
    Measure("journal_group_rows", "Rows written together", buckets=_ROWS),
    Measure(
        "journal_group_seconds", "Age of a group's first row once it is durable", buckets=_GROUPS
    ),
    Measure("loop_delay_seconds", "How late the event loop wakes a task", buckets=_DELAYS),
)
"""What is counted and timed, in the order in which it is told."""


class Metrics:
    """Counts what it hears. Belongs to one process; nothing here is global."""

    def __init__(self, version: str) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self._blocks: set[str] = set()
        ProcessCollector(registry=self.registry)
        self._counters: dict[str, Counter] = {}
        self._histograms: dict[str, Histogram] = {}
        for measure in MEASURES:
            self._add(measure)
        build = self._gauge("build_info", "What runs; always 1", "version", "python")
        build.labels(version, platform.python_version()).set(1)
        self._connected = self._gauge(
            "connected", "1 while a platform's events can come in", "connector"
        )

    def _add(self, measure: Measure) -> None:
        name, registry = f"everytoken_{measure.name}", self.registry
        if measure.buckets:
            self._histograms[measure.name] = Histogram(
                name, measure.meaning, measure.labels, buckets=measure.buckets, registry=registry
            )
        else:
            self._counters[measure.name] = Counter(
                name, measure.meaning, measure.labels, registry=registry
            )

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(f"everytoken_{name}", meaning, labels, registry=self.registry)

    def _inc(self, name: str, *labels: str, by: float = 1) -> None:
        counter = self._counters[name]
        (counter.labels(*labels) if labels else counter).inc(by)

    def _observe(self, name: str, value: float, *labels: str) -> None:
        histogram = self._histograms[name]
        (histogram.labels(*labels) if labels else histogram).observe(value)

    # What is asked for when somebody looks.

    def gauge(self, name: str, meaning: str, value: Callable[[], float]) -> None:
        """A state that `value` tells."""
        Gauge(f"everytoken_{name}", meaning, registry=self.registry).set_function(value)

    def connector(self, name: str, connected: Callable[[], bool]) -> None:
        """A connector, and how to ask whether it is connected."""
        self._connected.labels(name).set_function(lambda: float(connected()))

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self.registry)

    # What is told.

    def began(self, start: RunStart) -> None:
        """Nothing is counted before a run's end."""

    def called(self, _run_id: UUID, connector: str, call: EditRow, lag_us: int | None) -> None:
        """Counts a post or an edit."""
        self._inc("calls", connector, call.call, call_result(call.error))
        self._observe("call_seconds", call.latency_us / 1e6, connector, call.call)
        if lag_us is not None:
            self._observe("shown_lag_seconds", lag_us / 1e6, connector)

    def refused(self, _run_id: UUID, connector: str, taken: Taken) -> None:
        """Counts a rung of the ladder (`bot.reply.ladder`)."""
        self._inc("refusals", connector, taken)

    def ended(self, start: RunStart, end: RunEnd, _generated_us: int | None) -> None:
        """Counts a run."""
        connector, model = start.place.connector, start.model
        verdict = end.verdict or "none"
        self._inc("runs", connector, model, start.kind, end.outcome, verdict)
        for block in (end.receipt or {}).get("unknown", ()):
            self._inc("unknown_blocks", connector, self.name_of(block))
        for kind, count in ((end.receipt or {}).get("masks") or {}).get("kinds", {}).items():
            self._inc("masked_values", kind.lower(), by=count)
        self._inc("generated_tokens", connector, model, by=end.tokens)
        took_s = max(0, end.ended_us - start.started_us) / 1e6
        self._observe("run_seconds", took_s, connector)
        if end.first_token_us is not None:
            self._observe("first_token_seconds", end.first_token_us / 1e6, model)
        if end.first_text_us is not None:
            self._observe("first_text_seconds", end.first_text_us / 1e6, connector)
        self._count_usage(model, end)
        word = word_label(end.finish_word)
        self._inc("finishes", model, end.finish_reason or "none", word)
        for tried, error in provider_errors(model, end):
            self._inc("provider_errors", tried, error)
        for attempt in end.attempts or ():
            if attempt["kind"] != "first":
                self._inc("attempts", attempt["model"], attempt["kind"])

    def tool_ended(self, call: EndedCall) -> None:
        """Counts a tool call, by its last state (`bot.store.calls`)."""
        self._inc("tool_calls", call.server or "none", call.state)

    def waited(self, connector: str, seconds: float) -> None:
        """A call was granted by a budget that processes share."""
        self._observe("budget_wait_seconds", seconds, connector)

    def redis_failed(self) -> None:
        """Redis could not be reached."""
        self._inc("redis_failures")

    def written(self, rows: int, age_s: float) -> None:
        """The journal has written a group; its first row was `age_s` seconds old."""
        self._observe("journal_group_rows", rows)
        self._observe("journal_group_seconds", age_s)

    def late(self, seconds: float) -> None:
        """The event loop woke a task so late."""
        self._observe("loop_delay_seconds", seconds)

    def name_of(self, block: str) -> str:
        """A block's name as a label: a platform chose it, so what it may be is bounded."""
        if len(self._blocks) < _MOST_BLOCKS and _BLOCK.fullmatch(block):
            self._blocks.add(block)
        return block if block in self._blocks else "other"

    def _count_usage(self, model: str, end: RunEnd) -> None:
        for name, tokens in (
            ("input", end.input_tokens),
            ("cached_input", end.cached_input_tokens),
            ("output", end.output_tokens),
        ):
            if tokens is not None:
                self._inc("usage_tokens", model, name, by=tokens)
        if end.cost_microusd is not None:
            self._inc("cost_usd", model, by=end.cost_microusd / 1e6)


# What those who watch hear of, and how they are told: none can harm what is watched.


log = structlog.get_logger(__name__)


class Watch(Hearer, Protocol):
    """Hears what happens. No method waits or raises; none is called for single tokens."""

    def began(self, start: RunStart) -> None:
        """A run began."""
        ...

    def tool_ended(self, call: EndedCall) -> None:
        """A call of a tool ended."""
        ...

    def ended(self, start: RunStart, end: RunEnd, generated_us: int | None) -> None:
        """A run ended. `generated_us`: when its model had, in microseconds since its start."""
        ...


class Watchers:
    """Tells several; one that fails is reported, and the others and the run go on."""

    def __init__(self, watchers: Sequence[Watch] = ()) -> None:
        self._watchers = tuple(watchers)

    def began(self, start: RunStart) -> None:
        """Tells each."""
        self._tell(lambda watcher: watcher.began(start))

    def called(self, run_id: UUID, connector: str, call: EditRow, lag_us: int | None) -> None:
        """Tells each."""
        self._tell(lambda watcher: watcher.called(run_id, connector, call, lag_us))

    def refused(self, run_id: UUID, connector: str, taken: Taken) -> None:
        """Tells each."""
        self._tell(lambda watcher: watcher.refused(run_id, connector, taken))

    def tool_ended(self, call: EndedCall) -> None:
        """Tells each."""
        self._tell(lambda watcher: watcher.tool_ended(call))

    def ended(self, start: RunStart, end: RunEnd, generated_us: int | None) -> None:
        """Tells each."""
        self._tell(lambda watcher: watcher.ended(start, end, generated_us))

    def _tell(self, told: Callable[[Watch], None]) -> None:
        for watcher in self._watchers:
            try:
                told(watcher)
            except Exception:
                log.exception("watch.broke", watcher=type(watcher).__name__)


UNWATCHED = Watchers()
"""Nobody watches."""


# Whether the event loop turns: everything in the bot waits for it.


EVERY_S = 1.0


async def watch_loop(late: Callable[[float], None]) -> None:
    """Tells, once a second for ever, how many seconds late the loop woke this task."""
    clock = asyncio.get_running_loop().time
    while True:
        due = clock() + EVERY_S
        await asyncio.sleep(EVERY_S)
        late(max(0.0, clock() - due))
