"""Which questions wait, and how much is answered, is a channel's own where it is set."""

from __future__ import annotations

from typing import Any

import pytest

from bot.identity import Named
from bot.intake import IntakeOptions, Policy
from bot.scopes import Offered, Scopes, WrongValue
from bot.store import memory_store
from connectors.base import Scope
from connectors.memory import ALICE
from providers.scripted import Pause
from tests.doubles.way import a_way
from tests.unit.scopes.test_admission import BOB, GENERAL, HERE, LEGAL, THERE, ask, opened


@pytest.mark.parametrize("usual", ["queue", "replace", "parallel"])
@pytest.mark.parametrize(("policy", "at_once"), [("queue", 1), ("parallel", 2), ("replace", 1)])
async def test_what_becomes_of_a_second_question_is_a_place_s_own(
    usual: Policy, policy: Policy, at_once: int
) -> None:
    store = memory_store()
    scopes = Scopes(store.scopes, Offered())
    intake = IntakeOptions(usual, scopes=scopes)
    await scopes.change(HERE, {"conversation_policy": policy}, "Ada")
    async with a_way(["On", Pause(5), "e."], store=store, intake=intake) as way:
        assert await way.connector.ask("One?", ALICE, LEGAL).accepted()
        await way.until(lambda: way.shown)
        assert await way.connector.ask("Two?", ALICE, LEGAL).accepted()
        await way.until(lambda: policy != "parallel" or len(way.runs.active) == 2)
        assert len(way.runs.active) == at_once
        await way.intake.settled()
        whole = [text for text in way.shown if text == "One."]
        assert len(whole) == (1 if policy == "replace" else 2)
        assert await way.store.inbox.unanswered() == []


async def test_a_channel_has_its_answers_of_a_day() -> None:
    async with opened() as (way, scopes):
        await scopes.change(Scope("memory", "home"), {"runs_per_day": "2"}, "Ada")
        assert "Yes." in await ask(way, LEGAL, BOB)
        assert "Yes." in await ask(way, LEGAL, BOB)
        assert "has had the 2 answers of today" in await ask(way, LEGAL, BOB)
        assert "Yes." in await ask(way, LEGAL, ALICE)  # an admin
        assert "Yes." in await ask(way, GENERAL, BOB)  # another channel has its own
        await scopes.change(THERE, {"runs_per_day": "0"}, "Ada")
        assert "has had the 0 answers" in await ask(way, GENERAL, BOB)


async def test_a_channel_has_its_money_of_a_day() -> None:
    def price(*_: Any) -> int:
        return 600_000

    store = memory_store()
    scopes = Scopes(store.scopes, Offered())
    intake = IntakeOptions(scopes=scopes, admins=frozenset({Named("alice")}))
    await scopes.change(HERE, {"usd_per_day": "1.00"}, "Ada")
    async with a_way(["Yes."], store=store, intake=intake, price=price) as way:
        for _ in range(2):
            assert "Yes." in await ask(way, LEGAL, BOB)
        assert "used up the 1.00 US dollars of today" in await ask(way, LEGAL, BOB)
        assert "Yes." in await ask(way, GENERAL, BOB)


@pytest.mark.parametrize("written", ["-1", "a lot", "1e9", "1,5", "99999999", "0.0000001"])
async def test_what_is_no_amount_is_refused(written: str) -> None:
    async with opened() as (_, scopes):
        with pytest.raises(WrongValue, match="has to be an amount"):
            await scopes.change(HERE, {"usd_per_day": written}, "Ada")
