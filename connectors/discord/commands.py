"""The bot's commands: how Discord is told of them, and what a person does who uses one or
presses a button.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from connectors.background import BackgroundTasks
from connectors.base import (
    Asked,
    Commanded,
    Configured,
    ConnectorError,
    File,
    Inflow,
    MessageRef,
    Order,
    Person,
    Place,
)
from connectors.discord import configuring, content, question_form, questions
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
from connectors.discord.settings_forms import SettingsForms
from connectors.markdown import quoted
from connectors.newest import Newest
from connectors.words import Language, Sentence, Wording, chosen

log = logging.getLogger(__name__)


class Command(StrEnum):
    """The bot's commands by their names; `ABOUT` is the one in a message's menu."""

    ASK = "ask"
    NEW = "new"
    STOP = "stop"
    TOOLS = "tools"
    RETRY = "retry"
    HELP = "help"
    ABOUT = "Ask about this message"


QUESTION, FILE = "question", "file"
"""The options of the command that asks."""
MODEL = "model"
"""The option of the command that asks again."""
_LONGEST_MODEL = 64
TURN = "turn"
"""The option of the command that turns tools off and on."""
_SWITCHES: Mapping[str, Order] = {"off": "tools off", "on": "tools on"}

_SLASH, _MESSAGE, _ENTRY_POINT = 1, 3, 4
_STRING, _ATTACHMENT = 3, 11
_LONGEST_QUESTION = 4_000
_EVERYWHERE = {"contexts": [0, 1], "integration_types": [0]}
"""In servers and in direct messages, where the bot was invited."""


def _described(id_: str) -> Mapping[str, Any]:
    return configuring.described(Sentence(id_))


def _elsewhere(said: Sentence) -> dict[str, str]:
    return {each.tag: said.to(each).text for each in Language if each is not Language.ENGLISH}


def _slash(name: Command, id_: str, *options: Mapping[str, Any]) -> Mapping[str, Any]:
    about = {"name": name, "type": _SLASH, **_described(id_), **_EVERYWHERE}
    return {**about, "options": list(options)} if options else about


def _text(name: str, id_: str, **more: Any) -> Mapping[str, Any]:
    return {"name": name, "type": _STRING, **_described(id_), "required": True, **more}


_ONE_OF_TWO = [{"name": name, "value": name} for name in _SWITCHES]
COMMANDS: Sequence[Mapping[str, Any]] = (
    _slash(
        Command.ASK,
        "command.ask",
        _text(QUESTION, "command.ask.question", max_length=_LONGEST_QUESTION),
        {"name": FILE, "type": _ATTACHMENT, **_described("command.ask.file")},
    ),
    _slash(Command.NEW, "command.new"),
    _slash(Command.STOP, "command.stop"),
    _slash(
        Command.RETRY,
        "command.retry",
        _text(MODEL, "command.retry.model", max_length=_LONGEST_MODEL),
    ),
    _slash(Command.TOOLS, "command.tools", _text(TURN, "command.tools.turn", choices=_ONE_OF_TWO)),
    _slash(Command.HELP, "command.help"),
    {
        "name": Command.ABOUT,
        "type": _MESSAGE,
        "name_localizations": _elsewhere(Sentence("ask.about")),
        **_EVERYWHERE,
    },
    *configuring.COMMANDS,
)


async def register(rest: Rest) -> bool:
    """Tells Discord of the commands unless it has them; whether it did. Raises `ConnectorError`."""
    path = "/applications/{application_id}/commands"
    application = (await rest.application())["id"]
    # Without this Discord leaves out what the commands are called in other languages.
    everything = {"with_localizations": "true"}
    known = await rest.look_up(path, query=everything, application_id=application)
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
_Tell = Callable[[Interaction, Wording], Awaitable[None]]

NOT_NOW = Sentence("told.not_now")

_ADMITTED_S = 0.6
"""So much of that it may take to find out whether somebody may ask."""
_SOON_S = 1.8
"""Discord wants its acknowledgement within three seconds."""
_QUICKLY_S = 0.5
"""What may be looked up before that is."""
_FORM = "everytoken:about"
_ACTIVITY = 4
"""The type of the command that opens an app's Activity: none of the bot's."""
_REMEMBERED = 1_000


class DiscordCommands:
    """Answers interactions, which come in four types."""

    COMMAND, PRESS, COMPLETE, FORM = 2, 3, 4, 5

    def __init__(
        self,
        rest: Rest,
        errands: BackgroundTasks,
        guilds: Guilds,
        origins: Origins,
        inflow: Inflow,
        interactions: Interactions,
        tokens: InteractionTokens,
        language: Language,
    ) -> None:
        """`language` is that of people whose own isn't known."""
        self._language = language
        self._rest = rest
        self._errands = errands
        self._guilds = guilds
        self._origins = origins
        self._inflow = inflow
        self._interactions = interactions
        self._tokens = tokens
        self._told = Acknowledgements(rest)
        self._settings = SettingsForms(self._told, inflow, interactions, self._to)
        self._quotes: Newest[str, Json] = Newest(_REMEMBERED)
        """The messages that forms ask about, by the form's id."""

    async def answer(self, data: Json) -> None:
        """Acknowledges an interaction and sees to its effect. Raises `ConnectorError`."""
        at = await self._setting(data)
        self._guilds.reads(questions.actor(data))
        match data["type"]:
            case self.COMMAND if data["data"].get("type") != _ACTIVITY:
                await self._commanded(data, at, data["data"]["name"])
            case self.PRESS:
                await self._pressed(data, at)
            case self.COMPLETE:
                interaction = _interaction(data)
                ref = MessageRef(at.place(interaction.id), interaction.id)
                await self._settings.complete(data, ref, interaction)
            case self.FORM:
                await self._sent(data, at, data["data"]["custom_id"])

    async def _say(self, interaction: Interaction, said: Sentence) -> None:
        await self._told.say(interaction, self._to(interaction, said))

    def _to(self, interaction: Interaction, said: Sentence) -> Wording:
        """A sentence in the language of who acts."""
        asked, theirs = interaction.question, interaction.person.language
        return said.to(chosen(theirs, None, asked, self._language))

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
            await self._told.whisper(interaction, self._to(interaction, NOT_NOW))

    # Commands.

    async def _commanded(self, data: Json, at: MessageContext, name: str) -> None:
        interaction = _interaction(data)
        ref = MessageRef(at.place(interaction.id), interaction.id)
        asks = name in (Command.ABOUT, Command.ASK)
        if name != Command.HELP and not await self._may(ref.place, interaction, spends=asks):
            return
        if (order := _ordered(data["data"], ref, interaction.person, at)) is not None:
            await self._settled(order, data, interaction)
            return
        match name:
            case Command.ABOUT:
                await self._chosen(data)
            case Command.ASK:
                await self._ask(_asked(data, ref), _interaction(data, _option(data, "question")))
            case Command.HELP:
                await self._say(interaction, Sentence("told.help.discord"))
            case Command.NEW:
                await self._say(interaction, Sentence("told.memory.discord"))
            case Command.STOP:
                # Of a channel, not of one chain of replies in it.
                everywhere = Place("discord", at.guild, at.channel, at.thread)
                stop = Commanded(MessageRef(everywhere, ref.id), interaction.person, "stop")
                kept = await self._inflow.put(stop).kept(_SOON_S)
                await self._say(interaction, Sentence("told.stopped") if kept else NOT_NOW)

    async def _may(self, place: Place, interaction: Interaction, *, spends: bool = True) -> bool:
        """Whether a person may do that; if not, they alone are told."""
        verdict = await self._inflow.admits(
            place, interaction.person, spends=spends, within=_ADMITTED_S
        )
        if not verdict.admitted:
            ours = NOT_NOW if verdict.unsure else Sentence("told.not_you")
            await self._told.say(interaction, verdict.told or self._to(interaction, ours))
        return verdict.admitted

    async def _settled(
        self, order: Commanded | Configured, data: Json, interaction: Interaction
    ) -> None:
        """The bot itself says what has come of it: where the response is promised."""
        if isinstance(order, Configured):
            await self._settings.wanted(order, data, interaction)
            return
        self._interactions.ask(order.message, interaction)
        await self._told.defer(interaction, ephemeral=True)
        if not await self._inflow.put(order).kept(_SOON_S):
            self._interactions.opened(order.message)
            await self._told.amend(interaction, self._to(interaction, NOT_NOW))

    async def _ask(self, asked: Asked, interaction: Interaction) -> None:
        # Before the bot has it: an answer may begin at once, and waits for what Discord is told.
        self._interactions.ask(asked.message, interaction)
        try:
            if problem := await self._kept(asked, interaction):
                self._interactions.opened(asked.message)
                await problem(interaction, self._to(interaction, Sentence("told.not_kept")))
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
        interaction = _interaction(data)
        language = chosen(interaction.person.language, None, "", self._language)
        await self._told.show(interaction, question_form.modal(form, language))

    async def _sent(self, data: Json, at: MessageContext, form: str) -> None:
        if form.startswith(configuring.FORM):
            interaction = _interaction(data)
            ref = MessageRef(at.place(interaction.id), interaction.id)
            await self._settings.sent(data, ref, interaction)
            return
        if not form.startswith(_FORM):
            return
        question = question_form.written(data["data"]["components"])
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


def _ordered(
    command: Json, ref: MessageRef, person: Person, at: MessageContext
) -> Commanded | Configured | None:
    """What a command orders that the bot itself answers; None for all others."""
    match command["name"]:
        case Command.TOOLS:
            return Commanded(ref, person, _SWITCHES[_option({"data": command}, TURN)])
        case Command.RETRY:
            everywhere = MessageRef(Place("discord", at.guild, at.channel, at.thread), ref.id)
            model = _option({"data": command}, MODEL).strip()
            return Commanded(everywhere, person, "retry", model)
        case Command.NEW if at.alone:
            return Commanded(ref, person, "new")
    return configuring.configured(command, ref, person)


def _option(data: Json, name: str) -> str:
    for option in data["data"].get("options") or ():
        if option["name"] == name:
            return str(option["value"])
    return ""
