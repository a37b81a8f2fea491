"""What Discord sends, as events of the bot's: which conversation a message belongs to, and who
waits to hear that it is safe.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from connectors.base import (
    Asked,
    Edited,
    File,
    Gone,
    Incoming,
    Inflow,
    MessageRef,
    Person,
    Place,
    Pressed,
    RateLimited,
    Refused,
    Unavailable,
)
from connectors.discord import content, parts
from connectors.discord.api import Rest
from connectors.discord.content import name_of
from connectors.discord.errors import code_of
from connectors.discord.guilds import chosen_by
from connectors.discord.places import DM, Places, chain

# What Discord sends, as events of the bot's; pure. What concerns nobody is None.
#
# A payload of another shape than Discord's raises `KeyError`, `TypeError` and their like.


Json = Mapping[str, Any]

_DEFAULT, _REPLY = 0, 19
"""Discord's types of messages that people write; all others are its own."""
_ANSWERS = 0
"""The type of a reference that is a reply, and no message passed on."""


@dataclass(frozen=True, slots=True)
class MessageContext:
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
class MentionWords:
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


def heard(message: Json, at: MessageContext) -> MentionWords | None:
    """What a message means that was posted."""
    if not is_by_person(message, at.us):
        return None
    addressed = _addressed(message, at)
    if addressed is None or not (addressed or content.says_something(message)):
        return None
    return _words(message, addressed=addressed)


def changed(message: Json, us: str) -> MentionWords | None:
    """What a message says now that a person changed; Discord tells of previews and pins alike."""
    if not message.get("edited_timestamp") or not is_by_person(message, us):
        return None
    if not content.says_something(message):
        return None  # withheld: without the intent only what mentions the bot is told
    return _words(message, addressed=True)


def edited(words: MentionWords, place: Place, text: str, version: str) -> Edited:
    """The event of a change, with the text as a person reads it."""
    return Edited(MessageRef(place, words.id), words.person, text, version, words.files)


def deleted(data: Json) -> Sequence[str]:
    """The ids of the messages that were deleted, one or many at a stroke."""
    return data["ids"] if "ids" in data else (data["id"],)


def pressed(interaction: Json, place: Place) -> Pressed | None:
    """What a press of one of our buttons means; None for another's."""
    named = parts.parsed(interaction["data"]["custom_id"])
    if named is None:
        return None
    control, run_id, _ = named
    ref = MessageRef(place, interaction["message"]["id"])
    return Pressed(ref, actor(interaction), control, run_id)


def actor(interaction: Json) -> Person:
    """The person who acts in an interaction."""
    member = interaction.get("member")
    person = person_of(member["user"] if member else interaction["user"], member)
    language = interaction.get("locale") or chosen_by(interaction.get("guild_locale") or "")
    return replace(person, language=str(language))


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


def _words(message: Json, *, addressed: bool) -> MentionWords:
    return MentionWords(
        message["id"],
        person_of(message["author"], message.get("member")),
        content.text_of(message),
        content.names_in(message),
        content.files_of(message),
        addressed,
    )


def _addressed(message: Json, at: MessageContext) -> bool | None:
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


# Events go to the bot, and who waits hears whether they are safe.


log = logging.getLogger(__name__)

_Read = TypeVar("_Read")

PAUSES_S = (1.0, 5.0, 25.0)
"""Discord delivers an event once: what the bot could not keep is handed to it again."""


async def insist(inflow: Inflow, incoming: Incoming) -> bool:
    """Hands an event over again until the bot keeps it; False once there is no hope."""
    for pause in PAUSES_S:
        if await incoming.kept():
            return True
        log.warning("discord: an event was not kept; it is handed over again in %g s", pause)
        await asyncio.sleep(pause)
        incoming = inflow.put(incoming.event)
    return bool(await incoming.kept())


async def patiently(read: Callable[[], Awaitable[_Read]]) -> _Read:
    """Reads what an event has to do with; passing faults are waited out, for it comes only once.

    Raises what the last attempt raised.
    """
    for pause in PAUSES_S:
        try:
            return await read()
        except (RateLimited, Unavailable) as error:
            log.warning("discord: an event waits for %g s: %s", pause, error)
            await asyncio.sleep(pause)
    return await read()


MOST = 25
"""So many messages a chain of replies is followed up, and a channel is searched."""
_NAME = 100
"""Characters of a thread's name."""
_UNTITLED = "💬"
_HAS_THREAD = 160004
_MESSAGE = "/channels/{channel_id}/messages/{message_id}"


class Origins:
    """Finds places: in memory, or by following replies. `threads`: a question opens one."""

    def __init__(self, rest: Rest, places: Places, *, threads: bool) -> None:
        self._rest = rest
        self._places = places
        self._threads = threads

    async def of(self, message: Json, at: MessageContext, *, opens: str = "") -> Place:
        """The place of a message, which is remembered. Raises `ConnectorError`.

        `opens` names the thread that a question opens where it begins a conversation.
        """
        place = self._places.of(message["id"]) or await self._found(message, at, opens)
        self._places.remember(message["id"], place)
        return place

    async def _found(self, message: Json, at: MessageContext, opens: str) -> Place:
        if at.alone:
            return at.place("")
        begins = self._threads and replied_to(message) is None
        if begins and opens and (thread := await self._opened(message["id"], at, opens)):
            return Place("discord", at.guild, at.channel, thread)
        return await self._followed(message, at)

    async def _followed(self, message: Json, at: MessageContext) -> Place:
        """Follows the replies up, to a message that is remembered or to the first one."""
        for _ in range(MOST):
            known = self._places.of(message["id"])
            if known is not None:
                return known
            above = await self._above(message, at)
            if isinstance(above, str):
                return self._places.of(above) or at.place(above)
            message = above
        return at.place(message["id"])

    async def _above(self, message: Json, at: MessageContext) -> Json | str:
        """The message above one in its chain; the id of the first one where there is no other."""
        if replied := replied_to(message):
            return message.get("referenced_message") or await self._read(replied, at)
        if message["author"]["id"] != at.us:
            return str(message["id"])
        if command := message.get("interaction_metadata"):
            return str(command["id"])
        return await self._first_part(message, at) or str(message["id"])

    async def _read(self, message_id: str, at: MessageContext) -> Json | str:
        if self._places.of(message_id) is not None:
            return message_id
        try:
            found: Json = await self._rest.look_up(
                _MESSAGE, channel_id=at.channel, message_id=message_id
            )
        except (Gone, Refused):
            return message_id
        return found

    async def _first_part(self, part: Json, at: MessageContext) -> Json | None:
        """The newest message of ours before a later part that says what it answers."""
        before: list[Json] = await self._rest.look_up(
            "/channels/{channel_id}/messages",
            query={"before": part["id"], "limit": MOST},
            channel_id=at.channel,
        )
        ours = (each for each in before if each["author"]["id"] == at.us)
        return next((m for m in ours if replied_to(m) or m.get("interaction_metadata")), None)

    async def _opened(self, message_id: str, at: MessageContext, name: str) -> str | None:
        """The thread on a message, which has the message's id; None where it may not be opened."""
        try:
            await self._rest.call(
                "POST",
                f"{_MESSAGE}/threads",
                json={"name": " ".join(name.split())[:_NAME] or _UNTITLED},
                channel_id=at.channel,
                message_id=message_id,
            )
        except (Gone, RateLimited, Refused) as error:
            if code_of(error) != _HAS_THREAD:
                log.warning("discord: no thread was opened, the answer replies: %s", error)
                return None
        return message_id
