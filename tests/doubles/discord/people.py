"""What people do with the bot's controls: they press, choose, and give commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.doubles.discord import interactions, message_payloads
from tests.doubles.discord.crowd import Crowd
from tests.doubles.discord.interactions import Interaction, InteractionType, new_interaction
from tests.doubles.discord.model import JSON, Channel, Message, MessageFlag, User, flat
from tests.doubles.discord.platform import Event


class People(Crowd):
    """Everybody on the platform but the bot."""

    def press(self, message_id: str, button: str, *, user: User | str | None = None) -> Interaction:
        """Somebody presses a button, named by its custom_id or its label.

        LookupError if the message shows no such button that can be pressed.
        """
        message = self._platform.messages[message_id]
        found = [each for each in _pressable(message) if button in _names(each)]
        if not found:
            raise LookupError(f"message {message_id} shows no button {button!r}")
        data = {"custom_id": found[0]["custom_id"], "component_type": 2, "id": found[0]["id"]}
        place = self._platform.channels[message.channel_id]
        return self._interact(InteractionType.COMPONENT, place, self.user(user), data, message)

    def choose(
        self,
        message_id: str,
        custom_id: str,
        values: Sequence[str],
        *,
        user: User | str | None = None,
    ) -> Interaction:
        """Somebody chooses from a menu."""
        message = self._platform.messages[message_id]
        menu = next(c for c in flat(message.now.components) if c.get("custom_id") == custom_id)
        kind = menu["type"]
        data: JSON = {"custom_id": custom_id, "component_type": kind, "values": list(values)}
        place = self._platform.channels[message.channel_id]
        return self._interact(InteractionType.COMPONENT, place, self.user(user), data, message)

    def submit(
        self,
        custom_id: str,
        fields: Mapping[str, str],
        *,
        channel: Channel | str | None = None,
        user: User | str | None = None,
        message_id: str | None = None,
    ) -> Interaction:
        """Somebody sends a modal's fields, from where it was opened."""
        rows = [
            {"type": 1, "components": [{"type": 4, "custom_id": name, "value": value}]}
            for name, value in fields.items()
        ]
        data: JSON = {"custom_id": custom_id, "components": rows}
        message = self._platform.messages[message_id] if message_id else None
        place, who = self.channel(channel), self.user(user)
        return self._interact(InteractionType.MODAL, place, who, data, message)

    def command(
        self,
        name: str,
        options: Mapping[str, Any] | None = None,
        *,
        channel: Channel | str | None = None,
        user: User | str | None = None,
    ) -> Interaction:
        """Somebody gives a slash command; LookupError if the bot has registered none such.

        A subcommand is named with its command: `config show`.
        """
        place = self.channel(channel)
        root, *path = name.split(" ")
        command = self._command(root, 1, place)
        chosen = _options(command["options"], path, options or {})
        data = _command_data(command, place) | {"options": chosen}
        return self._interact(InteractionType.COMMAND, place, self.user(user), data)

    def complete(
        self,
        name: str,
        options: Mapping[str, str],
        focused: str,
        *,
        user: User | str | None = None,
    ) -> Interaction:
        """Somebody writes an option of a command that completes what is written there."""
        place = self.channel(None)
        command = self._command(name, 1, place)
        known = {each["name"]: each for each in command["options"]}
        assert known[focused].get("autocomplete"), f"{focused} is not completed"
        chosen = _options(command["options"], [], options)
        for option in chosen:
            option |= {"focused": True} if option["name"] == focused else {}
        data = _command_data(command, place) | {"options": chosen}
        return self._interact(InteractionType.AUTOCOMPLETE, place, self.user(user), data)

    def fill(
        self, shown: Interaction, fields: Mapping[str, str], *, user: User | str | None = None
    ) -> Interaction:
        """Somebody changes fields of the form that an interaction was answered with, and sends it.

        The others are sent as they were.
        """
        assert shown.answer is not None
        form = shown.answer.data
        inputs = [row["components"][0] for row in form["components"]]
        values = {each["custom_id"]: str(each.get("value", "")) for each in inputs}
        assert fields.keys() <= values.keys(), f"the form has {list(values)}"
        assert all(len(fields.get(i["custom_id"], "")) <= i["max_length"] for i in inputs)
        return self.submit(form["custom_id"], {**values, **fields}, user=user)

    def launches(self, name: str) -> str:
        """The app gets an Activity, and with it an Entry Point command; returns its id."""
        id_, application = self._platform.ids.next(), self._platform.bot.id
        command: JSON = {"id": id_, "application_id": application, "version": id_, "type": 4}
        command |= {"name": name, "description": "", "options": [], "handler": 2}
        self._platform.commands[None].append(command)
        return id_

    def launch(
        self,
        name: str,
        *,
        channel: Channel | str | None = None,
        user: User | str | None = None,
    ) -> Interaction:
        """Somebody gives the Entry Point command, which the app is to handle itself."""
        place = self.channel(channel)
        data = _command_data(self._command(name, 4, place), place)
        return self._interact(InteractionType.COMMAND, place, self.user(user), data)

    def message_command(
        self, name: str, message_id: str, *, user: User | str | None = None
    ) -> Interaction:
        """Somebody gives a command from a message's menu."""
        message = self._platform.messages[message_id]
        place = self._platform.channels[message.channel_id]
        body = message_payloads.message(self._platform, message)
        data = _command_data(self._command(name, 3, place), place)
        data |= {"target_id": message_id, "resolved": {"messages": {message_id: body}}}
        return self._interact(InteractionType.COMMAND, place, self.user(user), data)

    def _interact(
        self,
        type_: InteractionType,
        place: Channel,
        user: User,
        data: JSON,
        message: Message | None = None,
    ) -> Interaction:
        made = new_interaction(self._platform, type_, place, user, data, message)
        body = interactions.payload(self._platform, made)
        # It reaches the bot without any intent, and where it can't see the channel too.
        self._platform.emit(Event("INTERACTION_CREATE", body, guild_id=place.guild_id))
        return made

    def _command(self, name: str, kind: int, place: Channel) -> JSON:
        commands = self._platform.commands
        known = [*commands.get(place.guild_id, []), *commands[None]]
        for command in known:
            if command["name"] == name and command["type"] == kind:
                return command
        raise LookupError(f"the bot has registered no command {name!r}")


def _pressable(message: Message) -> list[JSON]:
    if message.deleted is not None:
        return []
    buttons = [b for b in message.now.buttons if "custom_id" in b and not b.get("disabled")]
    return [] if MessageFlag.LOADING in message.now.flags else buttons


def _names(button: JSON) -> tuple[str, str]:
    return str(button["custom_id"]), str(button.get("label", ""))


def _command_data(command: JSON, place: Channel) -> JSON:
    data: JSON = {"id": command["id"], "name": command["name"], "type": command["type"]}
    return {**data, "guild_id": place.guild_id} if command.get("guild_id") else data


def _options(declared: list[JSON], path: list[str], values: Mapping[str, Any]) -> list[JSON]:
    known = {each["name"]: each for each in declared}
    if path:
        inner = known[path[0]]
        chosen = _options(inner.get("options", []), path[1:], values)
        return [{"name": inner["name"], "type": inner["type"], "options": chosen}]
    return [
        {"name": name, "type": known[name]["type"], "value": value}
        for name, value in values.items()
    ]
