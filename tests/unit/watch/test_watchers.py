"""Who watches can't harm what is watched."""

from __future__ import annotations

from typing import Any

from bot.telemetry import Metrics, Watchers
from providers.scripted import Finish
from tests.doubles.way import a_way, words
from tests.unit.watch.test_metrics import value


class Broken:
    """A watcher with a bug in every method."""

    def __getattr__(self, _name: str) -> Any:
        def fail(*_given: Any) -> None:
            raise ValueError("a bug")

        return fail


async def test_a_watcher_that_breaks_costs_neither_the_run_nor_the_others(capsys: Any) -> None:
    metrics = Metrics("")
    watch = Watchers([Broken(), metrics])
    async with a_way([*words("Because of this."), Finish()], watch=watch) as way:
        result = await way.answer()
        assert way.shown == ["Because of this."]
    assert result.receipt.verdict == "verified"
    assert value(metrics, "run_seconds_count", connector="memory") == 1
    assert value(metrics, "call_seconds_count", connector="memory", call="post") == 1
    assert capsys.readouterr().out.count("watch.broke") >= 3


async def test_nobody_is_told_of_single_tokens() -> None:
    told: list[str] = []

    class Listener:
        def __getattr__(self, name: str) -> Any:
            return lambda *_given: told.append(name)

    script = [*words("one " * 500), Finish()]
    async with a_way(script, watch=Watchers([Listener()])) as way:
        result = await way.answer()
    assert result.tokens > 400
    assert len(told) < 10
    assert (told[0], told[-1]) == ("began", "ended")
