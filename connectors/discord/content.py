"""What a message says, whatever it is made of: the same for questions, history and quotations.

Pure. People write text, pass messages on, make polls and send stickers; apps say things in
embeds and in components.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connectors.base import File
from connectors.discord.files import files_of as attached
from connectors.discord.inbound.text import name_of, quoted

Json = Mapping[str, Any]

FORWARDED = "Forwarded:"
_TEXT_DISPLAY = 10


def text_of(message: Json) -> str:
    """What a message says, with Discord's own marks for mentions and the like still in it."""
    return "\n\n".join(_pieces(message))


def files_of(message: Json) -> tuple[File, ...]:
    """The files under a message, and those under the messages that it passes on."""
    own = attached(message)
    passed_on = (file for each in _snapshots(message) for file in attached({**message, **each}))
    return (*own, *(file for file in passed_on if file not in own))


def names_in(message: Json) -> dict[str, str]:
    """The people whom a message mentions, by their ids; those of what it passes on too."""
    mentioned = [*(message.get("mentions") or ())]
    for each in _snapshots(message):
        mentioned += each.get("mentions") or ()
    return {user["id"]: name_of(user) for user in mentioned}


def says_something(message: Json) -> bool:
    """Whether a message says anything. Without the intent Discord withholds what it does."""
    return bool(text_of(message) or files_of(message))


def _pieces(message: Json) -> Iterator[str]:
    words = str(message.get("content") or "").strip() or "\n\n".join(_said_by_app(message))
    if words:
        yield words
    for each in _snapshots(message):
        inner = text_of(each)
        yield f"{FORWARDED}\n{quoted(inner)}" if inner else FORWARDED
    if poll := message.get("poll"):
        yield _poll(poll)
    for sticker in message.get("sticker_items") or ():
        yield f"[sticker: {sticker['name']}]"


def _snapshots(message: Json) -> Iterator[Json]:
    for each in message.get("message_snapshots") or ():
        yield each["message"]


def _said_by_app(message: Json) -> Iterator[str]:
    """What an app says in its embeds and components."""
    for embed in message.get("embeds") or ():
        fields = [f"{each['name']}: {each['value']}" for each in embed.get("fields") or ()]
        words = [embed.get("title"), embed.get("description"), *fields]
        yield "\n".join(str(each) for each in words if each)
    yield from _displayed(message)


def _displayed(component: Json) -> Iterator[str]:
    if component.get("type") == _TEXT_DISPLAY and "content" in component:
        yield str(component["content"])
    for each in component.get("components") or ():
        yield from _displayed(each)


def _poll(poll: Json) -> str:
    """A poll: its question, and its answers with their votes where Discord tells them."""
    counts = (poll.get("results") or {}).get("answer_counts") or ()
    votes = {each["id"]: each["count"] for each in counts}
    lines = [f"Poll: {_media(poll['question'])}"]
    for answer in poll.get("answers") or ():
        count = votes.get(answer.get("answer_id"))
        told = "" if count is None else f" ({count} votes)"
        lines.append(f"- {_media(answer['poll_media'])}{told}")
    return "\n".join(lines)


def _media(media: Json) -> str:
    """What a poll's question or answer shows: a text, an emoji, or both."""
    emoji = (media.get("emoji") or {}).get("name") or ""
    return f"{emoji} {media.get('text') or ''}".strip()
