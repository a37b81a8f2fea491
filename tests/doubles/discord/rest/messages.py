"""Messages: posting, reading, editing and deleting them."""

from __future__ import annotations

import time

from tests.doubles.discord import errors
from tests.doubles.discord.drafts import draft, for_all, redraft
from tests.doubles.discord.message_payloads import message as payload
from tests.doubles.discord.model import (
    JSON,
    Channel,
    ChannelType,
    Message,
    MessageFlag,
    MessageType,
)
from tests.doubles.discord.permissions import Permission
from tests.doubles.discord.platform import Platform
from tests.doubles.discord.record import Typing
from tests.doubles.discord.rest.exchange import Exchange, Reply, Route


def _post(exchange: Exchange) -> Reply:
    platform, body, channel = exchange.platform, exchange.fields, exchange.channel()
    _check_sending(channel)
    target = _replied_to(exchange, channel)
    replied = target.author.id if target else None
    version = for_all(draft(platform, channel, body, exchange.files, replied=replied))
    if (first := _posted_before(platform, body)) is not None:
        return Reply(payload(platform, first))
    if channel.archived:
        channel.archived = False
        platform.emit_channel("THREAD_UPDATE", channel)
    message = platform.post(
        channel,
        platform.bot,
        version,
        type=MessageType.REPLY if target else MessageType.DEFAULT,
        reference=_reference(target, channel) if target else None,
        nonce=body.get("nonce"),
    )
    if message.nonce is not None:
        platform.nonces[message.nonce] = (time.monotonic(), message)
    return Reply(payload(platform, message))


def _check_sending(channel: Channel) -> None:
    if channel.type in (ChannelType.FORUM, ChannelType.MEDIA):
        raise errors.not_a_text_channel()
    if channel.recipient is not None and not channel.recipient.takes_messages:
        raise errors.refuses_messages()
    needed = Permission.SEND_MESSAGES
    if channel.thread:
        needed = Permission.SEND_MESSAGES_IN_THREADS
    if needed not in channel.allowed:
        raise errors.missing_permissions()
    if channel.locked:
        raise errors.thread_closed()


def _replied_to(exchange: Exchange, channel: Channel) -> Message | None:
    reference = exchange.fields.get("message_reference")
    if reference is None:
        return None
    if Permission.READ_MESSAGE_HISTORY not in channel.allowed:
        raise errors.no_history_to_reply()
    target = exchange.platform.messages.get(str(reference["message_id"]))
    if target is None or target.deleted is not None or target.channel_id != channel.id:
        if reference.get("fail_if_not_exists", True):
            code = "MESSAGE_REFERENCE_UNKNOWN_MESSAGE"
            raise errors.invalid_form("message_reference", code, "Unknown message")
        return None
    if target.type.system:
        code, message = "REPLIES_CANNOT_REPLY_TO_SYSTEM_MESSAGE", "Cannot reply to a system message"
        raise errors.invalid_form("message_reference", code, message)
    return target


def _reference(target: Message, channel: Channel) -> JSON:
    body: JSON = {"type": 0, "message_id": target.id, "channel_id": channel.id}
    return {**body, "guild_id": channel.guild_id} if channel.guild_id else body


def _posted_before(platform: Platform, body: JSON) -> Message | None:
    nonce, memory = body.get("nonce"), platform.limits.nonce_seconds
    if not body.get("enforce_nonce") or nonce not in platform.nonces:
        return None
    at, message = platform.nonces[nonce]
    return message if memory is None or time.monotonic() - at < memory else None


def _list(exchange: Exchange) -> Reply:
    platform, channel = exchange.platform, exchange.channel()
    limit = int(exchange.query.get("limit", "50"))
    if not 1 <= limit <= 100:
        message = "Must be between 1 and 100."
        raise errors.invalid_form("limit", "NUMBER_TYPE_RANGE", message)
    if Permission.READ_MESSAGE_HISTORY not in channel.allowed:
        return Reply([])
    messages = [platform.messages[id_] for id_ in channel.messages]
    chosen = _chosen([m for m in messages if m.deleted is None], exchange, limit)
    bodies = [payload(platform, each, withheld=_withheld(platform, each)) for each in chosen]
    return Reply(bodies[::-1])


def _chosen(messages: list[Message], exchange: Exchange, limit: int) -> list[Message]:
    query = exchange.query
    if "around" in query:
        centre = int(query["around"])
        older = [m for m in messages if int(m.id) < centre][-(limit // 2) :] if limit > 1 else []
        newer = [m for m in messages if int(m.id) >= centre]
        return older + newer[: limit - len(older)]
    if "after" in query:
        return [m for m in messages if int(m.id) > int(query["after"])][:limit]
    if "before" in query:
        messages = [m for m in messages if int(m.id) < int(query["before"])]
    return messages[-limit:]


def _withheld(platform: Platform, message: Message) -> bool:
    return not platform.content_allowed and not platform.readable(message)


def _get(exchange: Exchange) -> Reply:
    message = exchange.message(Permission.READ_MESSAGE_HISTORY)
    withheld = _withheld(exchange.platform, message)
    return Reply(payload(exchange.platform, message, withheld=withheld))


def _edit(exchange: Exchange) -> Reply:
    platform, message = exchange.platform, exchange.message()
    if message.author is not platform.bot:
        raise errors.not_the_author()
    channel = platform.channels[message.channel_id]
    if channel.locked or channel.archived:
        raise errors.thread_closed()
    version = redraft(platform, channel, message.now, exchange.fields, exchange.files)
    if message.edits_left is not None:
        if message.edits_left <= 0:
            raise errors.edits_exhausted(platform.limits.old_edit_seconds)
        message.edits_left -= 1
    _check_announcement(platform, channel, message)
    platform.change(message, version)
    return Reply(payload(platform, message))


def _check_announcement(platform: Platform, channel: Channel, message: Message) -> None:
    """An announcement is edited now and then; how often counts for that message alone."""
    most, seconds = platform.limits.announcement_edits, platform.limits.announcement_seconds
    if channel.type is not ChannelType.ANNOUNCEMENT or most is None:
        return
    since = time.time() - seconds
    edits = [version.at for version in message.versions[1:] if version.at > since]
    if len(edits) >= most:
        published = MessageFlag.CROSSPOSTED in message.now.flags
        raise errors.too_many_announcements(edits[-most] - since, published=published)


def _delete(exchange: Exchange) -> Reply:
    message = exchange.message()
    allowed = exchange.channel().allowed
    if message.author is not exchange.platform.bot and Permission.MANAGE_MESSAGES not in allowed:
        raise errors.missing_permissions()
    exchange.platform.remove(message)
    return Reply()


def _delete_many(exchange: Exchange) -> Reply:
    channel = exchange.channel(Permission.MANAGE_MESSAGES)
    ids = [str(id_) for id_ in exchange.fields["messages"]]
    if not 2 <= len(ids) <= 100:
        message = "Must be between 2 and 100 in length."
        raise errors.invalid_form("messages", "BASE_TYPE_BAD_LENGTH", message)
    there = [exchange.platform.messages[id_] for id_ in ids if id_ in channel.messages]
    if there := [message for message in there if message.deleted is None]:
        exchange.platform.remove_many(there)
    return Reply()


def _type(exchange: Exchange) -> Reply:
    channel = exchange.channel(Permission.SEND_MESSAGES)
    exchange.platform.record.typing.append(Typing(time.time(), channel.id))
    exchange.platform.record.changed()
    return Reply()


def _react(exchange: Exchange) -> Reply:
    exchange.message(Permission.ADD_REACTIONS, Permission.READ_MESSAGE_HISTORY)
    return Reply()


_ALL = "/channels/{channel_id}/messages"
_ONE = "/channels/{channel_id}/messages/{message_id}"

ROUTES = [
    Route("GET", _ALL, _list),
    Route("POST", _ALL, _post, "messages"),
    Route("POST", f"{_ALL}/bulk-delete", _delete_many),
    Route("GET", _ONE, _get),
    Route("PATCH", _ONE, _edit, "messages"),
    Route("DELETE", _ONE, _delete),
    Route("PUT", f"{_ONE}/reactions/{{emoji}}/@me", _react),
    Route("DELETE", f"{_ONE}/reactions/{{emoji}}/@me", _react),
    Route("POST", "/channels/{channel_id}/typing", _type, "typing"),
]
