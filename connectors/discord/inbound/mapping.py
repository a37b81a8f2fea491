"""What Discord sends, as events of the bot's; pure. What concerns nobody is None.

A payload of another shape than Discord's raises `KeyError`, `TypeError` and their like.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.base import Asked, Edited, File, MessageRef, Person, Place, Pressed
from connectors.discord import content, controls
from connectors.discord.inbound.text import name_of
from connectors.discord.places import DM, chain

Json = Mapping[str, Any]

_DEFAULT, _REPLY = 0, 19
"""Discord's types of messages that people write; all others are its own."""
_ANSWERS = 0
"""The type of a reference that is a reply, and no message passed on."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Where something happened. `guild` is `DM` in direct messages; `thread` may be empty.

    `us` is the bot's id, and `role` that of the role which a server made for it.
    """

    us: str
    guild: str
    channel: str
    thread: str = ""
    role: str = ""

    @property
    def alone(self) -> bool:
        """Whether the channel itself is one conversation: a thread, or direct messages."""
        return self.guild == DM or bool(self.thread)

    @property
    def ours(self) -> frozenset[str]:
        """The ids by which people mention the bot."""
        return frozenset(filter(None, (self.us, self.role)))

    def place(self, first: str) -> Place:
        """The conversation; outside of threads it is the chain of replies that begins so."""
        thread = self.thread if self.alone else chain(first)
        return Place("discord", self.guild, self.channel, thread)


@dataclass(frozen=True, slots=True)
class Words:
    """What a person said; names that are not in the message itself are not known yet."""

    id: str
    person: Person
    text: str
    names: Mapping[str, str]
    files: tuple[File, ...]
    addressed: bool

    def asked(self, place: Place, text: str) -> Asked:
        """The event, with the text as a person reads it."""
        return Asked(MessageRef(place, self.id), self.person, text, self.files, self.addressed)


def heard(message: Json, at: Setting) -> Words | None:
    """What a message means that was posted."""
    if not is_by_person(message, at.us):
        return None
    addressed = _addressed(message, at)
    if addressed is None or not (addressed or content.says_something(message)):
        return None
    return _words(message, addressed=addressed)


def changed(message: Json, us: str) -> Words | None:
    """What a message says now that a person changed; Discord tells of previews and pins alike."""
    if not message.get("edited_timestamp") or not is_by_person(message, us):
        return None
    if not content.says_something(message):
        return None  # withheld: without the intent only what mentions the bot is told
    return _words(message, addressed=True)


def edited(words: Words, place: Place, text: str, version: str) -> Edited:
    """The event of a change, with the text as a person reads it."""
    return Edited(MessageRef(place, words.id), words.person, text, version, words.files)


def deleted(data: Json) -> Sequence[str]:
    """The ids of the messages that were deleted, one or many at a stroke."""
    return data["ids"] if "ids" in data else (data["id"],)


def pressed(interaction: Json, place: Place) -> Pressed | None:
    """What a press of one of our buttons means; None for another's."""
    named = controls.parsed(interaction["data"]["custom_id"])
    if named is None:
        return None
    control, run_id, _ = named
    ref = MessageRef(place, interaction["message"]["id"])
    return Pressed(ref, actor(interaction), control, run_id)


def actor(interaction: Json) -> Person:
    """The person who acts in an interaction."""
    member = interaction.get("member")
    return person_of(member["user"] if member else interaction["user"], member)


def person_of(user: Json, member: Json | None = None) -> Person:
    """A person, called as others in the server see them."""
    return Person(user["id"], name_of(user, member))


def is_by_person(message: Json, us: str) -> bool:
    """Whether a person wrote a message, and neither a program nor Discord itself."""
    author = message.get("author") or {}
    if message.get("type") not in (_DEFAULT, _REPLY) or message.get("webhook_id"):
        return False
    return not author.get("bot") and author.get("id") not in (None, us)


def replied_to(message: Json) -> str | None:
    """The id of the message that another replies to."""
    reference = message.get("message_reference") or {}
    if message.get("type") != _REPLY or reference.get("type", _ANSWERS) != _ANSWERS:
        return None
    return reference.get("message_id")


def _words(message: Json, *, addressed: bool) -> Words:
    return Words(
        message["id"],
        person_of(message["author"], message.get("member")),
        content.text_of(message),
        content.names_in(message),
        content.files_of(message),
        addressed,
    )


def _addressed(message: Json, at: Setting) -> bool | None:
    """Whether a message speaks to the bot by name; None where it is no business of the bot's."""
    people = {user["id"] for user in message.get("mentions") or ()}
    groups = set(message.get("mention_roles") or ())
    if at.guild == DM or at.ours & (people | groups):
        return True
    if people or groups or message.get("mention_everyone"):
        return None
    if replied_to(message) is None:
        return False if at.thread else None
    # The message that it replies to may have been deleted.
    author = (message.get("referenced_message") or {}).get("author") or {}
    if author.get("id") == at.us:
        # Without the intent the text of a reply that does not ring the bot is withheld.
        return content.says_something(message) or None
    return False if at.thread and not author else None
