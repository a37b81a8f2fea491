"""Several models as one, on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest

from providers.base import (
    GO_ON,
    AuthFailed,
    BadRequest,
    Disconnected,
    Filtered,
    Generation,
    Image,
    Malformed,
    Overloaded,
    Provider,
    ProviderError,
    Request,
    Stalled,
    TooLong,
    Turn,
    Usage,
)
from providers.failover import FAILURES, REST_S, ChainProvider, RetryPolicy
from providers.scripted import Alive, Cut, Fail, Finish, Hang, Pause, ScriptedProvider
from tests.contract.provider import QUESTION, Heard, Told

BUSY = Fail(Overloaded("busy"))
DOWN = Fail(Disconnected("down"))


def model(*scripts: Any, name: str = "s:a", **options: Any) -> ScriptedProvider:
    """A model that plays these scripts, the last one again and again."""
    return ScriptedProvider(*scripts, name=name, **options)


def chain(*models: Provider, **patience: Any) -> ChainProvider:
    """A chain whose pauses are exact."""
    return ChainProvider(models, RetryPolicy(**({"spread": lambda: 0.5} | patience)))


async def ask(provider: Provider, request: Request = QUESTION) -> Told:
    """Asks once."""
    told = Told(Generation(), Heard(), None)
    try:
        await provider.generate(
            request, run_id=uuid4(), callbacks=[told.heard], generation=told.generation
        )
    except ProviderError as error:
        told.error = error
    return told


def tries(told: Told) -> list[tuple[str, str, int, str | None]]:
    """Model, kind, characters before it, and how its error begins."""
    return [
        (each.model, each.kind, each.chars, each.error and each.error.partition(":")[0])
        for each in told.generation.attempts
    ]


def now() -> float:
    """Virtual seconds."""
    return asyncio.get_running_loop().time()


# Before the first token.


async def test_a_first_model_that_answers_leaves_nothing_to_tell() -> None:
    """The common way: no attempts, no seam, nobody else is asked."""
    other = model(["no"], name="s:b")
    told = await ask(chain(model(["yes"]), other))
    assert (told.generation.text, told.error) == ("yes", None)
    assert (told.generation.attempts, told.generation.seams) == ([], [])
    assert told.heard.events == ["start", "end"]
    assert other.requests == []


@pytest.mark.parametrize(
    "error",
    [Overloaded("x"), Disconnected("x"), Malformed("x"), AuthFailed("x"), BadRequest("x")],
    ids=lambda error: type(error).__name__,
)
async def test_a_failure_before_the_first_token_goes_to_the_next_at_once(
    error: ProviderError,
) -> None:
    """Silently: the reader sees an answer like any other."""
    told = await ask(chain(model([Fail(error)]), model(["yes"], name="s:b")))
    assert (told.generation.text, told.error, now()) == ("yes", None, 0)
    assert [token for token, _ in told.heard.tokens] == ["yes"]
    assert tries(told) == [
        ("s:a", "first", 0, type(error).__name__),
        ("s:b", "failover", 0, None),
    ]


async def test_a_filters_refusal_is_taken_to_nobody_else() -> None:
    """It is an answer of its kind."""
    other = model(["yes"], name="s:b")
    told = await ask(chain(model([Fail(Filtered("no"))]), other))
    assert isinstance(told.error, Filtered)
    assert other.requests == []


async def test_a_single_model_is_tried_again_after_growing_pauses() -> None:
    """Half a second, then one."""
    told = await ask(chain(model([BUSY], [DOWN], ["yes"])))
    assert told.generation.text == "yes"
    assert [(each.kind, each.at_us) for each in told.generation.attempts] == [
        ("first", 0),
        ("retry", 500_000),
        ("retry", 1_500_000),
    ]


async def test_it_is_not_tried_for_ever() -> None:
    """Three times; then the reader is told."""
    failing = model([BUSY])
    told = await ask(chain(failing))
    assert isinstance(told.error, Overloaded)
    assert len(failing.requests) == 3


async def test_every_model_gets_its_turn_before_the_first_is_tried_again() -> None:
    """Another model is quicker than a pause."""
    told = await ask(chain(model([BUSY], ["yes"]), model([DOWN], name="s:b")))
    assert [each[:2] for each in tries(told)] == [
        ("s:a", "first"),
        ("s:b", "failover"),
        ("s:a", "failover"),
    ]
    assert told.generation.text == "yes"


@pytest.mark.parametrize("error", [AuthFailed("x"), BadRequest("x"), Malformed("x")])
async def test_what_will_not_pass_by_itself_is_not_tried_again(error: ProviderError) -> None:
    """A key does not get better."""
    failing = model([Fail(error)])
    told = await ask(chain(failing))
    assert told.error is error
    assert len(failing.requests) == 1


async def test_a_service_that_names_a_time_is_left_alone_for_so_long() -> None:
    """Its word counts for more than our pause."""
    told = await ask(chain(model([Fail(Overloaded("busy", retry_after=7))], ["yes"])))
    assert (told.generation.text, now()) == ("yes", 7)


async def test_a_time_after_the_deadline_is_not_waited_for() -> None:
    """The reader hears of it at once."""
    told = await ask(chain(model([Fail(Overloaded("busy", retry_after=60))]), seconds=30))
    assert isinstance(told.error, Overloaded)
    assert now() == 0


async def test_a_silent_model_is_asked_once_and_the_next_has_its_own_time() -> None:
    """Each may be at work on the question still: asking it again would pay for that twice."""
    models = [model([Hang()], name=f"s:{name}", first_seconds=20) for name in "abc"]
    told = await ask(chain(*models, seconds=30))
    assert isinstance(told.error, Stalled)
    assert now() == 60
    assert [len(each.requests) for each in models] == [1, 1, 1]


async def test_a_silent_model_alone_is_not_asked_again() -> None:
    """The reader is told, and may press Retry."""
    alone = model([Hang()], ["late"], first_seconds=20)
    told = await ask(chain(alone))
    assert isinstance(told.error, Stalled)
    assert (len(alone.requests), now()) == (1, 20)


async def test_the_next_model_is_asked_however_long_the_first_was_silent() -> None:
    """Also where that took longer than failing models are tried; and it may be tried again."""
    slow, other = model([Hang()], first_seconds=300), model([BUSY], ["yes"], name="s:b")
    told = await ask(chain(slow, other, seconds=120))
    assert (told.generation.text, now()) == ("yes", 300.5)
    assert [each[:2] for each in tries(told)] == [
        ("s:a", "first"),
        ("s:b", "failover"),
        ("s:b", "retry"),
    ]


async def test_a_model_that_shows_that_it_is_there_is_waited_for() -> None:
    """Keep-alives and progress are no silence, before the answer or in the middle of it."""
    thinking = [step for _ in range(40) for step in (Pause(15), Alive())]
    slow = model([*thinking, "at ", *thinking, "last"], first_seconds=20, stall_seconds=20)
    other = model(["no"], name="s:b")
    told = await ask(chain(slow, other, seconds=30))
    assert (told.generation.text, told.error, now()) == ("at last", None, 1200)
    assert other.requests == []


async def test_silence_before_the_answer_has_a_bound_of_its_own() -> None:
    """Thoughts are not the answer yet; once it has begun, the shorter bound holds."""
    script = [Pause(70), ("reasoning", "hm"), Pause(70), "so", Hang()]
    told = await ask(chain(model(script, first_seconds=75, stall_seconds=10)))
    assert (told.generation.text, now()) == ("so", 150)
    assert isinstance(told.error, Stalled)


async def test_the_deadline_counts_until_the_first_token_only() -> None:
    """After that, the stall time-out does, and the run's own."""
    told = await ask(chain(model(["slow ", Pause(25), "and ", Pause(25), "steady"]), seconds=10))
    assert (told.generation.text, told.error) == ("slow and steady", None)


async def test_thoughts_alone_are_no_answer_to_go_on_with() -> None:
    """A model that dies while it thinks is replaced silently."""
    told = await ask(chain(model([("reasoning", "hm"), Cut()]), model(["yes"], name="s:b")))
    assert (told.generation.text, told.generation.seams) == ("yes", [])
    assert tries(told)[1] == ("s:b", "failover", 0, None)


async def test_a_picture_is_shown_to_models_that_see() -> None:
    """Where one does; the others could not answer."""
    blind = model(["What picture?"], name="s:b")
    seeing = model(["A cat."], name="s:c", sees=True)
    request = Request((Turn("user", "What is this?", (Image("image/png", ""),)),))
    told = await ask(chain(model([BUSY], sees=True), blind, seeing), request)
    assert told.generation.text == "A cat."
    assert blind.requests == []


# After it.


async def test_an_answer_that_broke_off_is_gone_on_with_by_the_next() -> None:
    """Which is told what there is, and where it is to begin."""
    other = model([" two three"], name="s:b")
    told = await ask(chain(model(["one", Cut()]), other))
    assert (told.generation.text, told.error) == ("one two three", None)
    assert told.heard.tokens == [("one", "text"), ("s:b", "seam"), (" two three", "text")]
    assert told.generation.seams == [3]
    assert tries(told) == [("s:a", "first", 0, "Disconnected"), ("s:b", "failover", 3, None)]
    assert other.requests[0].turns[-2:] == (Turn("assistant", "one"), Turn("user", GO_ON))


async def test_it_ends_there_where_the_operator_wants_that() -> None:
    """Somebody may want one voice in one answer."""
    other = model(["no"], name="s:b")
    told = await ask(chain(model(["one", Cut()]), other, goes_on=False))
    assert (told.generation.text, other.requests) == ("one", [])
    assert isinstance(told.error, Disconnected)
    assert tries(told) == [("s:a", "first", 0, "Disconnected")]


async def test_a_model_alone_does_not_go_on_with_itself() -> None:
    """The reader is told, and may press Continue."""
    alone = model(["one", Cut()])
    told = await ask(chain(alone))
    assert isinstance(told.error, Disconnected)
    assert len(alone.requests) == 1


async def test_one_that_goes_on_may_fail_first_and_is_tried_again() -> None:
    """There is one seam all the same."""
    told = await ask(chain(model(["one", Cut()]), model([BUSY], [" two"], name="s:b")))
    assert (told.generation.text, told.generation.seams) == ("one two", [3])
    assert [each.kind for each in told.generation.attempts] == ["first", "failover", "retry"]


async def test_several_may_try_to_go_on_at_one_seam() -> None:
    """Those who said nothing there have left no trace."""
    second = model([BUSY], [" two"], name="s:b")
    told = await ask(chain(model(["one", Cut()]), second, model([DOWN], name="s:c")))
    assert told.heard.tokens == [("one", "text"), ("s:b", "seam"), (" two", "text")]
    assert [each[:3] for each in tries(told)[1:]] == [
        ("s:b", "failover", 3),
        ("s:c", "failover", 3),
        ("s:b", "failover", 3),
    ]


async def test_each_break_has_a_seam_of_its_own() -> None:
    """And the one that broke off is not asked again."""
    models = [model(["one", Cut()]), model([" two", Cut()], name="s:b"), model(["!"], name="s:c")]
    told = await ask(chain(*models))
    assert (told.generation.text, told.generation.seams) == ("one two!", [3, 7])
    assert models[2].requests[0].turns[-2] == Turn("assistant", "one two")


async def test_the_time_for_a_first_token_begins_anew_where_an_answer_broke_off() -> None:
    """A long answer would have none left otherwise."""
    first = model(["one", Pause(50), Cut()])
    told = await ask(chain(first, model([Pause(20), " two"], name="s:b"), seconds=30))
    assert told.generation.text == "one two"


async def test_what_the_tries_used_is_added_up() -> None:
    """All of it is paid for."""

    class Costly(ScriptedProvider):
        async def generate(self, request: Request, **given: Any) -> None:
            given["generation"].usage = Usage(5, 1)
            await super().generate(request, **given)

    told = await ask(
        chain(Costly(["one", Cut()]), model(["!", Finish("stop", Usage(9, 2))], name="s:b"))
    )
    assert told.generation.usage == Usage(14, 3)


# Too long.


def long(*lengths: int) -> Request:
    """A conversation whose earlier turns have these lengths."""
    roles = ("user", "assistant")
    turns = [Turn(roles[n % 2], str(n) * length) for n, length in enumerate(lengths)]  # type: ignore[arg-type]
    return Request((Turn("system", "Be brief."), *turns, Turn("user", "Why?")))


async def test_a_conversation_that_is_too_long_is_cut_in_half_and_asked_again() -> None:
    """The same model, at once; what is newest stays, from a person's word on."""
    asked = model([Fail(TooLong("too long"))], ["yes"])
    told = await ask(chain(asked), long(*[100] * 8))
    assert told.generation.text == "yes"
    assert told.generation.trimmed
    assert [turn.text[0] for turn in asked.requests[1].turns] == ["B", "6", "7", "W"]
    assert tries(told) == [("s:a", "first", 0, "TooLong"), ("s:a", "trimmed", 0, None)]


async def test_it_is_cut_once_for_each_model() -> None:
    """Then the reader is told."""
    asked = model([Fail(TooLong("too long"))])
    told = await ask(chain(asked), long(100, 100, 100, 100))
    assert isinstance(told.error, TooLong)
    assert len(asked.requests) == 2


async def test_a_question_alone_is_not_cut() -> None:
    """It is the question."""
    asked = model([Fail(TooLong("too long"))])
    told = await ask(chain(asked))
    assert isinstance(told.error, TooLong)
    assert (len(asked.requests), told.generation.trimmed) == (1, False)


async def test_a_smaller_model_is_given_what_it_has_room_for() -> None:
    """It need not be asked in vain first."""
    small = model(["yes"], name="s:b", room=120)
    told = await ask(chain(model([BUSY]), small), long(200, 200, 200, 100))
    assert told.generation.trimmed
    assert sum(len(turn.text) for turn in small.requests[0].turns) <= 3 * 120


# Left out, and probed.


async def test_a_model_that_fails_again_and_again_is_not_asked_for_a_while() -> None:
    """Nobody waits for it meanwhile."""
    failing = model(*[[DOWN]] * FAILURES, ["well again"])
    both = chain(failing, model(["yes"], name="s:b"))
    for _ in range(FAILURES + 2):
        assert (await ask(both)).generation.text == "yes"
    assert len(failing.requests) == FAILURES
    told = await ask(both)
    assert tries(told) == [("s:b", "failover", 0, None)]
    await asyncio.sleep(REST_S)
    assert (await ask(both)).generation.text == "well again"
    assert (await ask(both)).generation.attempts == []


async def test_where_all_are_left_out_one_is_asked_all_the_same() -> None:
    """There is nobody else, and it may be well."""
    failing = model(*[[BUSY]] * FAILURES, ["yes"])
    alone = chain(failing)
    assert isinstance((await ask(alone)).error, Overloaded)
    assert (await ask(alone)).generation.text == "yes"


async def test_a_refused_question_says_nothing_about_the_models_health() -> None:
    """Anybody could have it left out otherwise."""
    refusing = model(*[[Fail(BadRequest("no"))]] * (2 * FAILURES), ["yes"])
    both = chain(refusing, model(["b"], name="s:b"))
    for _ in range(2 * FAILURES):
        await ask(both)
    assert (await ask(both)).generation.text == "yes"


# The rest of the contract.


async def test_a_cancel_reaches_the_model_that_answers() -> None:
    """Its stream is closed, and what was read stands."""
    second = model([" two", Hang()], name="s:b")
    generation, heard = Generation(), Heard(awaiting="one two")
    asking = asyncio.create_task(
        chain(model(["one", Cut()]), second).generate(
            QUESTION, run_id=uuid4(), callbacks=[heard], generation=generation
        )
    )
    await heard.awaited.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert (second.cancelled, generation.text) == (1, "one two")
    assert [each.error for each in generation.attempts][-1] is None


async def test_a_cancel_ends_a_pause() -> None:
    """Nobody is asked any more."""
    failing = model([BUSY])
    asking = asyncio.create_task(ask(chain(failing)))
    await asyncio.sleep(0.1)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert len(failing.requests) == 1


async def test_closing_closes_every_model() -> None:
    """Also where one can't be closed."""

    class Stuck(ScriptedProvider):
        async def aclose(self) -> None:
            raise RuntimeError("stuck")

    other = model(name="s:b")
    with pytest.raises(RuntimeError, match="stuck"):
        await chain(Stuck(), other).aclose()
    assert other.closed


@pytest.mark.parametrize("names", [["s:a"], ["s:a", "s:b"]])
def test_its_name_is_the_settings(names: Sequence[str]) -> None:
    """As MODEL says it."""
    assert chain(*(model(name=name) for name in names)).name == ",".join(names)
