"""Discord's JSON for messages, whole or with their content withheld."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from tests.doubles.discord import payloads
from tests.doubles.discord.model import JSON, Attachment, Message, flat

if TYPE_CHECKING:
    from tests.doubles.discord.platform import Platform


def message(
    platform: Platform,
    of: Message,
    *,
    withheld: bool = False,
    event: bool = False,
    deep: bool = True,
) -> JSON:
    """A message.

    `withheld` empties what an application without the message content intent may not see;
    `event` adds what only the gateway tells; `deep` brings the message that it replies to.
    """
    body = _envelope(of) | _mentions(platform, of) | _shown(platform, of, withheld)
    if of.reference is not None:
        body["message_reference"] = of.reference
        if deep and (of.type.value in (19, 21)):
            body["referenced_message"] = _referenced(platform, of, withheld)
    if of.thread_id is not None and of.thread_id in platform.channels:
        body["thread"] = payloads.channel(platform.channels[of.thread_id], platform.bot.id)
    return body | _sender(platform, of) if event else body


def _envelope(of: Message) -> JSON:
    body: JSON = {
        "id": of.id,
        "channel_id": of.channel_id,
        "author": payloads.user(of.author),
        "type": int(of.type),
        "timestamp": payloads.timestamp(of.at),
        "edited_timestamp": payloads.timestamp(of.edited) if of.edited else None,
        "flags": int(of.now.flags),
        "pinned": of.pinned,
        "tts": False,
    }
    optional = {"nonce": of.nonce, "webhook_id": of.webhook_id}
    optional["application_id"] = of.webhook_id if of.interaction else None
    body |= {name: value for name, value in optional.items() if value is not None}
    return body | ({"interaction_metadata": of.interaction} if of.interaction else {})


def _mentions(platform: Platform, of: Message) -> JSON:
    mentions = of.now.mentions
    users = [platform.users[id_] for id_ in mentions.users if id_ in platform.users]
    return {
        "mentions": [payloads.user(user) for user in users],
        "mention_roles": list(mentions.roles),
        "mention_everyone": mentions.everyone,
    }


def _shown(platform: Platform, of: Message, withheld: bool) -> JSON:
    if withheld:
        return {"content": "", "embeds": [], "components": [], "attachments": []}
    body: JSON = {
        "content": of.content,
        "embeds": list(of.now.embeds),
        "components": list(of.now.components),
        "attachments": [attachment(platform, each) for each in of.now.attachments],
    }
    optional = {
        "sticker_items": list(of.now.stickers),
        "poll": of.now.poll,
        "message_snapshots": list(of.now.snapshots),
    }
    return body | {name: value for name, value in optional.items() if value}


_KEPT = (
    "type",
    "content",
    "embeds",
    "attachments",
    "timestamp",
    "edited_timestamp",
    "flags",
    "mentions",
    "mention_roles",
    "sticker_items",
    "components",
)


def snapshot(platform: Platform, of: Message) -> JSON:
    """What a message that is passed on takes along: neither its author nor a poll."""
    body = message(platform, of, deep=False)
    return {"message": {name: body[name] for name in _KEPT if name in body}}


def _referenced(platform: Platform, of: Message, withheld: bool) -> JSON | None:
    assert of.reference is not None
    target = platform.messages.get(of.reference["message_id"])
    if target is None or target.deleted is not None:
        return None
    hidden = withheld and not platform.readable(target)
    return message(platform, target, withheld=hidden, deep=False)


def _sender(platform: Platform, of: Message) -> JSON:
    guild_id = platform.channels[of.channel_id].guild_id
    if guild_id is None:
        return {}
    member = platform.guilds[guild_id].members.get(of.author.id)
    if member is None or of.webhook_id is not None:
        return {"guild_id": guild_id}
    return {"guild_id": guild_id, "member": payloads.member_of(member, whole=False)}


def attachment(platform: Platform, of: Attachment) -> JSON:
    """A file of a message, with the address that serves it."""
    path = f"attachments/{of.channel_id}/{of.id}/{quote(of.filename)}"
    url = f"{platform.origin}/{path}?ex=1&is=1&hm=1&"
    body: JSON = {
        "id": of.id,
        "filename": of.filename,
        "size": len(of.data),
        "content_type": of.content_type,
        "url": url,
        "proxy_url": url,
    }
    return {**body, "description": of.description} if of.description else body


def numbered(components: list[JSON]) -> tuple[JSON, ...]:
    """Components as Discord keeps them: each has an id of its own."""
    for number, component in enumerate(flat(components), start=1):
        component.setdefault("id", number)
    return tuple(components)


def trimmed(embed: JSON) -> JSON:
    """An embed as Discord keeps it: typed, and without white space at the ends of its texts."""
    kept = {name: v.strip() if isinstance(v, str) else v for name, v in embed.items()}
    if isinstance(footer := kept.get("footer"), dict):
        kept["footer"] = {**footer, "text": str(footer.get("text", "")).strip()}
    return {"type": "rich", **kept}
