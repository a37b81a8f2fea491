"""Somebody looks at a channel's settings, or changes them by the slash command or in a modal."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from slack_bolt.response import BoltResponse

from connectors.base import Configured, ConnectorError, SettingsForm
from connectors.slack.api import Api
from connectors.slack.configuring import block_of, submitted, view
from connectors.slack.handover import SlackHandover, ephemeral, form_error, taken
from connectors.slack.people import manages
from connectors.slack.questions import actor
from connectors.words import Sentence

log = logging.getLogger(__name__)

_NOT_NOW = Sentence("told.not_now")
_TRIGGER_S = 2.0
"""Slack's trigger for a modal lives three seconds, some of which have passed."""


class SettingsModal:
    """Hands the bot what is wanted, opens the form, and says in it what can't be set."""

    def __init__(self, api: Api, handover: SlackHandover) -> None:
        self._api = api
        self._handover = handover

    async def wanted(self, wants: Configured) -> BoltResponse:
        """What a command is answered with; its `message` is named by the trigger."""
        person, place = wants.person, wants.message.place
        if wants.wanted != "show":
            role = await manages(self._api, place.workspace, place.channel, person.id)
            wants = replace(wants, manages=role)
        incoming = self._handover.put(wants)
        kept = await incoming.kept()
        if kept and incoming.form is not None:
            kept = await self._opened(wants, incoming.form)
        elif kept and incoming.declined and wants.wanted == "form":
            # Who may not change it, or not so, may look.
            kept = await self._handover.give(replace(wants, wanted="show"))
        if kept:
            return taken()
        return ephemeral(self._handover.to(place.workspace, person, _NOT_NOW))

    async def _opened(self, wants: Configured, form: SettingsForm) -> bool:
        place, trigger = wants.message.place, wants.message.id

        def say(said: Sentence) -> str:
            return self._handover.to(place.workspace, wants.person, said).text

        made = view(form, place, say)
        try:
            async with asyncio.timeout(_TRIGGER_S):
                await self._api.call(place.workspace, "views.open", trigger_id=trigger, view=made)
        except (ConnectorError, TimeoutError) as error:
            log.warning("slack: a form was not opened: %s", str(error) or "time-out")
            return False
        return True

    async def sent(self, body: Mapping[str, Any]) -> BoltResponse:
        """Somebody sent the form off: it closes, or stays open with what is wrong."""
        wants = submitted(body, actor(body, _team(body)))
        place = wants.message.place
        role = await manages(self._api, place.workspace, place.channel, wants.person.id)
        incoming = self._handover.put(replace(wants, manages=role))
        if not await incoming.kept():
            told = self._handover.to(place.workspace, wants.person, _NOT_NOW)
            return form_error(block_of(body, ""), told)
        if incoming.declined:
            told = incoming.told or self._handover.to(place.workspace, wants.person, _NOT_NOW)
            return form_error(block_of(body, incoming.at), told)
        return taken()


def _team(body: Mapping[str, Any]) -> str:
    """The workspace in which the form was opened."""
    return str(body["view"]["team_id"])
