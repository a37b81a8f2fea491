"""A message of Slack's history as something that was said; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from connectors.base import MessageRef, Person, Place, Said
from connectors.slack.api import Identity
from connectors.slack.content import content_of
from connectors.slack.files import files_of
from connectors.slack.people import name_in
from connectors.slack.places import is_dm
from connectors.slack.text import emoji_of, mentioned, plain

QUESTION = "everytoken_question"
"""The metadata of a message of ours that asks in a person's name: {person, text}."""

_SPEECH = frozenset({"", "bot_message", "file_share", "me_message", "thread_broadcast"})
"""Subtypes of messages in which somebody says something; the others tell of joins and the like."""

Message = Mapping[str, Any]


def is_speech(message: Message) -> bool:
    """Whether somebody says something in it: no join, no change of a topic, nothing deleted."""
    return message.get("subtype", "") in _SPEECH and not message.get("hidden")


def people_in(message: Message, bot: Identity) -> Iterator[str]:
    """The ids of the people whose names it takes to tell what a message says."""
    yield from mentioned(content_of(message))
    if asked := _question(message, bot):
        yield str(asked["person"])
    elif message.get("user") and not _profile_name(message):
        yield str(message["user"])


def said(place: Place, message: Message, bot: Identity, names: Mapping[str, str]) -> Said:
    """What was said and by whom. What we asked in a person's name are that person's words."""
    asked = _question(message, bot)
    author = _asker(asked, names) if asked else _author(message, names)
    opens = message["ts"] == place.thread
    # What opens a thread of direct messages may be an answer that stands outside of it.
    outside = opens and is_dm(place.channel) and is_ours(message, bot)
    return Said(
        ref=MessageRef(replace(place, thread="") if outside else place, message["ts"]),
        author=author,
        text=str(asked["text"]) if asked else _words(message, bot, names),
        by_bot=is_ours(message, bot) and not asked,
        at_us=microseconds(message["ts"]),
        files=files_of(place.workspace, message),
        opens=opens,
    )


def is_ours(message: Message, bot: Identity) -> bool:
    """Whether the bot itself wrote it."""
    return message.get("user") == bot.user or bool(bot.bot and message.get("bot_id") == bot.bot)


def microseconds(ts: str) -> int:
    """When a message was posted, since the epoch."""
    seconds, _, fraction = ts.partition(".")
    return int(seconds) * 1_000_000 + int(f"{fraction:0<6.6}" or 0)


def _words(message: Message, bot: Identity, names: Mapping[str, str]) -> str:
    return plain(content_of(message), names, emoji_of(message.get("blocks")), without=bot.user)


def _question(message: Message, bot: Identity) -> Mapping[str, Any] | None:
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") != QUESTION or not is_ours(message, bot):
        return None
    payload: Mapping[str, Any] = metadata["event_payload"]
    return payload


def _asker(asked: Mapping[str, Any], names: Mapping[str, str]) -> Person:
    person = str(asked["person"])
    return Person(person, names.get(person, person))


def _author(message: Message, names: Mapping[str, str]) -> Person:
    user = str(message.get("user") or message.get("bot_id") or "")
    return Person(user, _profile_name(message) or names.get(user) or user)


def _profile_name(message: Message) -> str:
    """The name that a message itself gives: of apps, and of people of other organisations."""
    profiles = (message.get("bot_profile"), message.get("user_profile"))
    named = [name for profile in profiles if profile and (name := name_in(profile))]
    return str(message.get("username") or "") or next(iter(named), "")
