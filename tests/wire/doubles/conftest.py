"""A Slack for each test, and the real SDK's client for it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from tests.doubles.slack import Slack, slack_server
from tests.doubles.slack.testing import Heard, connected_app, web_client


@pytest.fixture
async def slack() -> AsyncIterator[Slack]:
    """Slack with its usual limits."""
    async with slack_server() as slack:
        yield slack


@pytest.fixture
async def client(slack: Slack) -> AsyncIterator[AsyncWebClient]:
    """The bot of the first workspace."""
    async with web_client(slack) as client:
        yield client


@pytest.fixture
async def heard(slack: Slack) -> AsyncIterator[Heard]:
    """An app in Socket Mode, and what it hears."""
    async with connected_app(slack) as heard:
        yield heard
