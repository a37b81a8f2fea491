"""A channel's settings in Slack's modal: opened by who may change them, refused where it is old."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from bot.identity import Named
from bot.intake import IntakeOptions
from bot.intake.admission import SettingsBy
from bot.scopes import MOST_PROMPT, Offered, Scopes
from bot.store import ScopeStore, memory_store
from connectors.base import Place, Scope
from connectors.slack.people import manages
from tests.doubles.slack import ALICE, BOB, GENERAL, Slack
from tests.doubles.slack.people import Acted
from tests.doubles.slack_way import Way, slack_way
from tests.doubles.waiting import until
from tests.wire.slack.test_places import told, whispered

pytestmark = pytest.mark.real_time


@asynccontextmanager
async def way_with(
    slack: Slack, *admins: str, settings_by: SettingsBy = "admins"
) -> AsyncIterator[tuple[Way, ScopeStore]]:
    store = memory_store()
    scopes = Scopes(store.scopes, Offered(("fast", "deep"), ("files", "web")))
    named = frozenset(map(Named, admins))
    intake = IntakeOptions(scopes=scopes, admins=named, settings_by=settings_by)
    async with slack_way(slack, ["Usual."], store=store, intake=intake) as way:
        yield way, store.scopes


async def opened(slack: Slack, user: str = ALICE, text: str = "settings") -> dict[str, Any]:
    """Gives the command, and returns the modal that opens."""
    before = len(slack.platform.views)
    slack.command(text, user=user)
    await until(lambda: len(slack.platform.views) > before)
    return slack.platform.views[-1]


async def answered(acted: Acted) -> dict[str, Any]:
    """What Slack is told once a modal was sent off."""
    assert await acted.settled()
    found: dict[str, Any] = acted.response or {}
    return found


async def stored(scopes: ScopeStore) -> dict[str, Any]:
    return {one.name: one.value for one in await scopes.everything()}


async def test_an_admin_sets_in_one_form_what_a_channel_answers_with(slack: Slack) -> None:
    async with way_with(slack, ALICE) as (way, scopes):
        view = await opened(slack)
        assert "model" in {block["block_id"] for block in view["blocks"]}
        filled = {
            "model": "deep", "persona#0": "Lawyer", "prompt#0": "Be exact.", "tools": ["web"],
            "reasoning": "summary", "language": "zh-CN", "follow_ups": "off",
            "conversation_policy": "replace", "runs_per_day#0": "20", "usd_per_day#0": "1.5",
        }  # fmt: skip
        assert await answered(slack.fill_view(filled)) == {}
        await until(lambda: any("changed what I answer with" in text for text in way.shown))
        assert await stored(scopes) == {
            "model": ["deep"], "persona": {"name": "Lawyer", "prompt": "Be exact."},
            "tools": ["web"], "reasoning": "summary", "language": "zh-CN", "follow_ups": False,
            "conversation_policy": "replace", "runs_per_day": 20, "usd_per_day": "1.5",
        }  # fmt: skip
        await opened(slack)
        assert await answered(slack.fill_view({"model": "-", "follow_ups": "on"})) == {}
        now = await stored(scopes)
        assert ("model" in now, now["follow_ups"], now["tools"]) == (False, True, ["web"])
        assert len(await scopes.log()) == 11


async def test_what_is_sent_as_it_was_changes_nothing(slack: Slack) -> None:
    prompt = "\n\n".join(f"Rule {n}: " + "be exact, " * 60 for n in range(30))[:MOST_PROMPT]
    async with way_with(slack, ALICE) as (_, scopes):
        here = Scope("slack", slack.workspace.id, GENERAL)
        await scopes.change(here, {"persona": {"name": "Long", "prompt": prompt}}, "operator")
        view = await opened(slack)
        inputs = [each["block_id"] for each in view["blocks"] if "prompt" in each["block_id"]]
        assert len(inputs) >= 7
        assert await answered(slack.fill_view({})) == {}
        assert len(await scopes.log()) == 1
        await opened(slack)
        assert await answered(slack.fill_view({"prompt#0": "Be brief."})) == {}
        value = (await stored(scopes))["persona"]
        assert value["prompt"].startswith("Be brief.")
        assert value["name"] == "Long"


async def test_what_cannot_be_set_is_said_in_the_form(slack: Slack) -> None:
    async with way_with(slack, ALICE) as (_, scopes):
        await opened(slack)
        said = await answered(slack.fill_view({"run_seconds#0": "soon"}))
        assert said["response_action"] == "errors"
        assert "1 to 86400" in said["errors"]["run_seconds#0"].replace(",", "")
        assert await stored(scopes) == {}


async def test_the_later_of_two_admins_is_told_what_changed_and_by_whom(slack: Slack) -> None:
    async with way_with(slack, ALICE, BOB) as (_, scopes):
        await opened(slack, ALICE)
        first = slack.platform.views.pop()
        await opened(slack, BOB)
        assert await answered(slack.fill_view({"model": "fast"}, user=BOB)) == {}
        slack.platform.views.append(first)
        said = await answered(slack.fill_view({"model": "deep", "language": "en"}))
        assert BOB in said["errors"]["model"]
        assert "fast" in said["errors"]["model"]
        assert await stored(scopes) == {"model": ["fast"]}
        # What nobody else has changed can be.
        assert await answered(slack.fill_view({"language": "en"})) == {}
        assert await stored(scopes) == {"model": ["fast"], "language": "en"}


async def test_so_is_who_looked_at_the_list_and_then_writes(slack: Slack) -> None:
    async with way_with(slack, ALICE, BOB) as (_, scopes):
        await told(slack, "settings show", "Nothing is set")
        await told(slack, "settings model=fast", "Changed for", BOB)
        await told(slack, "settings model=deep", "was changed meanwhile")
        assert BOB in whispered(slack)[-1]
        assert await stored(scopes) == {"model": ["fast"]}
        await told(slack, "settings model=deep", "Changed for")  # they know by now


async def test_who_may_not_change_it_sees_what_holds(slack: Slack) -> None:
    async with way_with(slack, ALICE):
        await told(slack, "settings", "Nothing is set for this place", BOB)
        assert slack.platform.views == []


async def test_a_form_is_no_way_around_being_no_admin(slack: Slack) -> None:
    async with way_with(slack, ALICE) as (_, scopes):
        await opened(slack, ALICE)
        said = await answered(slack.fill_view({"model": "deep"}, user=BOB))
        assert "dmin" in str(said["errors"])
        assert await stored(scopes) == {}


async def test_admins_of_the_workspace_may_change_it_where_that_is_set(slack: Slack) -> None:
    workspace = slack.workspace
    workspace.users[BOB] = replace(workspace.users[BOB], admin=True)
    async with way_with(slack, settings_by="workspace") as (_, scopes):
        await told(slack, "settings model=deep", "Changed for", BOB)
        await told(slack, "settings workspace model=fast", "Changed for", BOB)
        await told(slack, "settings all model=fast", "dmin", BOB)  # the bot's admins alone
        await told(slack, "settings model=fast", "dmin", ALICE)  # only created the channel
        assert len(await scopes.log()) == 2


async def test_who_created_a_channel_may_change_that_where_that_is_set(slack: Slack) -> None:
    async with way_with(slack, settings_by="channel") as (way, scopes):
        creator = ALICE
        api = way.connector._api
        assert await manages(api, slack.workspace.id, GENERAL, creator) == "channel"
        assert await manages(api, slack.workspace.id, GENERAL, BOB) == ""
        assert (
            await manages(
                api, slack.workspace.id, Place("slack", slack.workspace.id, "C404").channel, BOB
            )
            == ""
        )
        await told(slack, "settings model=deep", "Changed for", creator)
        await told(slack, "settings workspace model=deep", "dmin", creator)
        assert len(await scopes.log()) == 1


async def test_a_modal_that_slack_does_not_open_is_said(slack: Slack) -> None:
    async with way_with(slack, ALICE) as (way, _):
        slack.platform.exchanged.update(slack.platform.triggers)
        real, calls = way.connector._api.call, []

        async def late(team: str, method: str, **arguments: Any) -> dict[str, Any]:
            if method == "views.open":
                calls.append(method)
                slack.platform.triggers.clear()
            return await real(team, method, **arguments)

        way.connector._api.call = late  # type: ignore[method-assign]
        acted = slack.command("settings")
        assert await acted.settled()
        assert "could not do that just now" in str(acted.response)
        assert calls
        await asyncio.sleep(0)
