"""Traces: one for each run, under its id, with the conventions' names and nobody's text."""

from __future__ import annotations

import asyncio
import gzip
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from opentelemetry.trace import StatusCode

from bot.app.monitoring import watching
from bot.app.wiring import make_tracer
from bot.settings import Settings
from bot.store import Store
from bot.telemetry import Metrics, Watchers
from bot.telemetry.tracing import Tracing
from bot.tools import Caller, Servers, Toolbox, ToolOptions
from providers.base import Disconnected, Usage
from providers.scripted import CallTool, Fail, Finish, Pause, ScriptedProvider
from tests.doubles.way import a_way
from tests.unit.tools.test_loop import CLOCK, Clock
from tests.unit.watch.test_metrics import END, START

SECRET = "What is my secret plan?"


class Seen:
    """The spans of one run, by their names."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracing = Tracing(SimpleSpanProcessor(self.exporter), "1.2.3")

    @property
    def spans(self) -> dict[str, ReadableSpan]:
        return {span.name: span for span in self.exporter.get_finished_spans()}

    @property
    def generation(self) -> ReadableSpan:
        return next(span for name, span in self.spans.items() if name.startswith("chat "))


@pytest.fixture
def seen() -> Seen:
    return Seen()


def took_s(span: ReadableSpan) -> float:
    assert span.end_time is not None
    assert span.start_time is not None
    return (span.end_time - span.start_time) / 1e9


async def test_a_run_is_one_trace_under_its_own_id(seen: Seen) -> None:
    provider = ScriptedProvider(
        ["One", Pause(10), " two", Finish("stop", Usage(7, 2, 3))], name="azure:gpt-x"
    )
    async with a_way(provider=provider, watch=seen.tracing) as way:
        result = await way.answer(SECRET)
    assert sorted(seen.spans) == [
        "chat gpt-x",
        "invoke_agent everytoken",
        "post part 0",
        "settle",
    ]
    assert {span.context.trace_id for span in seen.spans.values()} == {result.run_id.int}
    root = seen.spans["invoke_agent everytoken"]
    assert root.parent is None
    for name, span in seen.spans.items():
        if span is not root:
            assert span.parent is not None, name
            assert span.parent.span_id == root.context.span_id


async def test_the_spans_say_when_and_how_long(seen: Seen) -> None:
    async with a_way(["One", Pause(10), " two", Finish()], watch=seen.tracing) as way:
        await way.answer()
    root, generation = seen.spans["invoke_agent everytoken"], seen.generation
    assert took_s(generation) == pytest.approx(10, abs=0.5)
    assert took_s(root) >= took_s(generation)
    post = seen.spans["post part 0"]
    assert root.start_time is not None
    assert post.start_time is not None
    assert 0.1 < (post.start_time - root.start_time) / 1e9 < 2
    settle = seen.spans["settle"]
    assert (settle.start_time, settle.end_time) == (generation.end_time, root.end_time)


async def test_the_names_are_the_conventions(seen: Seen) -> None:
    provider = ScriptedProvider(["Hi", Finish("stop", Usage(7, 2, 3))], name="azure:gpt-x")
    async with a_way(provider=provider, watch=seen.tracing) as way:
        await way.answer()
    known = {value for name, value in vars(gen_ai_attributes).items() if name.startswith("GEN_AI_")}
    for span in seen.spans.values():
        ours = {name for name in span.attributes or {} if name.startswith("gen_ai.")}
        assert ours <= known
    said = dict(seen.generation.attributes or {})
    assert said.pop("gen_ai.response.time_to_first_chunk") == pytest.approx(0, abs=0.1)
    assert said == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "azure.ai.openai",
        "gen_ai.request.model": "gpt-x",
        "gen_ai.request.stream": True,
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 2,
        "gen_ai.usage.cache_read.input_tokens": 3,
    }


async def test_a_failure_is_an_error_in_run_and_generation(seen: Seen) -> None:
    async with a_way(["Half", Fail(Disconnected("a secret address"))], watch=seen.tracing) as way:
        await way.answer(SECRET)
    assert (seen.generation.attributes or {})["error.type"] == "Disconnected"
    for span in (seen.generation, seen.spans["invoke_agent everytoken"]):
        assert span.status.status_code is StatusCode.ERROR
    assert "secret" not in "".join(span.to_json() for span in seen.spans.values())


async def test_each_further_try_is_an_event(seen: Seen) -> None:
    tries = [
        {"model": "openai:a", "kind": "first", "at_us": 0, "chars": 0, "error": "Stalled: 60 s"},
        {"model": "openai:b", "kind": "failover", "at_us": 900, "chars": 4, "error": None},
    ]
    seen.tracing.began(START)
    seen.tracing.ended(START, replace(END, attempts=tries), 1_000)
    events = [dict(event.attributes or {}) for event in seen.generation.events]
    assert [event["kind"] for event in events] == ["first", "failover"]
    assert [event.get("error.type") for event in events] == ["Stalled", None]


def test_another_processs_run_is_not_traced_here(seen: Seen) -> None:
    seen.tracing.ended(START, END, None)
    assert seen.spans == {}


class Receiver:
    """Takes what is sent by OTLP over HTTP, and keeps it."""

    def __init__(self, server: HTTPServer) -> None:
        self.url = f"http://127.0.0.1:{server.server_port}"
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.spans: list[Any] = []

    def take(self, path: str, headers: dict[str, str], body: bytes) -> None:
        packed = headers.get("content-encoding") == "gzip"
        sent = ExportTraceServiceRequest.FromString(gzip.decompress(body) if packed else body)
        self.paths.append(path)
        self.headers.append(headers)
        scopes = [s for r in sent.resource_spans for s in r.scope_spans]
        self.spans += [span for scope in scopes for span in scope.spans]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            found.take(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_given: Any) -> None:
            """Says nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        found = Receiver(server)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield found
        server.shutdown()
        thread.join()


@pytest.mark.real_time
async def test_a_receiver_gets_the_spans_by_otlp(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the settings alone; what is left is sent when the bot closes."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url + "/")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "X-Key=s3cret, x-team=a=b")
    settings = Settings(_env_file=None)
    assert "s3cret" not in repr(settings)
    tracer = make_tracer(settings)
    assert tracer is not None
    async with (
        watching(Metrics(""), tracer),
        a_way(["Hello.", Finish()], watch=Watchers([tracer])) as way,
    ):
        result = await way.answer()
    assert set(receiver.paths) == {"/v1/traces"}
    assert receiver.headers[0]["x-key"] == "s3cret"
    assert receiver.headers[0]["x-team"] == "a=b"
    assert {span.trace_id for span in receiver.spans} == {result.run_id.bytes}
    assert {"invoke_agent everytoken", "settle"} < {span.name for span in receiver.spans}


async def test_each_call_of_a_tool_is_a_span_with_the_conventions_names(seen: Seen) -> None:
    """What was refused too; a tool that doesn't exist has no name but the model's own text."""
    metrics = Metrics("1")
    watch = Watchers([metrics, seen.tracing])

    async def answer(**_: Any) -> str:
        await asyncio.sleep(2)
        return SECRET

    async def connect(*_: Any) -> Clock:
        return Clock(answer)

    def toolbox(store: Store) -> Toolbox:
        servers = Servers({"clock": CLOCK}, connect=connect)
        caller = Caller(store.calls, servers, watch.tool_ended)
        return Toolbox(caller, servers, store.calls, store.rules, ToolOptions())

    calls = [CallTool("clock__now", {"zone": SECRET}), CallTool(f"clock__{SECRET}", {})]
    async with a_way([Pause(3), *calls], ["Done."], toolbox=toolbox, watch=watch) as way:
        await way.answer("What?")
        given = way.provider.requests[1].turns[-3].calls
    made, refused = seen.spans["execute_tool now"], seen.spans["execute_tool unknown"]
    assert made.attributes is not None
    assert dict(made.attributes) == {
        gen_ai_attributes.GEN_AI_OPERATION_NAME: "execute_tool",
        gen_ai_attributes.GEN_AI_TOOL_NAME: "now",
        gen_ai_attributes.GEN_AI_TOOL_CALL_ID: given[0].id,
        gen_ai_attributes.GEN_AI_TOOL_TYPE: "function",
        "everytoken.tool.server": "clock",
        "everytoken.tool.state": "answered",
    }
    assert took_s(made) == pytest.approx(2, abs=0.2)
    assert made.status.status_code is StatusCode.UNSET
    root = seen.spans["invoke_agent everytoken"]
    for span in (made, refused):
        assert span.parent is not None
        assert span.parent.span_id == root.context.span_id
        assert (root.start_time or 0) <= (span.start_time or 0) <= (span.end_time or 0)
    assert refused.attributes is not None
    assert refused.attributes["error.type"] == "refused"
    assert refused.status.status_code is StatusCode.ERROR
    assert SECRET not in "".join(span.to_json() for span in seen.spans.values())
    text = metrics.text().decode()
    assert 'everytoken_tool_calls_total{server="clock",state="answered"} 1.0' in text
    assert 'everytoken_tool_calls_total{server="none",state="refused"} 1.0' in text
    assert SECRET not in text
