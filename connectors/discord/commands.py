"""The bot's commands: how Discord is told of them, and what a person does who uses one or
presses a button.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Literal

from connectors.background import BackgroundTasks
from connectors.base import (
    Asked,
    Commanded,
    ConnectorError,
    File,
    Inflow,
    MessageRef,
    Person,
    Place,
)
from connectors.discord import content, questions
from connectors.discord.api import Rest
from connectors.discord.content import plain
from connectors.discord.guilds import Guilds, parent_in
from connectors.discord.interactions import (
    Acknowledgements,
    Interaction,
    Interactions,
    InteractionTokens,
)
from connectors.discord.places import DM
from connectors.discord.questions import MessageContext, Origins, insist, patiently
from connectors.markdown import quoted
from connectors.newest import Newest

log = logging.getLogger(__name__)


class Command(StrEnum):
    """The bot's commands by their names; `ABOUT` is the one in a message's menu."""

    ASK = "ask"
    NEW = "new"
    STOP = "stop"
    HELP = "help"
    ABOUT = "Ask about this message"


QUESTION, FILE = "question", "file"
"""The options of the command that asks."""

_SLASH, _MESSAGE, _ENTRY_POINT = 1, 3, 4
_STRING, _ATTACHMENT = 3, 11
_LONGEST_QUESTION = 4_000
_EVERYWHERE = {"contexts": [0, 1], "integration_types": [0]}
"""In servers and in direct messages, where the bot was invited."""

COMMANDS: Sequence[Mapping[str, Any]] = (
    {
        "name": Command.ASK,
        "type": _SLASH,
        "description": "Ask me something; all can see the answer",
        "options": [
            {
                "name": QUESTION,
                "type": _STRING,
                "description": "What you want to know",
                "required": True,
                "max_length": _LONGEST_QUESTION,
            },
            {"name": FILE, "type": _ATTACHMENT, "description": "A file that it is about"},
        ],
        **_EVERYWHERE,
    },
    {
        "name": Command.NEW,
        "type": _SLASH,
        "description": "Forget what was said here",
        **_EVERYWHERE,
    },
    {
        "name": Command.STOP,
        "type": _SLASH,
        "description": "Stop the answers to your questions here",
        **_EVERYWHERE,
    },
    {"name": Command.HELP, "type": _SLASH, "description": "How to talk to me", **_EVERYWHERE},
    {"name": Command.ABOUT, "type": _MESSAGE, **_EVERYWHERE},
)


async def register(rest: Rest) -> bool:
    """Tells Discord of the commands unless it has them; whether it did. Raises `ConnectorError`."""
    path = "/applications/{application_id}/commands"
    application = (await rest.application())["id"]
    known = await rest.look_up(path, application_id=application)
    # Discord's own for an app with an Activity: it refuses an update without it.
    kept = [each for each in known if each["type"] == _ENTRY_POINT]
    if agree(COMMANDS, [each for each in known if each not in kept]):
        return False
    await rest.call("PUT", path, json=[*COMMANDS, *kept], application_id=application)
    log.info("discord: the commands were registered")
    return True


def agree(ours: Sequence[Mapping[str, Any]], known: Sequence[Mapping[str, Any]]) -> bool:
    """Whether Discord has these commands and no others, in any order."""
    theirs = {(each["name"], each["type"]): each for each in known}
    names = {(each["name"], each["type"]) for each in ours}
    return names == theirs.keys() and all(
        _holds(theirs[each["name"], each["type"]], each) for each in ours
    )


def _holds(known: Any, ours: Any) -> bool:
    """Whether what Discord has says all that ours says; it adds ids, versions and the like."""
    if isinstance(ours, Mapping):
        return isinstance(known, Mapping) and all(
            _holds(known.get(name), value) for name, value in ours.items()
        )
    if isinstance(ours, list):
        return isinstance(known, list) and len(known) == len(ours) and all(map(_holds, known, ours))
    return bool(known == ours)


# Commands and presses: what a person does without writing a message.


Json = Mapping[str, Any]
_Tell = Callable[[Interaction, str], Awaitable[None]]

HELP = """\
`/ask` asks me something here, for all to see
`/stop` stops the answers to your questions here
`/new` forgets what we said, in a thread or in direct messages
You can also mention me, reply to an answer of mine, write to me directly, or choose \
_Apps > Ask about this message_ from a message's menu."""
EVERY_MENTION = (
    "In a channel every mention of me starts afresh; what I know is what you reply to. "
    "Only a thread has a memory."
)
STOPPED = "I stop the answers to your questions here."
NOT_NOW = "I could not do that just now. Please try again."
NOT_YOU = "You can't do that here."
NOT_KEPT = "I could not take your question just now. Please ask again."

_ADMITTED_S = 0.6
"""So much of that it may take to find out whether somebody may ask."""
_SOON_S = 1.8
"""Discord wants its acknowledgement within three seconds."""
_QUICKLY_S = 0.5
"""What may be looked up before that is."""
_FORM = "everytoken:about"
_ACTIVITY = 4
"""The type of the command that opens an app's Activity: none of the bot's."""
_ROW, _INPUT, _PARAGRAPH = 1, 4, 2
_REMEMBERED = 1_000


class DiscordCommands:
    """Answers interactions, which come in three types."""

    COMMAND, PRESS, FORM = 2, 3, 5

    def __init__(
        self,
        rest: Rest,
        errands: BackgroundTasks,
        guilds: Guilds,
        origins: Origins,
        inflow: Inflow,
        interactions: Interactions,
        tokens: InteractionTokens,
    ) -> None:
        self._rest = rest
        self._errands = errands
        self._guilds = guilds
        self._origins = origins
        self._inflow = inflow
        self._interactions = interactions
        self._tokens = tokens
        self._told = Acknowledgements(rest)
        self._quotes: Newest[str, Json] = Newest(_REMEMBERED)
        """The messages that forms ask about, by the form's id."""

    async def answer(self, data: Json) -> None:
        """Acknowledges an interaction and sees to its effect. Raises `ConnectorError`."""
        at = await self._setting(data)
        match data["type"]:
            case self.COMMAND if data["data"].get("type") != _ACTIVITY:
                await self._commanded(data, at, data["data"]["name"])
            case self.PRESS:
                await self._pressed(data, at)
            case self.FORM:
                await self._sent(data, at, data["data"]["custom_id"])

    async def _setting(self, data: Json) -> MessageContext:
        channel = data.get("channel") or {}
        id_, parent = str(data["channel_id"]), parent_in(channel)
        if channel:
            self._guilds.learn(id_, parent)
        us = (await self._rest.me())["id"]
        thread = id_ if parent else ""
        return MessageContext(us, data.get("guild_id") or DM, parent or id_, thread)

    # Presses.

    async def _pressed(self, data: Json, at: MessageContext) -> None:
        if questions.pressed(data, at.place("")) is None:
            return
        interaction = _interaction(data)
        self._errands.run(self._told.note(interaction))
        place = await patiently(lambda: self._origins.of(data["message"], at))
        event = questions.pressed(data, place)
        if event is None:
            return
        self._interactions.acknowledged(place, interaction)
        if not await self._inflow.put(event).kept():
            await self._told.whisper(interaction, NOT_NOW)

    # Commands.

    async def _commanded(self, data: Json, at: MessageContext, name: str) -> None:
        interaction = _interaction(data)
        ref = MessageRef(at.place(interaction.id), interaction.id)
        asks = name in (Command.ABOUT, Command.ASK)
        if name != Command.HELP and not await self._may(ref.place, interaction, spends=asks):
            return
        match name:
            case Command.ABOUT:
                await self._chosen(data)
            case Command.ASK:
                await self._ask(_asked(data, ref), _interaction(data, _option(data, "question")))
            case Command.HELP:
                await self._told.say(interaction, HELP)
            case Command.NEW if not at.alone:
                await self._told.say(interaction, EVERY_MENTION)
            case Command.NEW:
                await self._forget(ref, interaction)
            case Command.STOP:
                # Of a channel, not of one chain of replies in it.
                everywhere = Place("discord", at.guild, at.channel, at.thread)
                kept = await self._give(MessageRef(everywhere, ref.id), interaction.person, "stop")
                await self._told.say(interaction, STOPPED if kept else NOT_NOW)

    async def _may(self, place: Place, interaction: Interaction, *, spends: bool = True) -> bool:
        """Whether a person may do that; if not, they alone are told."""
        verdict = await self._inflow.admits(
            place, interaction.person, spends=spends, within=_ADMITTED_S
        )
        if not verdict.admitted:
            told = NOT_NOW if verdict.told is None else verdict.told or NOT_YOU
            await self._told.say(interaction, told)
        return verdict.admitted

    async def _forget(self, ref: MessageRef, interaction: Interaction) -> None:
        """The bot itself says that it forgot: where the response is promised."""
        self._interactions.ask(ref, interaction)
        await self._told.defer(interaction, ephemeral=True)
        if not await self._give(ref, interaction.person, "new"):
            self._interactions.opened(ref)
            await self._told.amend(interaction, NOT_NOW)

    async def _give(self, ref: MessageRef, who: Person, command: Literal["new", "stop"]) -> bool:
        incoming = self._inflow.put(Commanded(ref, who, command))
        return bool(await incoming.kept(_SOON_S))

    async def _ask(self, asked: Asked, interaction: Interaction) -> None:
        # Before the bot has it: an answer may begin at once, and waits for what Discord is told.
        self._interactions.ask(asked.message, interaction)
        try:
            if problem := await self._kept(asked, interaction):
                self._interactions.opened(asked.message)
                await problem(interaction, NOT_KEPT)
        except ConnectorError as error:
            # The answer comes as an ordinary message then.
            self._interactions.opened(asked.message)
            log.warning("discord: a command was not acknowledged: %s", error)
        finally:
            interaction.told.set()

    async def _kept(self, asked: Asked, interaction: Interaction) -> _Tell | None:
        """Promises the answer to a question once that is safe; if it isn't, the way to say so."""
        keeping = self._errands.run(self._tokens.keep(asked.message, interaction))
        incoming = self._inflow.put(asked)
        kept = await incoming.kept(_SOON_S)
        if kept is False:
            return self._told.say
        await asyncio.wait({keeping}, timeout=_QUICKLY_S)
        await self._told.defer(interaction)
        late = kept is None and not await insist(self._inflow, incoming)
        return self._told.amend if late else None

    # A question about a message.

    async def _chosen(self, data: Json) -> None:
        target = data["data"]["target_id"]
        form = f"{_FORM}:{target}"
        self._quotes[form] = data["data"]["resolved"]["messages"][target]
        await self._told.show(_interaction(data), _modal(form))

    async def _sent(self, data: Json, at: MessageContext, form: str) -> None:
        if not form.startswith(_FORM):
            return
        question = _field(data["data"]["components"])
        interaction = _interaction(data, question)
        if not await self._may(at.place(interaction.id), interaction):
            return
        files: tuple[File, ...] = ()
        about = self._quotes.get(form) or await self._read(form.rpartition(":")[2], data)
        if about is None:
            place, text = at.place(interaction.id), question
        else:
            place = await self._place_of(about, at)
            text, files = self._quoting(about, question, at), content.files_of(about)
        ref = MessageRef(place, interaction.id)
        await self._ask(Asked(ref, interaction.person, text, files), interaction)

    async def _place_of(self, about: Json, at: MessageContext) -> Place:
        """A message's conversation; where that is not found soon, one that begins with it."""
        try:
            async with asyncio.timeout(_QUICKLY_S):
                return await self._origins.of(about, at)
        except (ConnectorError, TimeoutError) as error:
            log.warning(
                "discord: a message's conversation was not found: %s", str(error) or "too slow"
            )
            return at.place(str(about["id"]))

    async def _read(self, message_id: str, data: Json) -> Json | None:
        """The message, where another process opened the form; the question stands without it."""
        try:
            found: Json = await self._rest.look_up(
                "/channels/{channel_id}/messages/{message_id}",
                channel_id=data["channel_id"],
                message_id=message_id,
            )
        except ConnectorError as error:
            log.warning("discord: what was asked about can't be read: %s", error)
            return None
        return found

    def _quoting(self, about: Json, question: str, at: MessageContext) -> str:
        said = plain(
            content.text_of(about),
            content.names_in(about),
            named=lambda id_: self._guilds.name(at.guild, id_),
        )
        return f"{quoted(said)}\n\n{question}" if said else question


def _interaction(data: Json, question: str = "") -> Interaction:
    return Interaction(
        id=data["id"],
        token=data["token"],
        application=data["application_id"],
        person=questions.actor(data),
        question=question,
    )


def _asked(data: Json, ref: MessageRef) -> Asked:
    files: tuple[File, ...] = ()
    if chosen := _option(data, FILE):
        about = data["data"]["resolved"]["attachments"][chosen]
        media_type = str(about.get("content_type") or "application/octet-stream")
        # It stands under no message: it is fetched by its address.
        files = (
            File(about["url"], about["filename"], media_type.partition(";")[0], about["size"]),
        )
    return Asked(ref, questions.actor(data), _option(data, QUESTION).strip(), files)


def _option(data: Json, name: str) -> str:
    for option in data["data"].get("options") or ():
        if option["name"] == name:
            return str(option["value"])
    return ""


def _field(components: list[Json]) -> str:
    """The one field of the form, in whatever it is laid out."""
    for component in components:
        inner = component.get("components") or [component.get("component") or {}]
        for field in inner:
            if field.get("custom_id") == QUESTION:
                return str(field.get("value") or "").strip()
    return ""


def _modal(form: str) -> Json:
    field = {
        "type": _INPUT,
        "style": _PARAGRAPH,
        "custom_id": QUESTION,
        "label": "Your question",
        "max_length": _LONGEST_QUESTION,
        "required": True,
    }
    row = {"type": _ROW, "components": [field]}
    return {"custom_id": form, "title": Command.ABOUT, "components": [row]}
