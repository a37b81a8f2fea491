"""A run is made with what holds in its place when it begins, and says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.runs import Maker
from bot.scopes import Offered, Scopes, made_lines
from bot.store import RunRow, Store, StoreUnavailable
from connectors.base import ConnectorError, Place, Scope
from connectors.memory import MemoryConnector
from providers.base import Provider
from providers.scripted import Pause, ScriptedProvider
from tests.doubles.way import Way, a_way, clock_us

GENERAL = Place("memory", "home", "general")
LEGAL = Place("memory", "home", "legal")
IN_THREAD = replace(LEGAL, thread="7")


class Shelf:
    """The models that are offered, each a script of its own."""

    def __init__(self, *names: str) -> None:
        self.models = {name: ScriptedProvider([f"I am {name}."], name=f"scripted:{name}")
                       for name in names}  # fmt: skip

    def chain(self, names: Sequence[str]) -> Provider:
        """The first of them: no model fails here."""
        return self.models[names[0]]


SHELF = ("fast", "deep")


def opened(scopes: list[Scopes], shelf: Shelf, **more: Any) -> AbstractAsyncContextManager[Way]:
    """A way on which two models can be chosen; its `Scopes` are put into the list."""

    def maker(store: Store) -> Maker:
        scopes.append(Scopes(store.scopes, Offered(SHELF), **more.get("file", {})))
        return Maker(scopes[0], shelf, clock_us)

    kept = {name: value for name, value in more.items() if name != "file"}
    return a_way(["I am the usual."], maker=maker, **kept)


async def answer(way: Way, place: Place, text: str = "Who are you?") -> RunRow:
    """The run that answers a question there."""
    incoming = way.connector.ask(text, place=place)
    assert await incoming.accepted()
    await way.intake.settled()
    (row,) = await way.store.runs.recent(1)
    return row


def told(row: RunRow) -> dict[str, tuple[str, str]]:
    return {name: (value, source) for name, value, source in made_lines(row.start.made_with)}


def said(row: RunRow) -> str:
    assert row.end is not None
    return row.end.generated_text


async def test_two_channels_have_two_models_and_a_thread_inherits() -> None:
    scopes: list[Scopes] = []
    async with opened(scopes, Shelf(*SHELF)) as way:
        written = {"model": "deep", "persona": "Lawyer", "prompt": "A lawyer in {channel}, {date}."}
        await scopes[0].change(Scope("memory", "home", "legal"), written, "operator")
        rows = [await answer(way, place) for place in (GENERAL, LEGAL, IN_THREAD)]
        assert [said(row) for row in rows] == ["I am the usual.", "I am deep.", "I am deep."]
        assert [row.start.model for row in rows] == ["scripted:script", *["scripted:deep"] * 2]
        assert told(rows[0])["model"] == ("scripted:script", "default")
        assert told(rows[2])["model"] == ("deep", "memory:home/legal")
        assert told(rows[2])["persona"][0].startswith("Lawyer (")


async def test_the_prompt_has_the_date_and_the_channel() -> None:
    scopes: list[Scopes] = []
    shelf = Shelf(*SHELF)
    async with opened(scopes, shelf) as way:
        written = {"model": "fast", "prompt": "In {channel} on {date}."}
        await scopes[0].change(Scope("memory", "home", "legal"), written, "operator")
        await answer(way, LEGAL)
        await answer(way, GENERAL)
        (request,) = shelf.models["fast"].requests
        assert request.turns[0].text == "In legal on 2023-11-14."
        assert way.provider.requests[0].turns[0].text == "Be brief."


@pytest.mark.parametrize(
    ("scope", "from_"),
    [
        ("memory:home/legal/7", "memory:home/legal/7"),
        ("memory:home/legal", "memory:home/legal"),
        ("memory:home/category/law", "memory:home/category/law"),
        ("memory:home", "memory:home"),
        ("default", "default"),
    ],
)
async def test_the_narrowest_scope_wins(scope: str, from_: str) -> None:
    scopes: list[Scopes] = []
    async with opened(scopes, Shelf(*SHELF)) as way:
        way.connector.platform.categories["legal"] = "law"
        wider = ["default", "memory:home", "memory:home/category/law", "memory:home/legal"]
        for each in wider[: wider.index(scope)] if scope in wider else wider:
            await scopes[0].change(Scope.parse(each), {"model": "fast"}, "operator")
        await scopes[0].change(Scope.parse(scope), {"model": "deep"}, "operator")
        row = await answer(way, IN_THREAD)
        assert said(row) == "I am deep."
        assert told(row)["model"] == ("deep", from_)


async def test_a_change_holds_from_the_next_run_on() -> None:
    scopes: list[Scopes] = []
    shelf = Shelf(*SHELF)
    shelf.models["fast"] = ScriptedProvider(
        ["One ", "two ", Pause(5.0), "three."], name="scripted:fast"
    )
    async with opened(scopes, shelf) as way:
        scope = Scope("memory", "home", "general")
        await scopes[0].change(scope, {"model": "fast"}, "operator")
        await way.ask()
        await way.until(lambda: any("One" in text for text in way.shown))
        await scopes[0].change(scope, {"model": "deep"}, "operator")
        await way.ask()
        await way.intake.settled()
        newest, oldest = await way.store.runs.recent(2)
        assert (said(oldest), said(newest)) == ("One two three.", "I am deep.")


async def test_a_model_that_went_away_leaves_the_default_and_is_told_once() -> None:
    scopes: list[Scopes] = []
    async with opened(scopes, Shelf(*SHELF)) as way:
        scope = Scope("memory", "home", "legal")
        await scopes[0].change(scope, {"model": "deep", "reasoning": "shown"}, "operator")
        scopes[0].offered = Offered(("fast",))
        with capture_logs() as logs:
            rows = [await answer(way, LEGAL), await answer(way, LEGAL)]
        assert {said(row) for row in rows} == {"I am the usual."}
        assert told(rows[0])["gone"] == ("deep", "memory:home/legal")
        assert told(rows[0])["reasoning"] == ("shown", "memory:home/legal")
        gone = [line for line in logs if line["event"] == "scope.model_gone"]
        assert [(line["model"], line["scope"]) for line in gone] == [("deep", str(scope))]


async def test_of_a_chain_the_models_that_are_left_answer() -> None:
    scopes: list[Scopes] = []
    async with opened(scopes, Shelf(*SHELF)) as way:
        scope = Scope("memory", "home", "legal")
        await scopes[0].change(scope, {"model": "deep,fast"}, "operator")
        scopes[0].offered = Offered(("fast",))
        assert said(await answer(way, LEGAL)) == "I am fast."


def away(*_: Any) -> Any:
    raise StoreUnavailable("away")


async def test_without_the_database_what_was_known_to_hold_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scopes: list[Scopes] = []
    async with opened(scopes, Shelf(*SHELF)) as way:
        await scopes[0].change(Scope("memory", "home", "legal"), {"model": "deep"}, "operator")
        await answer(way, LEGAL)
        monkeypatch.setattr(way.store.scopes, "holding", away)
        assert said(await answer(way, LEGAL)) == "I am deep."
        assert said(await answer(way, GENERAL)) == "I am the usual."


async def test_without_a_category_the_rest_of_the_lineage_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def lineage(_self: object, _place: Place) -> Sequence[Scope]:
        raise ConnectorError("away")

    scopes: list[Scopes] = []
    async with opened(scopes, Shelf(*SHELF)) as way:
        await scopes[0].change(Scope("memory", "home", "legal"), {"model": "deep"}, "operator")
        monkeypatch.setattr(MemoryConnector, "lineage", lineage)
        assert said(await answer(way, IN_THREAD)) == "I am deep."


async def test_a_stop_that_comes_while_it_is_looked_up_is_heard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def slow(_scopes: object) -> list[Any]:
        await asyncio.sleep(3)
        return []

    scopes: list[Scopes] = []
    async with opened(scopes, Shelf(*SHELF)) as way:
        monkeypatch.setattr(way.store.scopes, "holding", slow)
        await way.ask()
        await way.until(lambda: way.runs.active)
        way.runs.stop(way.runs.active[0].id)
        await way.intake.settled()
        (row,) = await way.store.runs.recent(1)
        assert row.end is not None
        assert row.end.outcome == "stopped"
        assert way.provider.requests == []


FILE = {Scope("memory", "home", "legal"): {"model": ["fast"]}}


@pytest.mark.parametrize(
    ("file_only", "answered", "from_"),
    [(False, "I am deep.", "memory:home/legal"), (True, "I am fast.", "memory:home/legal (file)")],
)
async def test_what_is_set_in_chat_wins_over_the_file_unless_only_the_file_counts(
    file_only: bool, answered: str, from_: str
) -> None:
    scopes: list[Scopes] = []
    file: dict[str, Any] = {"of_file": FILE, "file_only": file_only}
    async with opened(scopes, Shelf(*SHELF), file=file) as way:
        await way.store.scopes.change(Scope("memory", "home", "legal"), {"model": ["deep"]}, "Ada")
        row = await answer(way, LEGAL)
        assert said(row) == answered
        assert told(row)["model"][1] == from_


OPTIONS: dict[str, tuple[str, Callable[[Way], bool]]] = {
    "max_answer_tokens": ("77", lambda way: way.provider.requests[-1].max_tokens == 77),
    "history_messages": ("0", lambda way: len(way.provider.requests[-1].turns) == 2),
}


@pytest.mark.parametrize("name", OPTIONS)
async def test_limits_of_a_scope_hold_for_its_answers(name: str) -> None:
    value, holds = OPTIONS[name]
    scopes: list[Scopes] = []
    async with opened(scopes, Shelf(*SHELF)) as way:
        await answer(way, GENERAL)
        await answer(way, GENERAL)
        assert not holds(way)
        await scopes[0].change(Scope("memory", "home", "general"), {name: value}, "operator")
        await answer(way, GENERAL)
        assert holds(way)


async def test_what_can_t_be_understood_leaves_the_default_and_is_told() -> None:
    scopes: list[Scopes] = []
    async with opened(scopes, Shelf(*SHELF)) as way:
        scope = Scope("memory", "home", "general")
        await way.store.scopes.change(scope, {"persona": {"of": "a later version"}}, "Ada")
        with capture_logs() as logs:
            assert said(await answer(way, GENERAL)) == "I am the usual."
        assert any(line["event"] == "scope.bug" for line in logs)
