"""A model that says nothing: how long it is waited for, what the reader sees, and who is next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from bot.app.models import make_model
from bot.settings import Settings
from connectors.base import Status
from providers.base import Generation, Usage
from providers.failover import ChainProvider
from providers.scripted import Alive, Finish, Hang, Pause, ScriptedProvider
from tests.contract.provider import QUESTION, Heard
from tests.doubles.openai import Act, Answer, Freeze, OpenAIServer, finish, text
from tests.doubles.providers.ways import WAYS, Way, at
from tests.doubles.way import a_way

THINKS = [step for _ in range(9) for step in (Pause(10), Alive())]
"""A minute and a half in which nothing but keep-alives comes."""


def signalled(way: Any) -> list[Status]:
    """What the place was shown, in order."""
    return [status for _, status in way.connector.platform.signals]


@pytest.mark.parametrize("script", [[Pause(75), "Done."], [*THINKS, "Done."]])
async def test_a_model_that_thinks_for_long_is_asked_once_and_answers(script: list[Any]) -> None:
    """The reader sees all the while that it is at it."""
    slow = ScriptedProvider(script, first_seconds=100, stall_seconds=20)
    async with a_way(provider=ChainProvider([slow]), run_seconds=600) as way:
        result = await way.answer()
    assert (result.outcome, result.text, result.receipt.verdict) == (
        "complete",
        "Done.",
        "verified",
    )
    assert len(slow.requests) == 1
    assert signalled(way).count(Status.THINKING) >= 5
    assert signalled(way)[-1] is Status.IDLE


async def test_keep_alives_are_waited_for_until_the_run_is_over() -> None:
    """A service that is there for ever, and never answers, does not outlive the run."""
    endless = ScriptedProvider([step for _ in range(99) for step in (Pause(10), Alive())])
    async with a_way(provider=ChainProvider([endless]), run_seconds=300) as way:
        result = await way.answer()
    assert (result.outcome, result.error) == ("failed", "total time-out")
    assert len(endless.requests) == 1


async def test_what_a_silent_model_may_have_cost_is_estimated_and_added() -> None:
    """It was asked, so it may be paid for, whatever it did."""
    silent = ScriptedProvider([Hang()], name="s:a", first_seconds=50)
    other = ScriptedProvider(["Yes.", Finish("stop", Usage(9, 1))], name="s:b")
    async with a_way(provider=ChainProvider([silent, other])) as way:
        result = await way.answer()
        row = await way.store.runs.get(result.run_id)
    assert row is not None
    assert row.end is not None
    assert row.end.usage_estimated
    assert (row.end.input_tokens or 0) > 9
    assert [attempt["model"] for attempt in row.end.attempts or ()] == ["s:a", "s:b"]


@pytest.mark.parametrize(
    ("model", "seconds"),
    [("openai:gpt-4o-mini", 20), ("openai:o3", 60), ("openai:gpt-5-pro", 100)],
)
async def test_the_setting_is_scaled_to_the_model(model: str, seconds: float) -> None:
    """Both ways to read a stream."""
    for reader in ("lean", "langchain"):
        settings = Settings(
            _env_file=None,
            model=model,
            openai_api_key="sk-x",
            first_token_seconds=20,
            stream_reader=reader,
        )
        made: Any = make_model(settings)
        assert made._first_seconds == seconds
        await made.aclose()


class Watched(list[Act]):
    """Acts that note, once they begin to be played, whether another connection was left."""

    def __init__(self, acts: list[Act], other: OpenAIServer) -> None:
        super().__init__(acts)
        self.other = other
        self.left: list[bool] = []

    def __iter__(self) -> Iterator[Act]:
        self.left.append(self.other.exchanges[0].left.is_set())
        return super().__iter__()


@pytest.mark.real_time
@pytest.mark.parametrize("way", WAYS)
async def test_a_silent_connection_is_closed_before_the_next_model_is_asked(way: Way) -> None:
    """Two services are not paid for one answer at a time."""
    async with OpenAIServer(Answer([*text(), Freeze()])) as silent:
        acts = Watched([*text("Yes."), *finish()], silent)
        async with OpenAIServer(Answer(acts)) as other:
            models = [at(silent, way, "openai", stall_seconds=0.3), at(other, way, "openai")]
            chain, generation = ChainProvider(models), Generation()
            await chain.generate(
                QUESTION, run_id=uuid4(), callbacks=[Heard()], generation=generation
            )
            await chain.aclose()
    assert generation.text == "Yes."
    assert (len(silent.exchanges), acts.left) == (1, [True])
