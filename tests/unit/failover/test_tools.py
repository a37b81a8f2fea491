"""Models that fail in the middle of a loop of tool calls, and the scripted one that plays it."""

from __future__ import annotations

from uuid import uuid4

import pytest

from providers.base import (
    Disconnected,
    Generation,
    Opaque,
    Overloaded,
    Provider,
    Request,
    Tool,
    ToolCall,
    Turn,
    takes_tools,
)
from providers.calls import Fragment
from providers.failover import ChainProvider, RetryPolicy
from providers.scripted import CallTool, Cut, Fail, Finish, Keep, Script, ScriptedProvider, results

WEATHER = Tool("weather", "The weather.", {"type": "object", "properties": {}})
REQUEST = Request((Turn("user", "How is it?"),), tools=(WEATHER,))
CALL = CallTool("weather", {"city": "Oslo"}, id="c1")


async def rounds(provider: Provider, *answers: str, generation: Generation) -> Request:
    """Asks, and answers each round's calls in turn, until the model calls no more."""
    request, left = REQUEST, list(answers)
    while True:
        await provider.generate(request, run_id=uuid4(), callbacks=[], generation=generation)
        if generation.finish_reason != "tools":
            return request
        told = [Turn("tool", left.pop(0), call_id=c.id, name=c.name) for c in generation.calls]
        request = Request((*request.turns, generation.turn, *told), tools=request.tools)
        generation.go_on()


def chain(*models: ScriptedProvider) -> ChainProvider:
    return ChainProvider(models, RetryPolicy(spread=lambda: 0.5))


def from_results(request: Request) -> Script:
    """Calls first, then answers from the results."""
    told = results(request)
    return [f"It is {told[-1].text}."] if told else ["Let me see. ", CALL]


async def test_a_script_calls_and_then_answers_from_the_result() -> None:
    generation = Generation()
    model = ScriptedProvider(from_results)
    await rounds(model, "cold", generation=generation)
    assert generation.text == "Let me see. It is cold."
    assert model.requests[1].turns[1:] == (
        Turn("assistant", "Let me see. ", calls=(ToolCall("c1", "weather", '{"city": "Oslo"}'),)),
        Turn("tool", "cold", call_id="c1", name="weather"),
    )


async def test_a_script_mixes_the_pieces_of_its_calls() -> None:
    pieces = [Fragment(0, "a", "x"), Fragment(1, "b", "y"), Fragment(0, arguments="{"),
              Fragment(1, arguments="[]"), Fragment(0, arguments="}")]  # fmt: skip
    generation = Generation()
    model = ScriptedProvider(pieces)
    await model.generate(REQUEST, run_id=uuid4(), callbacks=[], generation=generation)
    assert generation.calls == [ToolCall("a", "x", "{}"), ToolCall("b", "y", "[]")]
    assert generation.called == ["x", "y", "{", "[]", "}"]


async def test_a_scripts_calls_without_ids_have_some_and_the_same_again() -> None:
    """So that a seed of the simulation plays alike."""
    run_id, made = uuid4(), []
    for _ in range(2):
        generation = Generation()
        model = ScriptedProvider([CallTool("x"), CallTool("x")])
        await model.generate(REQUEST, run_id=run_id, callbacks=[], generation=generation)
        made.append([call.id for call in generation.calls])
    assert made[0] == made[1]
    assert len(set(made[0])) == 2


async def test_the_next_model_goes_on_with_results_and_nothing_is_called_again() -> None:
    first = ScriptedProvider([Keep("signed"), CALL], [Fail(Overloaded("busy"))], name="s:a")
    second = ScriptedProvider(from_results, name="s:b")
    generation = Generation()
    await rounds(chain(first, second), "cold", generation=generation)
    assert generation.text == "It is cold."
    assert len(second.requests) == 1
    called, result = second.requests[0].turns[1:]
    assert [call.id for call in called.calls] == ["c1"]
    assert result.text == "cold"
    assert [each.model for each in called.opaque] == ["s:a"], "which its adapter leaves out"


async def test_an_answer_that_breaks_after_results_is_continued_from_its_own_round() -> None:
    """What an earlier round said stands in the turns already, and is not said twice."""
    first = ScriptedProvider(["Let me see. ", CALL], ["It is ", Cut()], name="s:a")
    second = ScriptedProvider(["cold."], name="s:b")
    generation = Generation()
    await rounds(chain(first, second), "cold", generation=generation)
    assert generation.text == "Let me see. It is cold."
    assert [turn.text for turn in second.requests[0].turns][1:4] == [
        "Let me see. ", "cold", "It is ",
    ]  # fmt: skip


async def test_calls_of_an_attempt_that_broke_are_gone() -> None:
    """The next attempt's are the only ones."""
    first = ScriptedProvider([CallTool("weather", "{}", id="lost"), Cut()], name="s:a")
    second = ScriptedProvider([CALL], ["Done."], name="s:b")
    generation = Generation()
    await chain(first, second).generate(
        REQUEST, run_id=uuid4(), callbacks=[], generation=generation
    )
    assert [call.id for call in generation.calls] == ["c1"]


async def test_a_call_that_is_cut_everywhere_is_an_error_and_no_call() -> None:
    generation = Generation()
    with pytest.raises(Disconnected):
        await chain(ScriptedProvider([CALL, Cut()])).generate(
            REQUEST, run_id=uuid4(), callbacks=[], generation=generation
        )
    assert generation.calls == []


async def test_a_promised_call_that_does_not_come_is_asked_for_again() -> None:
    model = ScriptedProvider([Finish(word="tool_calls")], [CALL])
    generation = Generation()
    await chain(model).generate(REQUEST, run_id=uuid4(), callbacks=[], generation=generation)
    assert [call.id for call in generation.calls] == ["c1"]
    assert "call missing" in str(generation.attempts[0].error)


async def test_with_tools_only_models_that_take_them_are_asked() -> None:
    """Unless there are none: that one says why."""
    plain = ScriptedProvider(["Plain."], name="s:plain", tools=False)
    able = ScriptedProvider(["Able."], name="s:able")
    generation = Generation()
    both = chain(plain, able)
    await both.generate(REQUEST, run_id=uuid4(), callbacks=[], generation=generation)
    assert (generation.text, plain.requests) == ("Able.", [])
    assert takes_tools(both)
    assert not takes_tools(chain(plain))
    without = Request(REQUEST.turns)
    generation = Generation()
    await both.generate(without, run_id=uuid4(), callbacks=[], generation=generation)
    assert generation.text == "Plain."


async def test_an_id_that_comes_again_in_a_later_round_is_replaced() -> None:
    """Some models count their calls from 0 in each answer."""
    generation = Generation()
    model = ScriptedProvider([CALL], [CALL, CallTool("weather", id="c2")], ["Done."])
    request = await rounds(chain(model), "a", "b", "c", generation=generation)
    assert [turn.role for turn in request.turns] == [
        "user", "assistant", "tool", "assistant", "tool", "tool",
    ]  # fmt: skip
    ids = [call.id for turn in request.turns for call in turn.calls]
    assert ids[0] == "c1"
    assert len(set(ids)) == 3


def test_an_opaque_item_names_its_model() -> None:
    turn = Turn("assistant", "", opaque=(Opaque("s:a", "scripted", {"sig": 1}),))
    assert turn.texts == ("", '{"sig": 1}')


def test_a_provider_that_says_nothing_of_tools_takes_none() -> None:
    class Plain:
        name = "x:plain"

    assert not takes_tools(Plain())  # type: ignore[arg-type]
