"""A message of Discord's history as something that was said; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connectors.base import MessageRef, Person, Place, Said
from connectors.discord import content, markup, snowflakes
from connectors.discord.inbound.text import plain

Message = Mapping[str, Any]

_STARTER = 21
"""The type of a thread's first message, which stands for one in the channel."""
_SPEECH = frozenset({0, 19, 20, 23})
"""Types of messages in which somebody says something: plain, a reply, or a command's response."""
_LOADING = 1 << 7


def speech(message: Message) -> Message | None:
    """The message in which somebody says something; None where it tells of a join or the like."""
    if message.get("type") == _STARTER:
        started: Message | None = message.get("referenced_message")
        return started
    loading = int(message.get("flags") or 0) & _LOADING
    return message if message.get("type") in _SPEECH and not loading else None


def people_in(message: Message) -> Iterator[Mapping[str, Any]]:
    """The users whose names it takes to tell what a message says."""
    yield message["author"]
    yield from message.get("mentions") or ()
    for each in message.get("message_snapshots") or ():
        yield from each["message"].get("mentions") or ()
    if asked := message.get("interaction_metadata"):
        yield asked["user"]


def said(place: Place, message: Message, us: str, names: Mapping[str, str]) -> Iterator[Said]:
    """What was said and by whom. A command's response tells the question above the answer."""
    above = markup.above(message)
    if above:
        yield _asked(place, message, above, names)
    author = str(message["author"]["id"])
    yield Said(
        ref=MessageRef(place, message["id"]),
        author=Person(author, names.get(author, author)),
        text=_text(message, above, us, names),
        by_bot=author == us,
        at_us=snowflakes.microseconds(message["id"]),
        files=content.files_of(message),
    )


def _asked(place: Place, message: Message, above: str, names: Mapping[str, str]) -> Said:
    asked = message["interaction_metadata"]
    person = str(asked["user"]["id"])
    return Said(
        ref=MessageRef(place, asked["id"]),
        author=Person(person, names.get(person, person)),
        text=markup.question_in(above),
        by_bot=False,
        at_us=snowflakes.microseconds(asked["id"]),
    )


def _text(message: Message, above: str, us: str, names: Mapping[str, str]) -> str:
    own = str(message.get("content") or "").lstrip().removeprefix(above)
    words = content.text_of({**message, "content": own})
    if message["author"]["id"] == us:
        return words
    return plain(words, names, without=frozenset({us}))
