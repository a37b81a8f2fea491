"""The application itself: who it is, where its gateway stands, and its commands."""

from __future__ import annotations

from typing import Any

from tests.doubles.discord import errors, payloads
from tests.doubles.discord.intents import Intent
from tests.doubles.discord.model import JSON
from tests.doubles.discord.platform import Platform
from tests.doubles.discord.rest.exchange import Exchange, Reply, Route

_FLAGS = {
    Intent.GUILD_PRESENCES: 1 << 12,
    Intent.GUILD_MEMBERS: 1 << 14,
    Intent.MESSAGE_CONTENT: 1 << 18,
}
"""An application's flags for the intents that its owner has switched on."""


ENTRY_POINT = 4
"""The type of the command that opens an app's Activity; Discord makes one by itself."""


def application_flags(platform: Platform) -> int:
    """The flags of the bot's application."""
    return sum(flag for intent, flag in _FLAGS.items() if intent in platform.intents)


def _application(exchange: Exchange) -> Reply:
    platform = exchange.platform
    owner = next((user for user in platform.users.values() if not user.bot), platform.bot)
    return Reply(
        {
            "id": platform.bot.id,
            "name": platform.bot.name,
            "description": "",
            "summary": "",
            "icon": None,
            "verify_key": "0" * 64,
            "flags": application_flags(platform),
            "owner": payloads.user(owner),
            "bot_public": True,
            "bot_require_code_grant": False,
            "interactions_endpoint_url": None,
            "team": None,
        }
    )


def _gateway(exchange: Exchange) -> Reply:
    platform = exchange.platform
    start = platform.starts.told(platform.limits) | {"max_concurrency": 16}
    return Reply({"url": platform.gateway_url, "shards": 1, "session_start_limit": start})


def _me(exchange: Exchange) -> Reply:
    return Reply(payloads.own_user(exchange.platform.bot))


def _commands(exchange: Exchange) -> Reply:
    found = exchange.platform.commands.get(exchange.params.get("guild_id"), [])
    whole = exchange.query.get("with_localizations") == "true"
    return Reply(found if whole else _without_localizations(found))


def _without_localizations(body: Any) -> Any:
    """What Discord leaves out unless it is asked for: what commands are called elsewhere."""
    if isinstance(body, list):
        return [_without_localizations(each) for each in body]
    if isinstance(body, dict):
        kept = (name for name in body if not name.endswith("_localizations"))
        return {name: _without_localizations(body[name]) for name in kept}
    return body


def _set_commands(exchange: Exchange) -> Reply:
    guild_id = exchange.params.get("guild_id")
    if guild_id is not None:
        exchange.platform.seen_guild(guild_id)
    known = exchange.platform.commands.get(guild_id, [])
    entry = {each["name"] for each in known if each["type"] == ENTRY_POINT}
    if entry - {each["name"] for each in exchange.body if each.get("type") == ENTRY_POINT}:
        raise errors.entry_point_kept()
    commands = [_command(exchange.platform, each, guild_id) for each in exchange.body]
    exchange.platform.commands[guild_id] = commands
    exchange.platform.record.changed()
    return Reply(commands)


def _command(platform: Platform, body: JSON, guild_id: str | None) -> JSON:
    known = platform.commands.get(guild_id, [])
    ids = {(each["name"], each["type"]): each["id"] for each in known}
    kind = body.get("type", 1)
    command = {"description": "", "options": [], **body, "type": kind}
    command["id"] = ids.get((body["name"], kind)) or platform.ids.next()
    command |= {"application_id": platform.bot.id, "version": platform.ids.next()}
    return {**command, "guild_id": guild_id} if guild_id else command


_APPLICATION = "/applications/{application_id}"

ROUTES = [
    Route("GET", "/gateway/bot", _gateway),
    Route("GET", "/users/@me", _me),
    Route("GET", "/oauth2/applications/@me", _application),
    Route("GET", "/applications/@me", _application),
    Route("GET", f"{_APPLICATION}/commands", _commands),
    Route("PUT", f"{_APPLICATION}/commands", _set_commands),
    Route("GET", f"{_APPLICATION}/guilds/{{guild_id}}/commands", _commands),
    Route("PUT", f"{_APPLICATION}/guilds/{{guild_id}}/commands", _set_commands),
]
