"""Each fault of a bot's set-up is named, with the step that mends it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connectors.base import Lacking, Refused, Unavailable
from connectors.discord import checks
from connectors.discord.api import Rest
from connectors.discord.checks import diagnose, in_channel, in_guild, invite_url, needed
from connectors.discord.connector import DiscordConnector
from tests.doubles.discord import (
    ChannelType,
    DiscordServer,
    Intent,
    Permission,
    Refuse,
    discord_server,
)
from tests.doubles.discord_way import options_for

pytestmark = pytest.mark.real_time

DOCS = Path(__file__).parents[3] / "docs" / "connect-discord.md"


async def faults(server: DiscordServer, channel: str | None = None, **options: object) -> str:
    """What is wrong, in words."""
    made = options_for(server, **options)
    rest = Rest(made)
    try:
        with pytest.raises(Lacking) as raised:
            await diagnose(rest, made, channel)
    finally:
        await rest.aclose()
    return str(raised.value)


async def test_a_bot_that_has_all_it_needs_passes(server: DiscordServer, rest: Rest) -> None:
    for threads in (False, True):
        await diagnose(rest, options_for(server, threads=threads), server.people.general.id)


async def test_a_wrong_token_is_named(server: DiscordServer) -> None:
    connector = DiscordConnector(options_for(server, token="test.other"))
    with pytest.raises(Refused, match="DISCORD_TOKEN") as raised:
        await connector.probe()
    assert not isinstance(raised.value, Lacking)
    await connector.aclose()


async def test_the_missing_intent_is_named() -> None:
    async with discord_server(intents=Intent(0)) as server:
        assert await faults(server) == checks.INTENT


async def test_a_permission_that_the_server_does_not_give_is_named_with_the_invitation(
    server: DiscordServer,
) -> None:
    for role in server.people.guild.roles.values():
        role.permissions &= ~Permission.READ_MESSAGE_HISTORY
    told = await faults(server)
    assert "Read Message History is missing" in told
    assert told.startswith("In the server Guild ")
    assert "oauth2/authorize" in told


async def test_a_permission_that_every_channel_takes_is_named(server: DiscordServer) -> None:
    server.people.deny(Permission.SEND_MESSAGES)
    assert "every channel of the server Guild" in await faults(server)
    server.platform.add_channel(server.people.guild, "open")
    rest = Rest(options_for(server))
    await diagnose(rest, options_for(server))
    await rest.aclose()


async def test_a_permission_that_one_channel_takes_is_named_for_it(server: DiscordServer) -> None:
    open_one = server.platform.add_channel(server.people.guild, "open")
    server.people.deny(Permission.SEND_MESSAGES_IN_THREADS)
    told = await faults(server, server.people.general.id)
    assert told.startswith("In #general the permission Send Messages in Threads is missing")
    server.people.deny(Permission.VIEW_CHANNEL)
    assert "can't be seen by the bot" in await faults(server, server.people.general.id)
    assert open_one.name == "open"


async def test_the_channel_to_look_into_is_an_option(server: DiscordServer) -> None:
    server.platform.add_channel(server.people.guild, "open")
    server.people.deny(Permission.SEND_MESSAGES)
    connector = DiscordConnector(options_for(server, check_channel=server.people.general.id))
    with pytest.raises(Lacking, match="In #general the permission Send Messages is missing"):
        await connector.probe()
    await connector.aclose()


async def test_threads_need_a_permission_more(server: DiscordServer, rest: Rest) -> None:
    server.people.deny(Permission.CREATE_PUBLIC_THREADS)
    await diagnose(rest, options_for(server))
    assert "DISCORD_THREADS" in await faults(server, threads=True)


async def test_a_bot_that_nobody_invited_is_told_where(server: DiscordServer) -> None:
    del server.people.guild.members[server.platform.bot.id]
    assert "oauth2/authorize" in await faults(server)


async def test_a_discord_that_does_not_answer_is_no_fault_of_the_bots(
    server: DiscordServer, rest: Rest
) -> None:
    server.faults.add(Refuse(503), "GET", "/applications/@me")
    with pytest.raises(Unavailable):
        await diagnose(rest, options_for(server))


def another(server: DiscordServer, type_: ChannelType, **more: Any) -> str:
    """A channel of this type; returns its id."""
    return server.platform.add_channel(server.people.guild, "other", type=type_, **more).id


@pytest.mark.parametrize("type_", [ChannelType.VOICE, ChannelType.STAGE])
async def test_a_voice_channel_needs_connect_and_no_threads(
    server: DiscordServer, rest: Rest, type_: ChannelType
) -> None:
    denied = Permission.SEND_MESSAGES_IN_THREADS | Permission.CREATE_PUBLIC_THREADS
    await diagnose(rest, options_for(server, threads=True), another(server, type_, denied=denied))
    closed = another(server, type_, denied=Permission.CONNECT)
    assert "#other the permission Connect is missing" in await faults(server, closed)


@pytest.mark.parametrize("type_", [ChannelType.FORUM, ChannelType.MEDIA])
async def test_in_a_forum_people_speak_in_threads_only(
    server: DiscordServer, rest: Rest, type_: ChannelType
) -> None:
    await diagnose(
        rest, options_for(server), another(server, type_, denied=Permission.SEND_MESSAGES)
    )
    closed = another(server, type_, denied=Permission.SEND_MESSAGES_IN_THREADS)
    assert "Send Messages in Threads is missing" in await faults(server, closed)


async def test_an_announcement_channel_is_told_for_what_it_is(server: DiscordServer) -> None:
    news = another(server, ChannelType.ANNOUNCEMENT)
    assert await faults(server, news) == checks.SELDOM.format("other")


async def test_a_channel_nobody_talks_in_is_told(server: DiscordServer) -> None:
    server.platform.channels[server.people.general.id].type = ChannelType.CATEGORY
    told = await faults(server, server.people.general.id)
    assert told == "#general is no channel to talk in: choose another."


async def test_a_thread_has_the_rules_of_its_channel(server: DiscordServer, rest: Rest) -> None:
    thread = server.people.create_thread("Talk")
    await diagnose(rest, options_for(server), thread)
    server.platform.add_channel(server.people.guild, "open")
    server.people.deny(Permission.READ_MESSAGE_HISTORY)
    assert "Read Message History is missing" in await faults(server, thread)


# Permissions, reckoned.

GUILD = {
    "id": "50",
    "owner_id": "9",
    "roles": [
        {"id": "50", "permissions": "1"},
        {"id": "51", "permissions": "2"},
        {"id": "52", "permissions": "8"},
    ],
}


def member(*roles: str, id_: str = "1") -> dict[str, object]:
    return {"user": {"id": id_}, "roles": list(roles)}


def test_in_a_server_a_member_may_do_what_any_role_allows() -> None:
    assert in_guild(GUILD, member()) == 1
    assert in_guild(GUILD, member("51")) == 3
    assert in_guild(GUILD, member("52")) & 1 << 40
    assert in_guild(GUILD, member(id_="9")) & 1 << 40


def test_in_a_channel_the_rule_that_is_closest_to_the_member_holds() -> None:
    def rule(id_: str, allow: int, deny: int) -> dict[str, str]:
        return {"id": id_, "allow": str(allow), "deny": str(deny)}

    channel = {"permission_overwrites": [rule("1", 1, 2), rule("51", 2, 0), rule("50", 4, 3)]}
    assert in_channel(3, channel, "50", member("51")) == 5
    assert in_channel(3, channel, "50", member(id_="2")) == 4
    everything = in_guild(GUILD, member("52"))
    assert in_channel(everything, channel, "50", member("51")) == everything


def test_the_invitation_asks_for_what_is_needed_and_no_more() -> None:
    url = invite_url("7", threads=False)
    bits = 1 << 10 | 1 << 11 | 1 << 15 | 1 << 16 | 1 << 38
    assert f"client_id=7&permissions={bits}&scope=bot+applications.commands" in url
    assert f"permissions={bits | 1 << 35}&" in invite_url("7", threads=True)


def test_the_documentation_names_every_permission_and_the_number_of_them_together() -> None:
    text = DOCS.read_text()
    for permission in needed(threads=True):
        assert permission.name in text
    for threads in (False, True):
        assert str(sum(each.bit for each in needed(threads=threads))) in text
    assert " ".join(checks.SCOPES) in text.replace("`", "")
