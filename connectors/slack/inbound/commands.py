"""The slash command: ask, help, new, stop. A command can't be typed in a thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from slack_bolt.response import BoltResponse

from connectors.base import Commanded, MessageRef, Person, Place
from connectors.slack.inbound.anchors import Anchors, Asking, Names
from connectors.slack.inbound.handover import Handover
from connectors.slack.inbound.responses import ephemeral, taken
from connectors.slack.places import is_dm
from connectors.slack.text import mentioned, plain

HELP = """\
`{command} ask …` asks me something here, for all to see
`{command} stop` stops the answers to your questions here
`{command} new` forgets what we said, in direct messages
You can also mention me in a channel, reply in a thread that I answered in, write to me directly, \
or choose _Ask about this message_ from a message's menu."""
EVERY_MENTION = "In a channel every mention of me starts afresh. Only a thread has a memory."
NOTHING_ASKED = "Ask me something: `{command} ask …`"
STOPPED = "I stop the answers to your questions here."
NOT_NOW = "I could not do that just now. Please try again."


class Commands:
    """Answers the slash command; what it says is seen by the person alone."""

    def __init__(self, anchors: Anchors, handover: Handover, names: Names) -> None:
        self._anchors = anchors
        self._handover = handover
        self._names = names

    async def answer(self, body: Mapping[str, Any]) -> BoltResponse:
        """What a command's payload is answered with, once its effect is safe."""
        text, command = body.get("text", "").strip(), body["command"]
        match text.casefold():
            case "" | "help":
                return ephemeral(HELP.format(command=command))
            case "new":
                return await self._forget(body)
            case "stop":
                return await self._give(body, "stop", STOPPED)
            case "ask":
                return ephemeral(NOTHING_ASKED.format(command=command))
        first, _, rest = text.partition(" ")
        return await self._ask(body, rest.strip() if first.casefold() == "ask" else text)

    async def _forget(self, body: Mapping[str, Any]) -> BoltResponse:
        if not is_dm(body["channel_id"]):
            return ephemeral(EVERY_MENTION)
        return await self._give(body, "new", "")

    async def _give(
        self, body: Mapping[str, Any], command: Literal["new", "stop"], told: str
    ) -> BoltResponse:
        place = Place("slack", body["team_id"], body["channel_id"])
        event = Commanded(MessageRef(place, body["trigger_id"]), _person(body), command)
        if not await self._handover.give(event):
            return ephemeral(NOT_NOW)
        return ephemeral(told) if told else taken()

    async def _ask(self, body: Mapping[str, Any], text: str) -> BoltResponse:
        team, person = body["team_id"], _person(body)
        names = await self._names.names(team, {person.id, *mentioned(text)})
        name = names.get(person.id, person.id)
        asker = person if name == person.id else replace(person, name=name)
        question = plain(text, names)
        problem = await self._anchors.ask(
            Asking(team, body["channel_id"], "", asker, team, question, question)
        )
        return ephemeral(problem) if problem else taken()


def _person(body: Mapping[str, Any]) -> Person:
    realm = body.get("enterprise_id") or body["team_id"]
    return Person(body["user_id"], body.get("user_name") or body["user_id"], realm=realm)
