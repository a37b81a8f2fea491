"""Answers to interactions, and the messages that their tokens open."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from tests.doubles.discord import errors
from tests.doubles.discord.drafts import draft, redraft
from tests.doubles.discord.interactions import (
    Callback,
    CallbackType,
    Interaction,
    InteractionType,
    by_token,
)
from tests.doubles.discord.message_payloads import message as payload
from tests.doubles.discord.model import JSON, Message, MessageFlag, MessageType, Version
from tests.doubles.discord.platform import Platform
from tests.doubles.discord.rest.exchange import Exchange, Reply, Route

# Answering.


def _callback(exchange: Exchange) -> Reply:
    platform = exchange.platform
    interaction = platform.interactions.get(exchange.params["interaction_id"])
    if interaction is None or interaction.token != exchange.params["token"]:
        raise errors.unknown_interaction()
    interaction.check_answerable(platform.limits.answer_seconds)
    type_, data = CallbackType(exchange.fields["type"]), exchange.fields.get("data") or {}
    if interaction.type is InteractionType.AUTOCOMPLETE and type_ is not CallbackType.AUTOCOMPLETE:
        raise _wrong_type()
    message = _ANSWERS[type_](exchange, interaction, data)
    answer = Callback(time.time(), type_, data, message.id if message else None)
    interaction.acknowledge(answer)
    platform.record.changed()
    if exchange.query.get("with_response", "").casefold() not in ("1", "true"):
        return Reply()
    return Reply(_response(platform, interaction, message))


def _answer_message(exchange: Exchange, interaction: Interaction, data: JSON) -> Message:
    version = draft(exchange.platform, interaction.channel, data, exchange.files)
    return _post(exchange.platform, interaction, version)


def _answer_deferred(exchange: Exchange, interaction: Interaction, data: JSON) -> Message:
    asked = MessageFlag(data.get("flags", 0)) & MessageFlag.EPHEMERAL
    version = Version(time.time(), flags=MessageFlag.LOADING | asked)
    return _post(exchange.platform, interaction, version)


def _answer_later(_exchange: Exchange, interaction: Interaction, _data: JSON) -> Message:
    return _component_message(interaction)


def _answer_update(exchange: Exchange, interaction: Interaction, data: JSON) -> Message:
    message, platform = _component_message(interaction), exchange.platform
    version = redraft(platform, interaction.channel, message.now, data, exchange.files)
    if message.deleted is not None:
        raise errors.unknown_message()
    platform.change(message, version)
    return message


def _answer_completed(_exchange: Exchange, interaction: Interaction, data: JSON) -> None:
    if interaction.type is not InteractionType.AUTOCOMPLETE:
        raise _wrong_type()
    choices = data.get("choices") or []
    if len(choices) > _MOST_CHOICES:
        raise errors.invalid_form("data.choices", "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer.")
    for number, choice in enumerate(choices):
        for name in ("name", "value"):
            if not 1 <= len(choice[name]) <= _MOST_CHOICE:
                raise errors.too_long(f"data.choices.{number}.{name}", _MOST_CHOICE)


def _answer_form(_exchange: Exchange, interaction: Interaction, data: JSON) -> None:
    if interaction.type in (InteractionType.MODAL, InteractionType.AUTOCOMPLETE):
        raise _wrong_type()
    if not 1 <= len(data["title"]) <= _MOST_TITLE:
        raise errors.too_long("data.title", _MOST_TITLE)
    if not 1 <= len(data["custom_id"]) <= _MOST_CHOICE:
        raise errors.too_long("data.custom_id", _MOST_CHOICE)
    rows = data["components"]
    if not 1 <= len(rows) <= _MOST_ROWS:
        message = "Must be between 1 and 5 in length."
        raise errors.invalid_form("data.components", "BASE_TYPE_BAD_LENGTH", message)
    for number, row in enumerate(rows):
        _check_input(row["components"][0], f"data.components.{number}.components.0")
    if len({row["components"][0]["custom_id"] for row in rows}) < len(rows):
        code = "COMPONENT_CUSTOM_ID_DUPLICATED"
        raise errors.invalid_form("data.components", code, "Custom id cannot be duplicated")


def _check_input(field: JSON, path: str) -> None:
    """A text input as Discord takes it, with what stands in it."""
    most = field.get("max_length", _MOST_WRITTEN)
    for name, limit in (("label", _MOST_TITLE), ("custom_id", _MOST_CHOICE)):
        if not 1 <= len(field[name]) <= limit:
            raise errors.too_long(f"{path}.{name}", limit)
    if len(field.get("placeholder", "")) > _MOST_CHOICE:
        raise errors.too_long(f"{path}.placeholder", _MOST_CHOICE)
    if not 1 <= most <= _MOST_WRITTEN:
        raise errors.invalid_form(f"{path}.max_length", "NUMBER_TYPE_MAX", "1 to 4000.")
    if "value" in field and len(field["value"]) > most:
        raise errors.too_long(f"{path}.value", most)


_MOST_CHOICES, _MOST_CHOICE, _MOST_TITLE, _MOST_ROWS, _MOST_WRITTEN = 25, 100, 45, 5, 4_000


def _wrong_type() -> errors.APIError:
    code, message = "INTERACTION_CALLBACK_TYPE_INVALID", "Interaction callback type is invalid."
    return errors.invalid_form("type", code, message)


def _component_message(interaction: Interaction) -> Message:
    if interaction.message is None:
        raise _wrong_type()
    return interaction.message


_ANSWERS: dict[CallbackType, Callable[[Exchange, Interaction, JSON], Message | None]] = {
    CallbackType.MESSAGE: _answer_message,
    CallbackType.DEFERRED_MESSAGE: _answer_deferred,
    CallbackType.DEFERRED_UPDATE: _answer_later,
    CallbackType.UPDATE: _answer_update,
    CallbackType.AUTOCOMPLETE: _answer_completed,
    CallbackType.MODAL: _answer_form,
}


def _post(platform: Platform, interaction: Interaction, version: Version) -> Message:
    command = interaction.type is InteractionType.COMMAND
    kind = MessageType.COMMAND_REPLY if command else MessageType.REPLY
    reference: JSON | None = None
    if interaction.message is not None:
        channel = interaction.channel
        reference = {"type": 0, "message_id": interaction.message.id, "channel_id": channel.id}
        reference |= {"guild_id": channel.guild_id} if channel.guild_id else {}
    return platform.post(
        interaction.channel,
        platform.bot,
        version,
        type=kind,
        reference=reference,
        webhook_id=platform.bot.id,
        interaction=interaction.metadata,
    )


def _response(platform: Platform, interaction: Interaction, message: Message | None) -> JSON:
    assert interaction.answer is not None
    about: JSON = {"id": interaction.id, "type": int(interaction.type)}
    resource: JSON = {"type": int(interaction.answer.type)}
    if message is not None:
        about["response_message_id"] = message.id
        about["response_message_loading"] = MessageFlag.LOADING in message.now.flags
        about["response_message_ephemeral"] = message.ephemeral
        if interaction.answer.type is not CallbackType.DEFERRED_UPDATE:
            resource["message"] = payload(platform, message)
    return {"interaction": about, "resource": resource}


# What the token opens afterwards.


def _alive(exchange: Exchange) -> Interaction:
    platform = exchange.platform
    if exchange.params["application_id"] != platform.bot.id:
        raise errors.unknown_webhook()
    interaction = by_token(platform, exchange.params["token"])
    interaction.check_alive(platform.limits.interaction_life)
    return interaction


def _message(exchange: Exchange, interaction: Interaction) -> Message:
    wanted = exchange.params["message_id"]
    ids = [interaction.original_id, *interaction.followups]
    id_ = interaction.original_id if wanted == "@original" else wanted
    if id_ is None or id_ not in ids:
        raise errors.unknown_message()
    message = exchange.platform.messages[id_]
    if message.deleted is not None:
        raise errors.unknown_message()
    return message


def _follow_up(exchange: Exchange) -> Reply:
    platform, interaction = exchange.platform, _alive(exchange)
    version = draft(platform, interaction.channel, exchange.fields, exchange.files)
    original = platform.messages.get(interaction.original_id or "")
    if original is not None and MessageFlag.LOADING in original.now.flags:
        # The first message after a deferred answer takes the place that it has held.
        return _shown_at_last(platform, original, version)
    message = _post(platform, interaction, version)
    interaction.followups.append(message.id)
    return Reply(payload(platform, message))


def _shown_at_last(platform: Platform, message: Message, version: Version) -> Reply:
    kept = message.now.flags & MessageFlag.EPHEMERAL
    flags = (version.flags & ~(MessageFlag.LOADING | MessageFlag.EPHEMERAL)) | kept
    platform.change(message, replace(version, flags=flags), edited=False)
    return Reply(payload(platform, message))


def _get(exchange: Exchange) -> Reply:
    message = _message(exchange, _alive(exchange))
    return Reply(payload(exchange.platform, message))


def _edit(exchange: Exchange) -> Reply:
    platform, interaction = exchange.platform, _alive(exchange)
    message = _message(exchange, interaction)
    version = redraft(platform, interaction.channel, message.now, exchange.fields, exchange.files)
    if MessageFlag.LOADING in message.now.flags:
        return _shown_at_last(platform, message, version)
    platform.change(message, version)
    return Reply(payload(platform, message))


def _delete(exchange: Exchange) -> Reply:
    exchange.platform.remove(_message(exchange, _alive(exchange)))
    return Reply()


_CALLBACK = "/interactions/{interaction_id}/{token}/callback"
_HOOK = "/webhooks/{application_id}/{token}"
_ONE = f"{_HOOK}/messages/{{message_id}}"

ROUTES = [
    Route("POST", _CALLBACK, _callback, secret=False),
    Route("POST", _HOOK, _follow_up, "webhook", secret=False),
    Route("GET", _ONE, _get, "webhook", secret=False),
    Route("PATCH", _ONE, _edit, "webhook", secret=False),
    Route("DELETE", _ONE, _delete, "webhook", secret=False),
]
