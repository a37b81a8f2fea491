"""How tools, calls and results are sent to each service, and what goes back with them unchanged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage, ToolMessage

from bot.runs.usage import asked_tokens
from bot.tools.saved import from_json, to_json
from providers.base import Opaque, Request, Tool, ToolCall, Turn, takes_tools
from providers.failover import fits, shorter
from providers.langchain import LangChainProvider
from providers.local import LocalProvider
from providers.messages import (
    UNREADABLE,
    arguments_text,
    as_messages,
    id_for,
    without_tools,
)
from tests.doubles.providers.played import played
from tests.doubles.providers.ways import Adapter, Way, built, ways_of
from tests.unit.providers.call_streams import (
    NOW,
    QUESTION,
    WEATHER,
    CallStream,
    asked,
    provider_for,
    read,
    sent,
    streams,
)

pytestmark = pytest.mark.real_time  # the SDKs ask a thread which platform they are on

CALLS = (
    ToolCall("call_1", "get_weather", '{"location": "Paris"}'),
    ToolCall("call_2", "now", ""),
    ToolCall("call_3", "now", '{"broken'),
)
LOOP = Request(
    (
        Turn("system", "Be brief."),
        *QUESTION.turns,
        Turn("assistant", "Let me see.", calls=CALLS),
        Turn("tool", "18 degrees", call_id="call_1", name="get_weather"),
        Turn("tool", "12:00", call_id="call_2", name="now"),
        Turn("tool", "No such thing.", call_id="call_3", name="now", failed=True),
    ),
    tools=(WEATHER, NOW),
)

ENDINGS = {
    "chat": sent("chat", [{"delta": {"content": "Sunny."}, "finish": "stop"}]),
    "responses": next(s for s in streams() if s.form == "responses").sent(),
    "anthropic": next(s for s in streams() if s.form == "anthropic").sent(),
    "google": next(s for s in streams() if s.form == "google").sent(),
}


async def body(
    way: Way, adapter: Adapter, request: Request = LOOP, *, form: str = "chat", **options: Any
) -> dict[str, Any]:
    """What a provider sends."""
    model = options.pop("model", "gpt-5-pro" if form == "responses" else "gpt-4o-mini")
    provider = built(way, adapter, "https://service.invalid", model=model, **options)
    with played(ENDINGS[form]) as asking:
        await asked(provider, request)
    return asking.bodies[0]


CHAT: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "What is the weather in Paris?"},
    {
        "role": "assistant",
        "content": "Let me see.",
        "tool_calls": [
            {"id": "call_1", "type": "function",
             "function": {"name": "get_weather", "arguments": '{"location": "Paris"}'}},
            {"id": "call_2", "type": "function", "function": {"name": "now", "arguments": "{}"}},
            {"id": "call_3", "type": "function",
             "function": {"name": "now", "arguments": '{"unreadable_arguments": "{\\"broken"}'}},
        ],
    },
    {"role": "tool", "content": "18 degrees", "tool_call_id": "call_1", "name": "get_weather"},
    {"role": "tool", "content": "12:00", "tool_call_id": "call_2", "name": "now"},
    {"role": "tool", "content": "No such thing.", "tool_call_id": "call_3", "name": "now"},
]  # fmt: skip


def function(tool: Tool) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "parameters": dict(tool.schema)}


OFFERED = [{"type": "function", "function": function(tool)} for tool in (WEATHER, NOW)]


@pytest.mark.parametrize("adapter", ["openai", "azure", "compatible", "groq", "qwen"])
async def test_chat_completions_gets_calls_and_results_each_way(adapter: Adapter) -> None:
    for way in ways_of(adapter):
        told = await body(way, adapter)
        assert told["messages"] == CHAT, way
        assert told["tools"] == OFFERED, way


@pytest.mark.parametrize("adapter", ["openai", "azure"])
async def test_the_responses_api_gets_items_each_way(adapter: Adapter) -> None:
    """Tools that are not strict: a strict one would have its schema changed."""
    for way in ways_of(adapter):
        told = await body(way, adapter, form="responses", api="responses")
        assert [item["type"] for item in told["input"]] == [
            "message", "message", "message", "function_call", "function_call", "function_call",
            "function_call_output", "function_call_output", "function_call_output",
        ]  # fmt: skip
        assert told["input"][3] == {
            "type": "function_call", "call_id": "call_1", "name": "get_weather",
            "arguments": '{"location": "Paris"}',
        }  # fmt: skip
        assert told["input"][6] == {
            "type": "function_call_output", "call_id": "call_1", "output": "18 degrees",
        }  # fmt: skip
        assert told["tools"] == [
            {"type": "function", "strict": False, **function(tool)} for tool in (WEATHER, NOW)
        ]
        assert told["include"] == ["reasoning.encrypted_content"]


async def test_a_model_that_does_not_think_is_not_asked_for_its_reasoning() -> None:
    """It would refuse the request."""
    for way in ways_of("openai"):
        told = await body(way, "openai", form="responses", model="gpt-4o", api="responses")
        assert "include" not in told, way


async def test_anthropic_gets_tool_use_and_tool_result() -> None:
    told = await body("langchain", "anthropic", form="anthropic")
    assert told["messages"][1]["content"] == [
        {"type": "text", "text": "Let me see."},
        {"type": "tool_use", "id": "call_1", "name": "get_weather", "input": {"location": "Paris"}},
        {"type": "tool_use", "id": "call_2", "name": "now", "input": {}},
        {"type": "tool_use", "id": "call_3", "name": "now", "input": {UNREADABLE: '{"broken'}},
    ]
    results = told["messages"][2]["content"]
    assert [(each["tool_use_id"], each["is_error"]) for each in results] == [
        ("call_1", False), ("call_2", False), ("call_3", True),
    ]  # fmt: skip
    assert [(tool["name"], tool["input_schema"]) for tool in told["tools"]] == [
        ("get_weather", WEATHER.schema), ("now", NOW.schema),
    ]  # fmt: skip


async def test_gemini_gets_function_calls_with_the_schemas_as_they_are() -> None:
    told = await body("langchain", "google", form="google")
    parts = [part for content in told["contents"] for part in content["parts"]]
    calls = [part["functionCall"] for part in parts if "functionCall" in part]
    assert [(call["name"], call["args"]) for call in calls[:2]] == [
        ("get_weather", {"location": "Paris"}), ("now", {}),
    ]  # fmt: skip
    answers = [part["functionResponse"] for part in parts if "functionResponse" in part]
    assert [(answer["name"], answer["response"]) for answer in answers] == [
        ("get_weather", {"output": "18 degrees"}), ("now", {"output": "12:00"}),
        ("now", {"error": "No such thing."}),
    ]  # fmt: skip
    declared = told["tools"][0]["functionDeclarations"]
    assert [tool["parameters_json_schema"] for tool in declared] == [WEATHER.schema, NOW.schema]


async def test_without_tools_a_request_is_what_it_was() -> None:
    plain = Request(QUESTION.turns)
    for way in ways_of("openai"):
        told = await body(way, "openai", plain)
        assert not {"tools", "include", "tool_choice"} & told.keys(), way
        assert told["messages"] == [CHAT[1]]


async def test_the_operators_own_tools_stay_beside_the_bots() -> None:
    """A service runs those by itself."""
    own = {"type": "web_search"}
    for way in ways_of("openai"):
        for form, api in (("chat", "chat"), ("responses", "responses")):
            told = await body(way, "openai", form=form, api=api, options={"tools": [own]})
            assert told["tools"][0] == own, way
            assert len(told["tools"]) == 3


async def test_parallel_calls_can_be_turned_off() -> None:
    """By the field that the services have for it."""
    for way in ways_of("compatible"):
        told = await body(way, "compatible", options={"parallel_tool_calls": False})
        assert told["parallel_tool_calls"] is False
        assert len(told["tools"]) == 2


# What has to go back.


def keeping() -> Iterator[tuple[CallStream, Adapter, Way]]:
    for stream in streams():
        for way in ways_of(stream.adapters[0]) if stream.kept else ():
            yield stream, stream.adapters[0], way


@pytest.mark.parametrize(
    ("stream", "adapter", "way"), list(keeping()), ids=lambda one: getattr(one, "stream", one)
)
async def test_what_a_service_wants_back_goes_back_to_it_and_to_no_other(
    stream: CallStream, adapter: Adapter, way: Way
) -> None:
    """After a turn was kept as JSON, as in the middle of a loop."""
    told = await read(stream, way, adapter)
    turn = from_json(json.loads(json.dumps(to_json(told.generation.turn))))
    assert turn == told.generation.turn
    answers = (Turn("tool", "18", call_id=call.id, name=call.name) for call in turn.calls)
    request = Request((*QUESTION.turns, turn, *answers), tools=QUESTION.tools)
    marks = [MARKS[kind](turn) for kind in stream.kept]
    back = await _sent_on(stream, adapter, way, request)
    for mark in marks:
        assert mark in back
    other = replace(turn, opaque=tuple(replace(each, model="x:other") for each in turn.opaque))
    strange = replace(request, turns=(*QUESTION.turns, other, *request.turns[2:]))
    for mark in marks:
        assert mark not in await _sent_on(stream, adapter, way, strange)


async def _sent_on(stream: CallStream, adapter: Adapter, way: Way, request: Request) -> str:
    with played(ENDINGS[stream.form]) as asking:
        await asked(provider_for(way, adapter, stream.model), request)
    return json.dumps(asking.bodies[0], ensure_ascii=False)


def _item(kind: str, turn: Turn) -> Any:
    return next(each.item for each in turn.opaque if each.kind == kind)


MARKS = {
    "item": lambda turn: json.dumps(_item("item", turn)["encrypted_content"]),
    "block": lambda turn: json.dumps(
        _item("block", turn).get("signature") or _item("block", turn)["data"]
    ),
    "signature": lambda turn: json.dumps(_item("signature", turn)),
    "text_signature": lambda turn: json.dumps(_item("text_signature", turn)),
    "call": lambda turn: json.dumps(_item("call", turn)),
    "reasoning": lambda turn: json.dumps(_item("reasoning", turn))[1:-1],
    "reasoning_details": lambda turn: json.dumps(_item("reasoning_details", turn)),
}


async def test_signed_thoughts_stand_before_the_calls_that_they_led_to() -> None:
    """Put together from their pieces: a changed block would be refused."""
    stream = next(one for one in streams() if one.stream.startswith("Anthropic: signed"))
    told = await read(stream, "langchain", "anthropic")
    request = Request((*QUESTION.turns, told.generation.turn), tools=QUESTION.tools)
    said = json.loads(await _sent_on(stream, "anthropic", "langchain", request))
    assert said["messages"][1]["content"][0] == {
        "type": "thinking", "thinking": "Both cities.", "signature": "EqQBCgIYAhIM",
    }  # fmt: skip
    assert [block["type"] for block in said["messages"][1]["content"]] == [
        "thinking", "tool_use", "tool_use",
    ]  # fmt: skip


async def test_the_pieces_of_openrouters_reasoning_are_put_together() -> None:
    stream = next(one for one in streams() if one.stream.startswith("OpenRouter"))
    for way in ways_of("openrouter"):
        told = await read(stream, way, "openrouter")
        assert _item("reasoning_details", told.generation.turn) == [
            {"type": "reasoning.text", "text": "I look.", "signature": "EqQB",
             "format": "anthropic-claude-v1", "index": 0},
        ]  # fmt: skip


@pytest.mark.parametrize("adapter", ["deepseek", "moonshot"])
async def test_reasoning_that_nobody_has_is_a_space(adapter: Adapter) -> None:
    """After another model has called: without any, the service would refuse the request."""
    for way in ways_of(adapter):
        told = await body(way, adapter)
        assert told["messages"][2]["reasoning_content"] == " ", way


async def test_deepseek_is_known_by_its_address_too() -> None:
    for way in ways_of("compatible"):
        provider = built(way, "compatible", "https://api.deepseek.com", model="deepseek-chat")
        with played(ENDINGS["chat"]) as asking:
            await asked(provider, LOOP)
        assert "reasoning_content" in asking.bodies[0]["messages"][2], way


async def test_mistral_gets_ids_that_it_takes() -> None:
    """The call's and its result's alike; its own stay what they are."""
    for way in ways_of("mistral"):
        told = await body(way, "mistral")
        ids = [call["id"] for call in told["messages"][2]["tool_calls"]]
        assert ids == [message["tool_call_id"] for message in told["messages"][3:]]
        assert all(len(each) == 9 and each.isalnum() for each in ids)
        assert len(set(ids)) == 3
    assert id_for("mistral", "D681PevKs") == "D681PevKs"
    assert id_for("moonshot", "get_weather:0") == "get_weather:0"
    assert len(id_for("openai", "x" * 99)) <= 40


@given(st.text(max_size=12))
@settings(deadline=None, max_examples=60)
def test_arguments_are_sent_as_an_object_whatever_the_model_made(made: str) -> None:
    text = arguments_text(ToolCall("1", "now", made))
    told = json.loads(text)
    assert isinstance(told, dict)
    assert told in ({}, {UNREADABLE: made}) or text == made


# Conversations as JSON, as LangChain's messages, and for models without tools.


TEXT = st.text(max_size=8)
TURNS = st.builds(
    Turn,
    st.sampled_from(["user", "assistant", "tool"]),
    TEXT,
    calls=st.lists(st.builds(ToolCall, TEXT, TEXT, TEXT), max_size=2).map(tuple),
    opaque=st.lists(
        st.builds(Opaque, TEXT, TEXT, st.one_of(TEXT, st.dictionaries(TEXT, TEXT, max_size=2))),
        max_size=2,
    ).map(tuple),
    call_id=TEXT,
    name=TEXT,
    failed=st.booleans(),
)  # fmt: skip


@given(TURNS)
@settings(deadline=None, max_examples=40)
def test_a_turn_is_the_same_after_json(turn: Turn) -> None:
    assert from_json(json.loads(json.dumps(to_json(turn)))) == turn


def test_langchains_callbacks_hear_calls_and_results_as_its_own_messages() -> None:
    messages = as_messages(LOOP.turns)
    called, result, failed = messages[2], messages[3], messages[5]
    assert isinstance(called, AIMessage)
    assert [(call["id"], call["args"]) for call in called.tool_calls] == [
        ("call_1", {"location": "Paris"}), ("call_2", {}), ("call_3", {UNREADABLE: '{"broken'}),
    ]  # fmt: skip
    assert isinstance(result, ToolMessage)
    assert isinstance(failed, ToolMessage)
    assert (result.tool_call_id, result.status, failed.status) == ("call_1", "success", "error")


def test_a_model_without_tools_is_told_in_words() -> None:
    plain = without_tools(LOOP)
    assert plain.tools == ()
    assert [turn.role for turn in plain.turns] == [
        "system", "user", "assistant", "user", "user", "user",
    ]  # fmt: skip
    assert plain.turns[3].text == "get_weather: 18 degrees"
    assert all(not turn.calls and not turn.call_id for turn in plain.turns)


# Estimates, and who takes tools at all.


def test_estimates_count_tools_calls_and_results() -> None:
    big = "x" * 3000
    fat = Tool("fat", big, {"type": "object", "properties": {}})
    call = Turn("assistant", "", calls=(ToolCall("1", "now", big),))
    result = Turn("tool", big, call_id="1", name="now")
    kept = Turn("assistant", "", opaque=(Opaque("m", "item", {"encrypted_content": big}),))
    small = Request((Turn("user", "Hi"),))
    assert fits(small, 100)
    for larger in (
        replace(small, tools=(fat,)),
        *(replace(small, turns=(*small.turns, turn)) for turn in (call, result, kept)),
    ):
        assert not fits(larger, 100)
        assert asked_tokens(larger) >= asked_tokens(small) + 700


def test_a_conversation_is_shortened_before_its_question_and_never_within_the_calls() -> None:
    earlier = [Turn("user", "a" * 900), Turn("assistant", "b" * 900), Turn("user", "c" * 90)]
    loop = LOOP.turns[1:]
    less = shorter(Request((LOOP.turns[0], *earlier, Turn("assistant", "d"), *loop)))
    assert less is not None
    assert less.turns[-len(loop) :] == loop
    assert less.turns[0] == LOOP.turns[0]
    assert len(less.turns) < len(loop) + 5
    assert shorter(LOOP) is None


def test_the_embedded_model_takes_no_tools() -> None:
    assert not takes_tools(LocalProvider())


async def test_a_refusal_of_tools_is_a_cause_of_its_own_and_is_learned() -> None:
    said = b'{"error": {"message": "gemma3:4b does not support tools", "type": "api_error"}}'
    for way in ways_of("ollama"):
        provider = built(way, "ollama", "https://service.invalid", model="gemma3:4b")
        assert takes_tools(provider)
        with played([said], status=400):
            told = await asked(provider)
        assert told.error is not None
        assert (told.error.cause, told.error.params) == (
            "tools_refused", {"model": "ollama:gemma3:4b"},
        )  # fmt: skip
        assert not takes_tools(provider)


@pytest.mark.parametrize(
    ("entry", "takes"),
    [
        ({"supported_parameters": ["tools", "temperature"]}, True),
        ({"supported_parameters": ["temperature"]}, False),
        ({"capabilities": {"function_calling": False}}, False),
        ({}, True),
    ],
    ids=["OpenRouter: yes", "OpenRouter: no", "Mistral: no", "not said"],
)
async def test_whether_a_model_takes_tools_is_asked_at_the_start(
    entry: dict[str, Any], takes: bool
) -> None:
    listed = {"data": [{"id": "m", "context_length": 9000, **entry}]}
    for way in ways_of("compatible"):
        provider = built(way, "compatible", "https://service.invalid", model="m")
        with played([json.dumps(listed).encode()], headers={"Content-Type": "application/json"}):
            await provider.start()
        assert (provider.room, takes_tools(provider)) == (9000, takes), way


class Toolless(FakeListChatModel):
    """A class of LangChain's that can bind no tools."""


async def test_a_langchain_class_without_tools_says_so_and_refuses_them() -> None:
    provider = LangChainProvider(Toolless(responses=["Hi."]), name="langchain:x:Toolless")
    assert not takes_tools(provider)
    told = await asked(provider)
    assert told.error is not None
    assert told.error.cause == "tools_refused"
