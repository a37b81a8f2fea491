"""Slack on loopback, and what speaks to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.store import SqlDatabase
from connectors.base import Inflow
from connectors.slack.api import Api, OneToken
from connectors.slack.installations.table import metadata
from connectors.slack.options import SlackOptions
from connectors.slack.people import Recipients
from connectors.slack.streams import Streams
from connectors.slack.writer import SlackWriter
from tests.doubles.databases import migrated, postgres_schema
from tests.doubles.slack.limits import Limits
from tests.doubles.slack.server import Slack, slack_server

_FILE = "bot.db"


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
    sqlite = nullcontext(f"sqlite:///{tmp_path}/{_FILE}")
    with sqlite if request.param == "sqlite" else postgres_schema() as url:
        yield url


@pytest.fixture
async def engine(database_url: str, tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """That database with the table of installations."""
    database = SqlDatabase(database_url)
    if database.engine.dialect.name == "sqlite":
        await migrated(tmp_path / _FILE)
    else:
        await database.run(metadata.create_all)
    yield database.engine
    await database.aclose()
