"""Guilds, their members, and users."""

from __future__ import annotations

from tests.doubles.discord import errors, payloads, threads
from tests.doubles.discord.model import Guild
from tests.doubles.discord.permissions import Permission
from tests.doubles.discord.rest.exchange import Exchange, Reply, Route


def _guild(exchange: Exchange) -> Guild:
    return exchange.platform.seen_guild(exchange.params["guild_id"])


def _get(exchange: Exchange) -> Reply:
    return Reply(payloads.guild(_guild(exchange)))


def _mine(exchange: Exchange) -> Reply:
    bot = exchange.platform.bot
    return Reply(
        [
            {"id": guild.id, "name": guild.name, "icon": None, "owner": guild.owner_id == bot.id}
            for guild in exchange.platform.guilds.values()
            if bot.id in guild.members
        ]
    )


def _roles(exchange: Exchange) -> Reply:
    return Reply(payloads.roles(_guild(exchange)))


def _channels(exchange: Exchange) -> Reply:
    guild, platform = _guild(exchange), exchange.platform
    channels = [
        payloads.channel(channel, platform.bot.id)
        for channel in platform.channels.values()
        if channel.guild_id == guild.id and not channel.thread and not channel.deleted
        if Permission.VIEW_CHANNEL in channel.allowed
    ]
    return Reply(channels)


def _threads(exchange: Exchange) -> Reply:
    platform = exchange.platform
    active = threads.active_threads(platform, _guild(exchange).id)
    bodies = [payloads.channel(thread, platform.bot.id) for thread in active]
    return Reply({"threads": bodies, "members": []})


def _member(exchange: Exchange) -> Reply:
    member = _guild(exchange).members.get(exchange.params["user_id"])
    if member is None:
        raise errors.unknown_member()
    return Reply(payloads.member_of(member))


def _user(exchange: Exchange) -> Reply:
    user = exchange.platform.users.get(exchange.params["user_id"])
    if user is None:
        raise errors.unknown_user()
    return Reply(payloads.user(user))


def _direct_channel(exchange: Exchange) -> Reply:
    platform = exchange.platform
    user = platform.users.get(str(exchange.fields["recipient_id"]))
    if user is None or user.bot:
        raise errors.refuses_messages() if user else errors.unknown_user()
    return Reply(payloads.channel(platform.direct_channel(user), platform.bot.id))


_ONE = "/guilds/{guild_id}"

ROUTES = [
    Route("GET", "/users/@me/guilds", _mine),
    Route("GET", _ONE, _get),
    Route("GET", f"{_ONE}/roles", _roles),
    Route("GET", f"{_ONE}/channels", _channels),
    Route("GET", f"{_ONE}/threads/active", _threads),
    Route("GET", f"{_ONE}/members/{{user_id}}", _member),
    Route("POST", "/users/@me/channels", _direct_channel),
    Route("GET", "/users/{user_id}", _user),
]
