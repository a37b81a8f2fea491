"""Metrics: what happened is counted, once, under labels that nobody outside can choose."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from bot.store import EditRow, RunEnd, RunStart
from bot.telemetry import Metrics
from connectors.base import Person, Place
from connectors.memory import MemoryConnector
from providers.base import Disconnected
from providers.scripted import Fail, Finish, Pause
from tests.doubles.way import a_way, words

START = RunStart(
    UUID(int=7), Place("slack", "T1", "C1", ""), "1.2", Person("U1"), "Why?", "openai:gpt-x", 1_000
)
END = RunEnd(ended_us=2_001_000, outcome="complete", generated_text="x", tokens=3)
CALL = EditRow(n=0, part=0, call="edit", at_us=0, latency_us=120_000, position=1, sha256="")


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("1.2.3")


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(f"everytoken_{name}", labels) or 0.0


async def test_a_run_is_counted_by_what_became_of_it(metrics: Metrics) -> None:
    async with a_way([*words("Because of this."), Finish()], watch=metrics) as way:
        await way.answer()
    run = {"connector": "memory", "model": "scripted:test"}
    run["model"] = way.provider.name
    about = {**run, "kind": "ask", "outcome": "complete", "verdict": "verified"}
    assert value(metrics, "runs_total", **about) == 1
    assert value(metrics, "generated_tokens_total", **run) == 3
    assert value(metrics, "first_token_seconds_count", model=run["model"]) == 1
    assert value(metrics, "first_text_seconds_count", connector="memory") == 1
    assert value(metrics, "run_seconds_count", connector="memory") == 1


async def test_a_failure_of_the_model_is_counted_by_its_kind(metrics: Metrics) -> None:
    async with a_way([Fail(Disconnected("the secret address"))], watch=metrics) as way:
        await way.answer()
    model = way.provider.name
    assert value(metrics, "provider_errors_total", model=model, error="Disconnected") == 1
    assert b"secret" not in metrics.text()


async def test_an_end_is_counted_by_the_services_word_where_it_is_a_known_one(
    metrics: Metrics,
) -> None:
    """Labels stay few, whatever a service says."""
    for reason, word in (("filter", "SAFETY"), ("unknown", "a secret\n"), ("unknown", "x" * 64)):
        metrics.ended(START, replace(END, finish_reason=reason, finish_word=word), None)
    metrics.ended(START, END, None)
    counted = {
        (reason, word): value(
            metrics, "finishes_total", model="openai:gpt-x", reason=reason, word=word
        )
        for reason, word in (("filter", "safety"), ("unknown", "other"), ("none", "none"))
    }
    assert list(counted.values()) == [1, 2, 1]
    assert b"secret" not in metrics.text()


async def test_a_failure_of_the_platform_is_no_failure_of_the_model(metrics: Metrics) -> None:
    metrics.ended(START, replace(END, outcome="undeliverable", error="no: way"), None)
    assert b"everytoken_provider_errors_total{" not in metrics.text()


async def test_each_failed_try_counts_and_each_further_one(metrics: Metrics) -> None:
    tries = [
        {"model": "openai:a", "kind": "first", "at_us": 0, "chars": 0, "error": "Stalled: 60 s"},
        {"model": "openai:b", "kind": "failover", "at_us": 9, "chars": 4, "error": None},
    ]
    metrics.ended(START, replace(END, attempts=tries, error="Stalled: 60 s"), None)
    assert value(metrics, "provider_errors_total", model="openai:a", error="Stalled") == 1
    assert value(metrics, "attempts_total", model="openai:b", kind="failover") == 1
    assert value(metrics, "attempts_total", model="openai:a", kind="first") == 0


async def test_usage_and_cost_count_where_they_are_known(metrics: Metrics) -> None:
    usage = replace(END, input_tokens=10, output_tokens=5, cost_microusd=2_500_000)
    metrics.ended(START, usage, None)
    metrics.ended(START, END, None)
    assert value(metrics, "usage_tokens_total", model="openai:gpt-x", type="input") == 10
    assert value(metrics, "usage_tokens_total", model="openai:gpt-x", type="output") == 5
    assert value(metrics, "cost_usd_total", model="openai:gpt-x") == 2.5


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (None, "ok"),
        ("RateLimited: slow down", "RateLimited"),
        ("Lacking: chat:write", "Lacking"),
        ("Hello: I am a label", "other"),
    ],
)
def test_a_call_is_counted_by_its_result(metrics: Metrics, error: str | None, result: str) -> None:
    metrics.called(uuid4(), "slack", replace(CALL, error=error), None)
    told = {"connector": "slack", "call": "edit"}
    assert value(metrics, "calls_total", **told, result=result) == 1
    assert value(metrics, "call_seconds_sum", **told) == pytest.approx(0.12)


async def test_the_lag_is_how_long_the_oldest_text_waited_that_a_call_showed(
    metrics: Metrics,
) -> None:
    """The first word gathers for 0.15 s; the rest, ten seconds later, is shown with the end."""
    script = ["One", Pause(10), " two", Finish()]
    async with a_way(script, watch=metrics) as way:
        await way.answer()
    assert value(metrics, "shown_lag_seconds_count", connector="memory") == 2
    assert value(metrics, "shown_lag_seconds_sum", connector="memory") == pytest.approx(
        0.15, abs=0.1
    )


async def test_text_that_came_while_a_call_was_under_way_waits_since_then(
    metrics: Metrics,
) -> None:
    """It is not charged with the wait of the text before it, nor is its own forgotten."""
    connector = MemoryConnector()
    post = connector.post

    async def slow(*given: object) -> object:
        await asyncio.sleep(5)
        return await post(*given)  # type: ignore[arg-type]

    connector.post = slow  # type: ignore[method-assign, assignment]
    script = ["One", Pause(1), " two", Pause(9), Finish()]
    async with a_way(script, connector=connector, watch=metrics) as way:
        await way.answer()
        assert way.shown == ["One two"]
    total = value(metrics, "shown_lag_seconds_sum", connector="memory")
    assert value(metrics, "shown_lag_seconds_count", connector="memory") == 2
    assert 5 + 4 < total < 5 + 7


def test_no_label_holds_what_people_choose(metrics: Metrics) -> None:
    hostile = 'evil"} 1\n'
    start = replace(START, person=Person(hostile, hostile), question=hostile, question_id=hostile)
    start = replace(start, place=replace(START.place, channel=hostile, thread=hostile))
    metrics.ended(start, replace(END, error=hostile, generated_text=hostile), None)
    metrics.called(start.run_id, "slack", replace(CALL, error=hostile), None)
    assert b"evil" not in metrics.text()


async def test_the_journals_groups_are_measured(metrics: Metrics) -> None:
    async with a_way([*words("Because of this."), Finish()], watch=metrics) as way:
        way.store.journal.on_written = metrics.written
        await way.answer()
        assert way.store.journal.waits_s == 0
    rows = value(metrics, "journal_group_rows_sum")
    assert rows > 3
    assert value(metrics, "journal_group_seconds_count") == value(
        metrics, "journal_group_rows_count"
    )
    longest = value(metrics, "journal_group_seconds_bucket", le="0.1")
    assert longest == value(metrics, "journal_group_seconds_count")


def test_two_processes_parts_share_nothing(metrics: Metrics) -> None:
    """Nothing is registered globally: a second bot in one process counts for itself."""
    Metrics("1.2.3").ended(START, END, None)
    assert b"everytoken_runs_total{" not in metrics.text()
    assert b'everytoken_build_info{python="' in metrics.text()
