"""A channel's settings on Discord: values that complete themselves, and a form for the prompt."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bot.identity import Named
from bot.intake import IntakeOptions
from bot.intake.admission import SettingsBy
from bot.scopes import Offered, Scopes
from bot.store import ScopeStore, memory_store
from connectors.base import Scope
from connectors.discord.configuring import manages
from tests.doubles.discord import DiscordServer
from tests.doubles.discord.interactions import CallbackType, Interaction
from tests.doubles.discord.permissions import Permission
from tests.doubles.discord_way import Way, discord_way
from tests.doubles.waiting import until
from tests.wire.discord_.test_commands import registered
from tests.wire.discord_.test_places import told

pytestmark = pytest.mark.real_time

SERVERS = tuple(f"server-{n:02d}" for n in range(40))


@asynccontextmanager
async def way_with(
    server: DiscordServer, *admins: str, settings_by: SettingsBy = "admins"
) -> AsyncIterator[tuple[Way, ScopeStore]]:
    store = memory_store()
    scopes = Scopes(store.scopes, Offered(("fast", "deep", "deepest"), SERVERS))
    named = frozenset(map(Named, admins))
    intake = IntakeOptions(scopes=scopes, admins=named, settings_by=settings_by)
    async with discord_way(server, ["Usual."], store=store, intake=intake) as way:
        await registered(server)
        yield way, store.scopes


async def offered(given: Interaction) -> list[str]:
    """What Discord's menu shows while somebody writes."""
    answer = await given.callback()
    assert answer.type is CallbackType.AUTOCOMPLETE
    return [choice["value"] for choice in answer.data["choices"]]


async def said(server: DiscordServer, given: Interaction, words: str) -> None:
    """Waits until the person alone is told something."""

    def is_said() -> bool:
        message = server.platform.messages.get(given.original_id or "")
        return message is not None and message.ephemeral and words in message.content

    await until(is_said)


async def stored(scopes: ScopeStore) -> dict[str, Any]:
    return {one.name: one.value for one in await scopes.everything()}


async def test_a_value_completes_itself(server: DiscordServer) -> None:
    people = server.people
    async with way_with(server, people.alice.id) as (_, scopes):
        model = {"name": "model", "value": "dee"}
        assert await offered(people.complete("settings", model, "value")) == ["deep", "deepest"]
        tools = {"name": "tools", "value": "server-01, server-0"}
        found = await offered(people.complete("settings", tools, "value"))
        assert found[0] == "server-01, server-00"
        assert len(found) == 10
        every = {"name": "tools", "value": ""}
        assert len(await offered(people.complete("settings", every, "value"))) == 25
        other = people.complete("settings", model, "value", user=people.bob)
        assert await offered(other) == []
        assert await stored(scopes) == {}


async def test_a_prompt_is_written_in_a_form(server: DiscordServer) -> None:
    people = server.people
    async with way_with(server, people.alice.id) as (_, scopes):
        shown = people.command("settings", {"name": "prompt"})
        assert (await shown.callback()).type is CallbackType.MODAL
        sent = people.fill(shown, {"persona#0": "Lawyer", "prompt#0": "Be exact.\nSay why."})
        await said(server, sent, "Changed for")
        persona = {"name": "Lawyer", "prompt": "Be exact.\nSay why."}
        assert await stored(scopes) == {"persona": persona}
        again = people.command("settings", {"name": "prompt"})
        await again.callback()
        await said(server, people.fill(again, {}), "what was set already")
        assert len(await scopes.log()) == 1


async def test_a_long_prompt_has_several_fields_and_one_that_fits_none_is_refused(
    server: DiscordServer,
) -> None:
    people = server.people
    async with way_with(server, people.alice.id) as (way, scopes):
        channel = people.channel(None)
        here = Scope("discord", channel.guild_id or "", channel.id)
        lines = "\n".join(f"Rule {n}: be exact." for n in range(550))
        await scopes.change(here, {"persona": {"name": "Long", "prompt": lines}}, "operator")
        shown = people.command("settings", {"name": "prompt"})
        answer = await shown.callback()
        assert len(answer.data["components"]) == 4
        await said(server, people.fill(shown, {}), "what was set already")
        longer = lines * 2
        await scopes.change(here, {"persona": {"name": "Long", "prompt": longer}}, "operator")
        await told(way, "settings", "too long to be changed here", {"name": "prompt"})


async def test_the_later_of_two_admins_is_told_what_changed(server: DiscordServer) -> None:
    people = server.people
    async with way_with(server, people.alice.id, people.bob.id) as (_, scopes):
        first = people.command("settings", {"name": "prompt"}, user=people.alice)
        await first.callback()
        second = people.command("settings", {"name": "prompt"}, user=people.bob)
        await second.callback()
        sent = people.fill(second, {"prompt#0": "Be brief."}, user=people.bob)
        await said(server, sent, "Changed for")
        late = people.fill(first, {"prompt#0": "Be exact."}, user=people.alice)
        await said(server, late, "was changed meanwhile")
        message = server.platform.messages[late.original_id or ""]
        assert people.bob.id in message.content
        assert (await stored(scopes))["persona"]["prompt"] == "Be brief."


async def test_who_may_not_change_it_gets_no_form(server: DiscordServer) -> None:
    people = server.people
    async with way_with(server, people.alice.id) as (_, scopes):
        given = people.command("settings", {"name": "prompt"}, user=people.bob)
        await said(server, given, "dmin")
        custom_id = "everytoken:settings:channel:persona:0"
        forged = people.submit(custom_id, {"prompt#0": "Obey me."}, user=people.bob)
        await said(server, forged, "dmin")
        assert await stored(scopes) == {}


@pytest.mark.parametrize(
    ("permission", "settings_by", "where", "may"),
    [
        (Permission.MANAGE_GUILD, "workspace", "channel", True),
        (Permission.MANAGE_GUILD, "workspace", "workspace", True),
        (Permission.MANAGE_GUILD, "workspace", "default", False),
        (Permission.MANAGE_GUILD, "admins", "channel", False),
        (Permission.MANAGE_CHANNELS, "channel", "channel", True),
        (Permission.MANAGE_CHANNELS, "channel", "workspace", False),
        (Permission.MANAGE_CHANNELS, "workspace", "channel", False),
        (Permission.ADMINISTRATOR, "channel", "workspace", True),
        (Permission.SEND_MESSAGES, "channel", "channel", False),
    ],
)
async def test_discord_says_what_somebody_manages(
    server: DiscordServer, permission: Permission, settings_by: SettingsBy, where: str, may: bool
) -> None:
    people = server.people
    server.platform.managing[people.bob.id] = permission
    async with way_with(server, settings_by=settings_by) as (_, scopes):
        options = {"name": "model", "value": "deep", "where": where}
        given = people.command("settings", options, user=people.bob)
        await said(server, given, "Changed for" if may else "dmin")
        assert bool(await stored(scopes)) is may


def test_nobody_manages_direct_messages() -> None:
    assert manages({"user": {"id": "1"}}) == ""
    assert manages({"member": {"permissions": "0"}}) == ""
