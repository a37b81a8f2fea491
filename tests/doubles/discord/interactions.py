"""Interactions: what a person pressed or commanded, and what the bot made of it."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from tests.doubles.discord import errors, message_payloads, payloads
from tests.doubles.discord.model import JSON, Channel, Message, User
from tests.doubles.discord.permissions import MANAGING, MEMBERS, NONE

if TYPE_CHECKING:
    from tests.doubles.discord.platform import Platform


class InteractionType(IntEnum):
    """What was done."""

    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4
    MODAL = 5


class CallbackType(IntEnum):
    """How an interaction can be answered."""

    MESSAGE = 4
    DEFERRED_MESSAGE = 5
    DEFERRED_UPDATE = 6
    UPDATE = 7
    AUTOCOMPLETE = 8
    MODAL = 9


@dataclass(frozen=True, slots=True)
class Callback:
    """The bot's answer, at `at` (seconds since the epoch)."""

    at: float
    type: CallbackType
    data: JSON
    message_id: str | None = None
    """The message that it posted or changes."""


@dataclass(slots=True)
class Interaction:
    """One interaction with all that became of it."""

    id: str
    token: str
    type: InteractionType
    channel: Channel
    user: User
    at: float
    data: JSON
    message: Message | None = None
    """The message whose component was used."""
    answer: Callback | None = None
    original_id: str | None = None
    """The message that `@original` names."""
    followups: list[str] = field(default_factory=list)
    _answered: asyncio.Event = field(default_factory=asyncio.Event)

    async def callback(self, within: float = 5.0) -> Callback:
        """The bot's answer; TimeoutError if there is none after `within` seconds."""
        async with asyncio.timeout(within):
            await self._answered.wait()
        assert self.answer is not None
        return self.answer

    def acknowledge(self, callback: Callback) -> None:
        """The bot has answered."""
        self.answer = callback
        self.original_id = callback.message_id
        self._answered.set()

    def check_answerable(self, answer_seconds: float | None) -> None:
        """Raises what a callback gets that comes twice or too late."""
        if self.answer is not None:
            raise errors.already_acknowledged()
        if answer_seconds is not None and time.time() - self.at > answer_seconds:
            raise errors.unknown_interaction()

    def check_alive(self, life: float | None) -> None:
        """Raises what a call gets whose token is too old, or was not answered yet."""
        if life is not None and time.time() - self.at > life:
            raise errors.dead_token()
        if self.answer is None:
            raise errors.unknown_webhook()

    @property
    def metadata(self) -> JSON:
        """What a message says about the interaction that it answers."""
        body: JSON = {"id": self.id, "type": int(self.type), "user": payloads.user(self.user)}
        body["authorizing_integration_owners"] = _owners(self.channel)
        if self.message is not None:
            body["interacted_message_id"] = self.message.id
        return body


def new_interaction(
    platform: Platform,
    type_: InteractionType,
    channel: Channel,
    user: User,
    data: JSON,
    message: Message | None = None,
) -> Interaction:
    """An interaction that is about to be told."""
    id_, token = platform.ids.next(), secrets.token_urlsafe(24)
    interaction = Interaction(id_, token, type_, channel, user, time.time(), data, message)
    platform.interactions[id_] = interaction
    return interaction


def payload(platform: Platform, of: Interaction) -> JSON:
    """Discord's JSON for an interaction."""
    body: JSON = {
        "id": of.id,
        "application_id": platform.bot.id,
        "type": int(of.type),
        "token": of.token,
        "version": 1,
        "data": of.data,
        "channel_id": of.channel.id,
        "channel": payloads.interaction_channel(of.channel, platform.bot.id),
        "app_permissions": str(int(of.channel.allowed)),
        "locale": of.user.locale,
        "entitlements": [],
        "authorizing_integration_owners": _owners(of.channel),
        "context": 0 if of.channel.guild_id else 1,
        "attachment_size_limit": platform.limits.upload_bytes or 10 * 1024 * 1024,
    }
    if of.message is not None:
        body["message"] = message_payloads.message(platform, of.message)
    return body | _person(platform, of)


def _person(platform: Platform, of: Interaction) -> JSON:
    if of.channel.guild_id is None:
        return {"user": payloads.user(of.user)}
    guild = platform.guilds[of.channel.guild_id]
    member = payloads.member_of(guild.members[of.user.id]) | _allowed(platform, of)
    partial = {"id": guild.id, "locale": "en-US", "features": []}
    return {"guild_id": guild.id, "guild": partial, "guild_locale": "en-US", "member": member}


def _allowed(platform: Platform, of: Interaction) -> JSON:
    """What somebody may do in the channel: a member's permissions, and what they manage."""
    guild = platform.guilds[of.channel.guild_id or ""]
    managing = MANAGING if guild.owner_id == of.user.id else NONE
    return {"permissions": str(int(MEMBERS | managing | platform.managing.get(of.user.id, NONE)))}


def _owners(channel: Channel) -> JSON:
    return {"0": channel.guild_id or "0"}


def by_token(platform: Platform, token: str) -> Interaction:
    """The interaction with this token; `APIError` if there is none."""
    for interaction in platform.interactions.values():
        if interaction.token == token:
            return interaction
    raise errors.unknown_webhook()
