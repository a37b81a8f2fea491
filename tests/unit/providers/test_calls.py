"""Tool calls are read alike from every service, both ways, and a cut call is no call."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessageChunk
from pydantic import SecretStr

from providers.base import Disconnected, Generation, Malformed, Request, ToolCall, Turn
from providers.calls import Fragment, GoesBack, settle
from providers.decoding import Decoder
from providers.openai import OpenAIChat
from providers.openai_stream.protocols import Chat
from tests.doubles.providers.played import played
from tests.doubles.providers.ways import WAYS, Way, ways_of
from tests.unit.providers import call_streams
from tests.unit.providers.call_streams import (
    BEGIN,
    QUESTION,
    RUN,
    CallsTold,
    CallStream,
    agrees,
    heard_of,
    read,
    sent,
    streams,
    told_in_order,
)
from tests.unit.providers.table import documented

pytestmark = pytest.mark.real_time  # the SDKs ask a thread which platform they are on

PARIS = '{"location":"Paris"}'


@pytest.mark.parametrize("stream", streams(), ids=lambda one: one.stream)
async def test_each_way_reads_a_services_calls_as_they_are_meant(stream: CallStream) -> None:
    """Ids, names, arguments, text, what goes back, and the callbacks' tokens."""
    for adapter in stream.adapters:
        for way in ways_of(adapter):
            told = await read(stream, way, adapter)
            assert agrees(stream, told), (adapter, way, told)


async def test_the_table_of_calls_is_as_the_page_has_it() -> None:
    """If it is not, `python -m tests.unit.providers.call_streams` writes it anew."""
    assert documented(BEGIN) == await call_streams.table()


def test_at_least_twenty_streams_are_documented() -> None:
    assert sum(stream.origin.startswith("documented https://") for stream in streams()) >= 20


# What services do that they should not, each way.


def call(**fields: Any) -> dict[str, Any]:
    """A chunk with one fragment of a call: `index`, `id`, `name`, `arguments`."""
    function = {name: fields.pop(name) for name in ("name", "arguments") if name in fields}
    return {"delta": {"tool_calls": [{**fields, "function": function}]}}


def text(said: str) -> dict[str, Any]:
    return {"delta": {"content": said}}


def end(word: str | None = "tool_calls") -> dict[str, Any]:
    return {"delta": {}, "finish": word}


WHOLE = call(index=0, id="call_1", name="get_weather", arguments=PARIS)
ONE = [("call_1", "get_weather", PARIS)]


async def compatible(
    way: Way, *chunks: dict[str, Any], request: Request = QUESTION, broken: bool = False
) -> CallsTold:
    return await heard_of(sent("chat", chunks), way, "compatible", request, broken=broken)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("chunks", "calls"),
    [
        ([call(index=0, id="a", name="get_weather", arguments='{"loc'), end()],
         [("a", "get_weather", '{"loc')]),
        ([call(index=0, id="a", name="launch", arguments="{}"), end()], [("a", "launch", "{}")]),
        ([call(index=0, id="a", name="now"), end()], [("a", "now", "")]),
        ([call(index=0, name="now", id="a", arguments=""), call(index=0, arguments=None), end()],
         [("a", "now", "")]),
        ([call(index=0, id="a", name="get_"), call(index=0, name="weather", arguments="{}"), end()],
         [("a", "get_weather", "{}")]),
        ([call(index=0, id="a", name="now", arguments="{"),
          call(index=0, id="a", name="now", arguments="}"), end()], [("a", "now", "{}")]),
        ([call(index=0, arguments="{"), call(index=0, id="a", name="now", arguments="}"), end()],
         [("a", "now", "{}")]),
        ([call(index=0, name="now", arguments="{"), call(index=0, id="late", arguments="}"), end()],
         [("late", "now", "{}")]),
        ([WHOLE, WHOLE, end()], ONE),
        ([call(name="now", arguments="{"), call(arguments="}"), call(name="now", arguments="{}"),
          end()], [("", "now", "{}"), ("", "now", "{}")]),
        ([call(index=0, id="a", name="now", arguments="\ud83d"), call(index=0, arguments="\ude00"),
          end()], [("a", "now", "😀")]),
    ],
    ids=["broken JSON", "an unknown tool", "no arguments", "null arguments", "a name in pieces",
         "a name in each chunk", "arguments before the name", "an id that comes late",
         "a call that is sent again", "no ids and no indexes", "half an emoji in each chunk"],
)  # fmt: skip
async def test_a_call_is_read_whatever_its_server_does(
    chunks: list[dict[str, Any]], calls: list[tuple[str, str, str]], way: Way
) -> None:
    told = await compatible(way, *chunks)
    assert told.error is None
    known = [(c[0] if meant[0] else "", *c[1:])
             for c, meant in zip(told.calls, calls, strict=True)]  # fmt: skip
    assert known == calls
    assert len({call_id for call_id, *_ in told.calls} - {""}) == len(calls)
    assert told.generation.finish_reason == "tools"


@pytest.mark.parametrize("way", WAYS)
async def test_text_may_stand_before_after_and_among_calls(way: Way) -> None:
    told = await compatible(
        way, text("a"), call(index=0, id="1", name="now", arguments="{"), text("b"),
        call(index=0, arguments="}"), text("c"), call(index=1, id="2", name="now"), text("d"),
        end(),
    )  # fmt: skip
    assert told.generation.said == told.heard.text == "abcd"
    assert told.calls == [("1", "now", "{}"), ("2", "now", "")]
    assert told.numbers == [(0, "now"), (0, "{"), (0, "}"), (1, "now")]


@pytest.mark.parametrize("way", WAYS)
async def test_the_same_id_twice_is_given_to_the_first_call_only(way: Way) -> None:
    """What is sent back has to be told apart; the second has one of ours."""
    again = call(index=1, id="call_1", name="now", arguments="{}")
    told = await compatible(way, WHOLE, again, end())
    (first, second) = told.generation.calls
    assert (first.id, second.name) == ("call_1", "now")
    assert second.id.startswith("call_")
    assert second.id != "call_1"


@pytest.mark.parametrize("way", WAYS)
async def test_an_id_of_an_earlier_round_is_replaced(way: Way) -> None:
    """Some servers count from 0 in each answer."""
    earlier = Turn("assistant", "", calls=(ToolCall("call_1", "now", "{}"),))
    result = Turn("tool", "12:00", call_id="call_1", name="now")
    request = Request((*QUESTION.turns, earlier, result), tools=QUESTION.tools)
    told = await compatible(way, WHOLE, end(), request=request)
    assert told.generation.calls[0].id != "call_1"
    assert told.generation.calls[0].arguments == PARIS


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("word", "reason"), [("length", "length"), ("content_filter", "filter"), ("odd", "unknown")]
)
async def test_a_cut_call_is_no_call(word: str, reason: str, way: Way) -> None:
    """Even if it looks whole: its last argument may be missing."""
    told = await compatible(way, text("Hm."), WHOLE, end(word))
    assert told.calls == []
    assert told.generation.finish_reason == reason
    assert told.generation.text == "Hm."
    assert told.numbers == [(0, "get_weather"), (0, PARIS)]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("broken", [True, False], ids=["reset", "silent end"])
async def test_a_stream_that_breaks_within_arguments_has_no_finished_call(
    broken: bool, way: Way
) -> None:
    """Nor the call before it, which was whole."""
    half = call(index=1, id="call_2", name="get_weather", arguments='{"loc')
    pieces = sent("chat", [WHOLE, half])[:-1]
    told = await heard_of(pieces, way, "compatible", broken=broken)
    assert isinstance(told.error, Disconnected)
    assert told.generation.calls == []
    assert told.generation.called == ["get_weather", PARIS, "get_weather", '{"loc']


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("word", ["tool_calls", "function_call", "tool_use"])
async def test_a_promised_call_that_does_not_come_is_an_error(word: str, way: Way) -> None:
    """Or the run would wait for the result of nothing."""
    told = await compatible(way, text("Let me see."), end(word))
    assert isinstance(told.error, Malformed)
    assert told.error.cause == "call_missing"
    assert told.heard.events == ["start", "error"]


@pytest.mark.parametrize("way", WAYS)
async def test_a_call_without_a_name_is_an_error(way: Way) -> None:
    told = await compatible(way, call(index=0, id="a", arguments="{}"), end())
    assert told.error is not None
    assert told.error.cause == "call_missing"


@pytest.mark.parametrize("way", WAYS)
async def test_a_refusal_beside_calls_is_shown_and_the_calls_stay(way: Way) -> None:
    told = await compatible(way, {"delta": {"refusal": "Not that."}}, WHOLE, end())
    assert told.generation.text == "Not that."
    assert told.calls == ONE


@pytest.mark.parametrize("way", WAYS)
async def test_without_offered_tools_a_call_is_what_it_was(way: Way) -> None:
    """The run refuses it politely; `tool_calls` alone is a whole answer as before."""
    plain = Request(QUESTION.turns)
    told = await compatible(way, WHOLE, end(), request=plain)
    assert (told.generation.finish_reason, told.generation.calls) == ("stop", [])
    assert told.generation.called == ["get_weather", PARIS]
    empty = await compatible(way, text("Hi."), end(), request=plain)
    assert (empty.error, empty.generation.finish_reason) == (None, "stop")


@pytest.mark.parametrize("way", WAYS)
async def test_an_answer_without_calls_ends_as_ever(way: Way) -> None:
    told = await compatible(way, text("Sunny."), end("stop"))
    assert (told.generation.finish_reason, told.generation.calls) == ("stop", [])


async def test_a_generation_that_goes_on_begins_its_calls_again() -> None:
    """A run has one, over all of its rounds."""
    first = await compatible("lean", text("Let me see. "), WHOLE, end())
    generation = first.generation
    turn = generation.turn
    assert turn == Turn("assistant", "Let me see. ", calls=(ToolCall(*ONE[0]),))
    generation.go_on()
    assert (generation.calls, generation.finish_reason, generation.said) == ([], None, "")
    with played(sent("chat", [text("Sunny."), end("stop")])):
        provider = call_streams.provider_for("lean", "compatible")
        told = await call_streams.asked(provider, QUESTION, generation)
    assert told.generation.text == "Let me see. Sunny."
    assert (told.generation.said, told.generation.finish_reason) == ("Sunny.", "stop")


# However arguments are cut and mixed, the calls are the same.

ARGUMENTS = st.one_of(
    st.dictionaries(st.text(max_size=4), st.one_of(st.text(), st.integers()), max_size=3).map(
        lambda told: json.dumps(told, ensure_ascii=False)
    ),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20),
)


@st.composite
def mixed(draw: st.DrawFn) -> tuple[list[str], list[dict[str, Any]]]:
    """The arguments of some calls, and deltas with their pieces in any order between calls."""
    wholes = draw(st.lists(ARGUMENTS, min_size=1, max_size=3))
    queues = []
    for index, whole in enumerate(wholes):
        cuts = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=4)))
        pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
        begin = {"index": index, "id": f"c{index}", "function": {"name": f"t{index}"}}
        rest = [{"index": index, "function": {"arguments": piece}} for piece in pieces]
        queues.append([begin, *rest])
    deltas = []
    while any(queues):
        queue = draw(st.sampled_from([queue for queue in queues if queue]))
        deltas.append({"tool_calls": [queue.pop(0)]})
    return wholes, deltas


_MODEL = OpenAIChat(model="m", api_key=SecretStr("sk-x"))


@given(mixed())
@settings(deadline=None, max_examples=60)
def test_arguments_cut_anywhere_and_mixed_give_the_same_calls(
    made: tuple[list[str], list[dict[str, Any]]],
) -> None:
    """Read lean, and through LangChain."""
    wholes, deltas = made
    reader = Chat("m", limit="max_tokens", usage=False).reader(Generation())
    through = Decoder()
    for delta in deltas:
        chunk = {"choices": [{"index": 0, "delta": delta}]}
        reader.take(json.loads(json.dumps(chunk)))
        converted = _MODEL._convert_chunk_to_generation_chunk(chunk, AIMessageChunk, None)
        assert converted is not None
        through.message(converted.message)
    for calls in (reader.kept.calls, through.calls):
        finished = calls.finished(lambda number: f"made{number}", set())
        begun = {call.name: call for call in finished}
        assert [begun[f"t{n}"].arguments for n in range(len(wholes))] == wholes
        assert {call.id for call in finished} == {f"c{n}" for n in range(len(wholes))}


@given(st.sampled_from(streams()), st.data())
@settings(deadline=None, max_examples=30)
def test_fragments_told_one_by_one_are_told_in_order(
    stream: CallStream, data: st.DataObject
) -> None:
    """Wherever its arguments are cut."""
    decoder, generation = Decoder(), Generation(finish_reason="stop")
    told = CallsTold(generation, None, [])  # type: ignore[arg-type]
    for number, (call_id, name, arguments) in enumerate(stream.calls):
        cut = data.draw(st.integers(0, len(arguments)))
        parts = [Fragment(number, call_id, name)]
        parts += [Fragment(number, arguments=part) for part in (arguments[:cut], arguments[cut:])]
        for part in parts:
            told.numbers += [(piece.call, piece.text) for piece in decoder.call(part)]
    settle(generation, GoesBack("m", generation, decoder.calls), QUESTION, RUN)
    assert [call.arguments for call in generation.calls] == [each[2] for each in stream.calls]
    assert told_in_order(told)
