"""One bot in many workspaces: installed in a browser, answering each with its own token."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from cryptography.fernet import Fernet
from sqlalchemy.ext.asyncio import AsyncEngine
from yarl import URL

from bot import http
from connectors.base import AnswerText, Asked, Gone, MessageRef, Part, Person, Place, Refused
from connectors.slack import OAuth, SlackConnector, SlackOptions
from tests.contract.connector import next_event
from tests.doubles.slack import Slack
from tests.doubles.slack.workspaces import (
    ALICE,
    CLIENT_ID,
    CLIENT_SECRET,
    GENERAL,
    SIGNING_SECRET,
)

pytestmark = pytest.mark.real_time

KEY = Fernet.generate_key().decode()


@asynccontextmanager
async def a_process(slack: Slack, engine: AsyncEngine) -> AsyncIterator[tuple[SlackConnector, URL]]:
    """A bot that many workspaces can install, and its address; Slack sends it events."""
    listener = http.listen("127.0.0.1", 0)
    root = URL(f"http://127.0.0.1:{listener.getsockname()[1]}")
    oauth = OAuth(CLIENT_ID, CLIENT_SECRET, str(root.origin()), (KEY,))
    options = SlackOptions(
        signing_secret=SIGNING_SECRET, api_url=slack.url, streaming="edit", oauth=oauth
    )
    connector = SlackConnector(options, engine)
    server = http.serve(http.build(list(connector.routes())))
    serving = asyncio.create_task(server.serve([listener]))
    slack.deliver_to(str(root / "slack/events"))
    try:
        yield connector, root
    finally:
        await connector.aclose()
        server.should_exit = True
        await serving
        listener.close()


async def install(root: URL, team: str) -> str:
    """Somebody installs the app in a workspace; the page that they end on."""
    async with (
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser,
        browser.get(root / "slack/install" % {"team": team}) as answer,
    ):
        return await answer.text()


async def test_each_workspace_is_answered_with_its_own_token(
    slack: Slack, engine: AsyncEngine
) -> None:
    second = slack.add_workspace()
    async with a_process(slack, engine) as (connector, root):
        events = connector.events()
        for workspace, person in ((slack.workspace, ALICE), (second, f"{ALICE}2")):
            assert "is installed" in await install(root, workspace.id)
            direct = slack.dm(person)
            asked = slack.ask("Why?", channel=direct, user=person)
            incoming = await next_event(events)
            incoming.accept()
            place = Place("slack", workspace.id, direct)
            assert incoming.event == Asked(
                MessageRef(place, asked.ts), Person(person, "Alice", realm=workspace.id), "Why?"
            )
            shown = await connector.post(
                place, Part(None, 0, AnswerText("Because."), last=True), workspace.id
            )
            assert slack.message(shown.ref.id).user == workspace.bot_user
        await connector.probe()


async def test_another_process_answers_a_workspace_that_it_did_not_install(
    slack: Slack, engine: AsyncEngine
) -> None:
    async with a_process(slack, engine) as (_, root):
        await install(root, slack.workspace.id)
        async with a_process(slack, engine) as (other, _):
            slack.ask("Why?", channel=slack.dm())
            (await next_event(other.events())).accept()
            place = Place("slack", slack.workspace.id, slack.dm())
            await other.post(place, Part(None, 0, AnswerText("Because."), last=True), "key")


async def test_a_workspace_that_removes_the_app_is_forgotten_until_it_comes_back(
    slack: Slack, engine: AsyncEngine
) -> None:
    place = Place("slack", slack.workspace.id, GENERAL, "1790000000.000001")
    part = Part(None, 0, AnswerText("Because."), last=True)
    async with a_process(slack, engine) as (connector, root):
        await install(root, slack.workspace.id)
        gone = slack.uninstall(slack.workspace.id)
        assert await gone.acknowledged()
        with pytest.raises(Refused, match="slack/install"):
            await connector.post(place, part, "key")
        await install(root, slack.workspace.id)
        asked = slack.ask("Back?")
        there = Place("slack", slack.workspace.id, GENERAL, asked.ts)
        await connector.post(there, part, "other key")


async def test_a_message_of_one_workspace_is_none_of_anothers(
    slack: Slack, engine: AsyncEngine
) -> None:
    second = slack.add_workspace()
    async with a_process(slack, engine) as (connector, root):
        for workspace in (slack.workspace, second):
            await install(root, workspace.id)
        asked = slack.ask("Why?")
        wrong = Place("slack", second.id, GENERAL, asked.ts)
        with pytest.raises((Refused, Gone)):
            await connector.read(MessageRef(wrong, asked.ts))


async def test_many_workspaces_need_a_database(slack: Slack) -> None:
    oauth = OAuth(CLIENT_ID, CLIENT_SECRET, "https://bot.example.com", (KEY,))
    with pytest.raises(ValueError, match="database"):
        SlackConnector(SlackOptions(api_url=slack.url, oauth=oauth))
