"""Channels and threads."""

from __future__ import annotations

from tests.doubles.discord import errors, payloads, threads
from tests.doubles.discord.permissions import Permission
from tests.doubles.discord.rest.exchange import Exchange, Reply, Route


def _get(exchange: Exchange) -> Reply:
    return Reply(payloads.channel(exchange.channel(), exchange.platform.bot.id))


def _edit(exchange: Exchange) -> Reply:
    channel, body = exchange.channel(Permission.MANAGE_THREADS), exchange.fields
    channel.name = body.get("name", channel.name)
    if channel.thread:
        archived = body.get("archived", channel.archived)
        locked = body.get("locked", channel.locked)
        threads.archive(exchange.platform, channel, archived=archived, locked=locked)
    else:
        exchange.platform.emit_channel("CHANNEL_UPDATE", channel)
    return _get(exchange)


def _delete(exchange: Exchange) -> Reply:
    channel = exchange.channel(Permission.MANAGE_THREADS)
    exchange.platform.remove_channel(channel)
    return Reply(payloads.channel(channel, exchange.platform.bot.id))


def _open_on_message(exchange: Exchange) -> Reply:
    message, platform = exchange.message(Permission.CREATE_PUBLIC_THREADS), exchange.platform
    thread = threads.open_thread(platform, message, _name(exchange), platform.bot)
    return _opened(exchange, thread.id)


def _create(exchange: Exchange) -> Reply:
    channel, platform = exchange.channel(Permission.CREATE_PUBLIC_THREADS), exchange.platform
    thread = threads.create_thread(platform, channel, _name(exchange), platform.bot)
    return _opened(exchange, thread.id)


def _opened(exchange: Exchange, thread_id: str) -> Reply:
    thread, bot_id = exchange.platform.channels[thread_id], exchange.platform.bot.id
    member = payloads.thread_member(thread, bot_id)
    return Reply({**payloads.channel(thread, bot_id), "member": member}, status=201)


def _name(exchange: Exchange) -> str:
    name = str(exchange.fields.get("name", "")).strip()
    if not 1 <= len(name) <= 100:
        message = "Must be between 1 and 100 in length."
        raise errors.invalid_form("name", "BASE_TYPE_BAD_LENGTH", message)
    exchange.platform.moderation.check_title(name)
    return name


def _join(exchange: Exchange) -> Reply:
    exchange.channel()
    return Reply()


_ONE = "/channels/{channel_id}"

ROUTES = [
    Route("GET", _ONE, _get),
    Route("PATCH", _ONE, _edit),
    Route("DELETE", _ONE, _delete),
    Route("POST", f"{_ONE}/threads", _create),
    Route("POST", f"{_ONE}/messages/{{message_id}}/threads", _open_on_message),
    Route("PUT", f"{_ONE}/thread-members/@me", _join),
]
