"""Whatever a platform says of itself at the start, the bot takes it: it says so, and goes on."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.app.serve import _check
from connectors.base import ConnectorError
from connectors.discord import DiscordConnector, DiscordOptions
from connectors.memory import MemoryConnector
from connectors.slack import SlackConnector, SlackOptions

SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
NAMES = st.sampled_from(
    ["id", "ok", "bot_id", "bot", "app_id", "team", "flags", "type", "channel", "guild_id", "name",
     "permissions", "roles", "permission_overwrites", "owner_id", "parent_id", "user"]
)  # fmt: skip
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=20,
)


class Saying:
    """Answers every question with the next of some values."""

    def __init__(self, said: list[Any]) -> None:
        self._said = said

    async def next(self, *_: Any, **__: Any) -> Any:
        """The next one, and the last for ever."""
        return self._said.pop(0) if len(self._said) > 1 else self._said[0]

    async def answer(self, *_: Any, **__: Any) -> Any:
        """The same as Slack's: with headers."""
        return await self.next(), {"x-oauth-scopes": str(await self.next())}


@given(st.lists(JSON, min_size=1, max_size=8))
async def test_slack_may_say_anything(said: list[Any]) -> None:
    connector = SlackConnector(SlackOptions(bot_token="xoxb-1", app_token="xapp-1-A1-1-x"))
    connector._api.request = Saying(said).answer  # type: ignore[method-assign]
    with suppress(ConnectorError):
        await connector.probe()


@given(st.lists(JSON, min_size=1, max_size=8))
async def test_discord_may_say_anything(said: list[Any]) -> None:
    connector = DiscordConnector(DiscordOptions(token="x.y.z", check_channel="7"))
    saying = Saying(said)
    for name in ("me", "application", "look_up"):
        setattr(connector._rest, name, saying.next)
    with suppress(ConnectorError):
        await connector.probe()


@pytest.mark.parametrize("fault", [KeyError("id"), TypeError("x"), RecursionError(), ValueError()])
async def test_no_probe_ends_the_start(fault: Exception) -> None:
    """Also of a connector that doesn't translate its faults."""

    class Broken(MemoryConnector):
        async def probe(self) -> None:
            raise fault

    await _check([Broken(), MemoryConnector()], tolerant=False)
