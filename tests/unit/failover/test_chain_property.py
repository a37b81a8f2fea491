"""Whatever models do: what was generated is what the callbacks heard, and it ends in time."""

from __future__ import annotations

import asyncio
from itertools import accumulate
from typing import Any
from uuid import uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from providers.base import (
    ANSWER_KINDS,
    AuthFailed,
    BadRequest,
    Disconnected,
    Filtered,
    Generation,
    Malformed,
    Overloaded,
    ProviderError,
    Stalled,
    TooLong,
)
from providers.failover import ChainProvider, RetryPolicy
from providers.scripted import Cut, Fail, Finish, Hang, Pause, ScriptedProvider
from tests.contract.provider import QUESTION, Heard
from tests.doubles.clock import VirtualTimeLoop

STALL_S, FIRST_TOKEN_S = 20.0, 50.0
ERRORS = (AuthFailed, BadRequest, Disconnected, Filtered, Malformed, Stalled, TooLong)
STEPS = st.one_of(
    st.sampled_from(["one ", "two", "", ("reasoning", "hm"), ("refusal", "no")]),
    st.builds(Pause, st.sampled_from([0.1, 5.0, 30.0])),
)
ENDS = st.one_of(
    st.sampled_from([Finish("stop"), Finish("length"), Cut(), Hang()]),
    st.sampled_from(ERRORS).map(lambda kind: Fail(kind("failed"))),
    st.sampled_from([None, 0.0, 7.0, 300.0]).map(lambda s: Fail(Overloaded("busy", s))),
)
SCRIPTS = st.tuples(st.lists(STEPS, max_size=4), ENDS).map(lambda both: [*both[0], both[1]])
MODELS = st.lists(st.lists(SCRIPTS, min_size=1, max_size=3), min_size=1, max_size=3)


@given(models=MODELS, goes_on=st.booleans(), spread=st.floats(0, 1), questions=st.integers(1, 4))
@settings(deadline=None, max_examples=150)
def test_what_was_generated_is_what_was_heard(
    models: list[list[list[Any]]], goes_on: bool, spread: float, questions: int
) -> None:
    """Seams stand at the same places for both, and each try is accounted for."""
    made = [
        ScriptedProvider(*scripts, name=f"s:{n}", stall_seconds=STALL_S)
        for n, scripts in enumerate(models)
    ]
    chain = ChainProvider(made, RetryPolicy(FIRST_TOKEN_S, goes_on, lambda: spread))
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        for _ in range(questions):
            runner.run(_one(chain, made))


async def _one(chain: ChainProvider, made: list[ScriptedProvider]) -> None:
    generation, heard, error = Generation(), Heard(), None
    asked = sum(len(model.requests) for model in made)
    began = asyncio.get_running_loop().time()
    try:
        await chain.generate(QUESTION, run_id=uuid4(), callbacks=[heard], generation=generation)
    except ProviderError as raised:
        error = raised
    tries = sum(len(model.requests) for model in made) - asked
    took = asyncio.get_running_loop().time() - began
    assert heard.text == generation.text
    assert len(heard.tokens) == generation.tokens
    assert _seams(heard) == generation.seams
    assert (error is None) == (generation.finish_reason is not None)
    assert tries == (len(generation.attempts) or 1)
    starts = [attempt.chars for attempt in generation.attempts]
    assert starts == sorted(starts)
    if error is not None:
        assert generation.attempts[-1].error == f"{type(error).__name__}: {error}"
    # Each break in mid-answer, and each silence, begins a new time for trying; a script lasts
    # 4 x 30 s at most.
    silent = sum((each.error or "").startswith("Stalled") for each in generation.attempts)
    again = len(generation.seams) + silent + 1
    assert took <= again * (FIRST_TOKEN_S + len(made) * (4 * 30 + STALL_S) + 1)
    assert not _asked_again_after_silence(generation)


def _asked_again_after_silence(generation: Generation) -> bool:
    """Whether a model was asked again that had been silent."""
    silent: set[str] = set()
    for attempt in generation.attempts:
        if attempt.model in silent:
            return True
        if (attempt.error or "").startswith("Stalled"):
            silent.add(attempt.model)
    return False


def _seams(heard: Heard) -> list[int]:
    """After how many characters of the answer each seam was heard."""
    lengths = accumulate(len(t) if kind in ANSWER_KINDS else 0 for t, kind in heard.tokens)
    told = zip(lengths, heard.tokens, strict=True)
    return [length for length, (_, kind) in told if kind == "seam"]
