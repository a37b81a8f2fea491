"""Settings of a channel, by commands: seen by all, changed by admins, heeded at once."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from bot.identity import Named
from bot.intake import IntakeOptions
from bot.runs import Maker
from bot.scopes import SETTINGS, Offered, Scopes, made_lines
from bot.store import Store, memory_store
from connectors.discord import configuring
from tests.doubles.discord import DiscordServer
from tests.doubles.discord_way import Way, discord_way, now_us
from tests.doubles.waiting import until
from tests.unit.scopes.test_making import Shelf
from tests.wire.discord_.test_commands import registered

pytestmark = pytest.mark.real_time


def test_the_command_offers_every_setting_that_there_is() -> None:
    assert set(configuring._CHOSEN) == set(SETTINGS)


async def told(
    way: Way, command: str, words: str, options: Mapping[str, str] | None = None
) -> None:
    """Gives a command, and waits until its person alone is told something."""
    given = way.server.people.command(command, options, user=way.server.people.alice)

    def said() -> bool:
        message = way.server.platform.messages.get(given.original_id or "")
        return message is not None and message.ephemeral and words in message.content

    await until(said)


async def test_an_admin_sets_a_model_for_a_channel(server: DiscordServer) -> None:
    store = memory_store()
    scopes = Scopes(store.scopes, Offered(("fast", "deep")))

    def maker(_: Store) -> Maker:
        return Maker(scopes, Shelf("fast", "deep"), now_us)

    people = server.people
    intake = IntakeOptions(scopes=scopes, admins=frozenset({Named(people.alice.id)}))
    async with discord_way(server, ["Usual."], store=store, intake=intake, maker=maker) as way:
        await registered(server)
        await told(way, "settings", "Nothing is set for this place")
        await told(way, "settings", "Did you mean deep?", {"name": "model", "value": "dep"})
        await told(way, "settings", "Changed for", {"name": "model", "value": "deep"})
        await until(lambda: any("changed what I answer" in text for text in server.record.shown()))
        await told(way, "settings", "What holds here")
        people.say(f"{people.mention} Who?")
        (row,) = await way.rows(1)
        assert row.end is not None
        assert row.end.generated_text == "I am deep."
        made = {name: source for name, _, source in made_lines(row.start.made_with)}
        assert made["model"].startswith("discord:")
        await told(way, "settings", "Changed for", {"name": "model", "value": "unset"})
        await told(way, "pause", "Paused")
        await told(way, "resume", "I answer there again")


async def test_who_is_no_admin_changes_nothing(server: DiscordServer) -> None:
    store = memory_store()
    scopes = Scopes(store.scopes, Offered(("deep",)))
    async with discord_way(
        server, ["Usual."], store=store, intake=IntakeOptions(scopes=scopes)
    ) as way:
        await registered(server)
        await told(way, "settings", "dmin", {"name": "model", "value": "deep"})
        await told(way, "pause", "dmin")
        assert await store.scopes.log() == []
