"""Slack on loopback, and what speaks to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.store import SqlDatabase, upgrade
from connectors.base import Inflow
from connectors.slack.api import Api, OneToken
from connectors.slack.options import SlackOptions
from connectors.slack.people import Recipients
from connectors.slack.streams import Streams
from connectors.slack.writer import SlackWriter
from tests.servers.slack.limits import Limits
from tests.servers.slack.server import Slack, slack_server
from tests.store.conftest import postgres_schema


@pytest.fixture
async def slack() -> AsyncIterator[Slack]:
    """A Slack that limits no rate."""
    async with slack_server(limits=Limits().unmetered()) as server:
        yield server


@pytest.fixture
async def api(slack: Slack) -> AsyncIterator[Api]:
    """The Web API of that Slack, for its first workspace."""
    opened = Api(slack.url, OneToken(slack.bot_token))
    yield opened
    await opened.aclose()


@pytest.fixture
def writer(api: Api) -> SlackWriter:
    """Writes there by posts and edits alone."""
    options = SlackOptions(streaming="edit")
    return SlackWriter(api, options, Streams(api, options, Recipients(), Inflow()))


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of each kind."""
    sqlite = nullcontext(f"sqlite:///{tmp_path}/bot.db")
    with sqlite if request.param == "sqlite" else postgres_schema() as url:
        yield url


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """That database as the bot's migrations make it."""
    await upgrade(database_url)
    database = SqlDatabase(database_url)
    yield database.engine
    await database.aclose()
