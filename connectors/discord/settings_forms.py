"""Somebody looks at a channel's settings, or changes them: by commands that complete what is
written, or in a form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from connectors.base import Configured, Inflow, MessageRef, SettingsForm
from connectors.discord.configuring import (
    choices,
    completed,
    manages,
    modal,
    submitted,
)
from connectors.discord.interactions import Acknowledgements, Interaction, Interactions
from connectors.words import Sentence, Wording

Json = Mapping[str, Any]
To = Callable[[Interaction, Sentence], Wording]

NOT_NOW = Sentence("told.not_now")
_SOON_S = 1.8
"""Discord wants its acknowledgement within three seconds."""


class SettingsForms:
    """Hands the bot what is wanted, and answers where that has to be at once."""

    def __init__(
        self, told: Acknowledgements, inflow: Inflow, interactions: Interactions, to: To
    ) -> None:
        """`to` puts a sentence into the language of who acts."""
        self._told = told
        self._inflow = inflow
        self._interactions = interactions
        self._to = to

    async def wanted(self, wants: Configured, data: Json, interaction: Interaction) -> None:
        """A command; where it wants no form, the bot itself says what has come of it."""
        wants = replace(wants, manages=manages(data))
        if wants.wanted != "form":
            await self._settled(wants, interaction)
            return
        form, why = await self._form(wants, interaction)
        if form is None:
            await self._told.say(interaction, why)
            return

        def say(said: Sentence) -> str:
            return self._to(interaction, said).text

        name = next(iter(wants.written))
        made = modal(form, name, say)
        if isinstance(made, Sentence):
            await self._told.say(interaction, self._to(interaction, made))
        else:
            await self._told.show(interaction, made)

    async def sent(self, data: Json, ref: MessageRef, interaction: Interaction) -> None:
        """Somebody sent a form off."""
        wants = submitted(data["data"], ref, interaction.person)
        await self._settled(replace(wants, manages=manages(data)), interaction)

    async def complete(self, data: Json, ref: MessageRef, interaction: Interaction) -> None:
        """Offers what can be written, to who may change it."""
        wants = completed(data["data"], ref, interaction.person)
        form, _ = await self._form(replace(wants, manages=manages(data)), interaction)
        found = [] if form is None else choices(data["data"], form)
        await self._told.complete(interaction, found)

    async def _form(
        self, wants: Configured, interaction: Interaction
    ) -> tuple[SettingsForm | None, Wording]:
        """The form, or else what is said instead of it."""
        incoming = self._inflow.put(wants)
        kept = await incoming.kept(_SOON_S)
        not_now = self._to(interaction, NOT_NOW)
        return (incoming.form if kept else None), (incoming.told or not_now)

    async def _settled(self, wants: Configured, interaction: Interaction) -> None:
        """The bot says what has come of it where the response is promised."""
        self._interactions.ask(wants.message, interaction)
        await self._told.defer(interaction, ephemeral=True)
        incoming = self._inflow.put(wants)
        kept = await incoming.kept(_SOON_S)
        if kept and not (incoming.declined and wants.seen is not None):
            return
        self._interactions.opened(wants.message)
        told = incoming.told or self._to(interaction, NOT_NOW)
        await self._told.amend(interaction, told)
