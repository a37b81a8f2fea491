"""OpenTelemetry traces: one per run, whose trace id is the run's id.

While a run lasts, only its posts are noted. Its spans are made at its end, with the times at which
things happened, and sent by OpenTelemetry's own thread. They never contain text. Names follow the
semantic conventions for generative AI.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.util.types import AttributeValue

from bot.reply import Taken
from bot.store import EditRow, EndedCall, RunEnd, RunStart
from bot.telemetry.metrics import error_type

SEND_DEADLINE_S = 3
"""Export timeout in seconds for one batch; shutdown waits this long for it."""

_PROVIDERS = {"azure": "azure.ai.openai"}
"""The conventions' names of services, where they differ from those in the setting MODEL."""
_BAD = {"failed", "undeliverable", "interrupted"}

Attributes = dict[str, AttributeValue]


@dataclass(slots=True)
class _Open:
    """A run that has not ended: when each of its parts was first posted, and how long that took
    (microseconds); its calls of tools, and when each had ended.
    """

    began_s: float
    posts: dict[int, tuple[int, int]] = field(default_factory=dict)
    calls: list[tuple[EndedCall, int]] = field(default_factory=list)


class _RunIds(IdGenerator):
    """Gives each trace the id of its run, so that either can be found by the other.

    OpenTelemetry asks for an id without saying what for, so `run_id` is set just before.
    """

    def __init__(self) -> None:
        self.run_id = UUID(int=0)

    def generate_trace_id(self) -> int:
        return self.run_id.int

    def generate_span_id(self) -> int:
        return random.getrandbits(64) or 1


class Tracing:
    """Makes the spans of each run once it has ended. Use it in one event loop only."""

    def __init__(self, processor: SpanProcessor, version: str) -> None:
        self._ids = _RunIds()
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": "everytoken", "service.version": version}),
            id_generator=self._ids,
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("everytoken", version)
        self._open: dict[UUID, _Open] = {}

    def began(self, start: RunStart) -> None:
        """Notes that a run has begun."""
        self._open[start.run_id] = _Open(asyncio.get_running_loop().time())

    def called(self, run_id: UUID, _connector: str, call: EditRow, _lag_us: int | None) -> None:
        """Notes the first post of each part."""
        run = self._open.get(run_id)
        if run is not None and call.call == "post" and call.error is None:
            run.posts.setdefault(call.part, (call.at_us, call.latency_us))

    def refused(self, run_id: UUID, connector: str, taken: Taken) -> None:
        """Makes no span: the calls have theirs."""

    def tool_ended(self, call: EndedCall) -> None:
        """Notes a call of a tool."""
        if (run := self._open.get(call.run_id)) is not None:
            at_us = round((asyncio.get_running_loop().time() - run.began_s) * 1_000_000)
            run.calls.append((call, at_us))

    def ended(self, start: RunStart, end: RunEnd, generated_us: int | None) -> None:
        """Makes the run's spans, unless the run began in another process, which had its posts."""
        run = self._open.pop(start.run_id, None)
        if run is None:
            return
        self._ids.run_id = start.run_id
        root = self._tracer.start_span(
            "invoke_agent everytoken",
            kind=SpanKind.INTERNAL,
            attributes=_of_run(start, end),
            start_time=start.started_us * 1000,
        )
        if not isinstance(root, Span):  # not sampled
            return
        whole_us = max(0, end.ended_us - start.started_us)
        done_us = whole_us if generated_us is None else min(generated_us, whole_us)
        self._generation(root, start, end, done_us)
        for part, (at_us, took_us) in sorted(run.posts.items()):
            self._child(root, start, f"post part {part}", at_us, at_us + took_us, {})
        for call, at_us in run.calls:
            self._call(root, start, call, at_us)
        self._child(root, start, "settle", done_us, whole_us, {})
        _judge(root, end)
        root.end(end.ended_us * 1000)

    async def aclose(self) -> None:
        """Sends what is left; raises `TimeoutError` if that takes too long.

        In a daemon thread, because a receiver that hangs must not keep the process from exiting.
        """
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def close() -> None:
            self._provider.shutdown()
            loop.call_soon_threadsafe(done.set)

        threading.Thread(target=close, name="traces", daemon=True).start()
        async with asyncio.timeout(SEND_DEADLINE_S + 1):
            await done.wait()

    def _generation(self, root: Span, start: RunStart, end: RunEnd, done_us: int) -> None:
        model = start.model.partition(":")[2] or start.model
        span = self._child(
            root, start, f"chat {model}", 0, None, _of_generation(start, end), SpanKind.CLIENT
        )
        for attempt in end.attempts or ():
            about = {name: attempt[name] for name in ("model", "kind", "chars")}
            if attempt["error"] is not None:
                about["error.type"] = error_type(attempt["error"]) or ""
            at_us = start.started_us + attempt["at_us"]
            span.add_event("attempt", about, timestamp=at_us * 1000)
        if (kind := error_type(end.error)) is not None:
            span.set_status(Status(StatusCode.ERROR, kind))
        span.end((start.started_us + done_us) * 1000)

    def _call(self, root: Span, start: RunStart, call: EndedCall, ended_us: int) -> None:
        began_us = max(0, ended_us - round(call.seconds * 1_000_000))
        name = call.tool or "unknown"
        span = self._child(root, start, f"execute_tool {name}", began_us, None, _of_call(call))
        if call.state != "answered":
            span.set_status(Status(StatusCode.ERROR, call.state))
        span.end((start.started_us + ended_us) * 1000)

    def _child(
        self,
        root: Span,
        start: RunStart,
        name: str,
        from_us: int,
        to_us: int | None,
        attributes: Attributes,
        kind: SpanKind = SpanKind.INTERNAL,
    ) -> Span:
        span = self._tracer.start_span(
            name,
            context=set_span_in_context(root),
            kind=kind,
            attributes=attributes,
            start_time=(start.started_us + from_us) * 1000,
        )
        if to_us is not None:
            span.end((start.started_us + to_us) * 1000)
        return span  # type: ignore[return-value]  # sampled as its parent is


def otlp_tracing(endpoint: str, headers: str, version: str) -> Tracing:
    """Traces sent by OTLP over HTTP. `headers` are written `name=value,name=value`.

    What can't be sent in time is dropped, so that traces never slow down the bot.
    """
    exporter = OTLPSpanExporter(
        endpoint=f"{endpoint.rstrip('/')}/v1/traces",
        headers=dict(_pairs(headers)),
        timeout=SEND_DEADLINE_S,
    )
    return Tracing(BatchSpanProcessor(exporter), version)


def _pairs(headers: str) -> Iterator[tuple[str, str]]:
    for pair in filter(None, headers.split(",")):
        name, _, value = pair.partition("=")
        yield name.strip().lower(), value.strip()


def _of_run(start: RunStart, end: RunEnd) -> Attributes:
    place = start.place
    attributes: Attributes = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "everytoken",
        "gen_ai.conversation.id": ":".join(
            filter(None, (place.connector, place.workspace, place.channel, place.thread))
        ),
        "everytoken.run_id": str(start.run_id),
        "everytoken.connector": place.connector,
        "everytoken.kind": start.kind,
        "everytoken.outcome": str(end.outcome),
        "everytoken.verdict": str(end.verdict or "none"),
        "everytoken.tokens": end.tokens,
    }
    if end.first_text_us is not None:
        attributes["everytoken.first_text_us"] = end.first_text_us
    return attributes


def _of_generation(start: RunStart, end: RunEnd) -> Attributes:
    provider, _, model = start.model.partition(":")
    known: dict[str, AttributeValue | None] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": _PROVIDERS.get(provider, provider),
        "gen_ai.request.model": model or start.model,
        "gen_ai.request.stream": True,
        "gen_ai.response.finish_reasons": [end.finish_reason] if end.finish_reason else None,
        "gen_ai.response.time_to_first_chunk": (
            None if end.first_token_us is None else end.first_token_us / 1e6
        ),
        "gen_ai.usage.input_tokens": end.input_tokens,
        "gen_ai.usage.cache_read.input_tokens": end.cached_input_tokens,
        "gen_ai.usage.output_tokens": end.output_tokens,
        "error.type": error_type(end.error),
    }
    return {name: value for name, value in known.items() if value is not None}


def _of_call(call: EndedCall) -> Attributes:
    attributes: Attributes = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": call.tool or "unknown",
        "gen_ai.tool.call.id": call.call_id,
        "gen_ai.tool.type": "function",
        "everytoken.tool.server": call.server or "none",
        "everytoken.tool.state": call.state,
    }
    return attributes if call.state == "answered" else {**attributes, "error.type": call.state}


def _judge(root: Span, end: RunEnd) -> None:
    """Marks the run as an error if the reader did not get everything that the model gave."""
    if end.outcome in _BAD or end.verdict == "broken":
        root.set_status(Status(StatusCode.ERROR, f"{end.outcome}, {end.verdict or 'none'}"))
