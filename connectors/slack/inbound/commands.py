"""The slash command: ask, help, new, stop. A command can't be typed in a thread."""

from __future__ import annotations

import re
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
_WORD = re.compile(r"[^\W_]+")
_MEANT: Mapping[Literal["help", "new", "stop"], frozenset[str]] = {
    "stop": frozenset(
        ["all", "answer", "answering", "everything", "it", "now", "please", "that", "the", "this"]
    ),
    "new": frozenset(["a", "chat", "conversation", "please", "start", "thread", "topic"]),
    "help": frozenset(["me", "please"]),
}
"""Each command with the words that may stand beside it: people are polite to bots, too."""
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
        match meant(text):
            case "help":
                return ephemeral(HELP.format(command=command))
            case "new":
                return await self._forget(body)
            case "stop":
                return await self._give(body, "stop", STOPPED)
        first, *rest = text.split(maxsplit=1)
        if first.casefold() != "ask":
            return await self._ask(body, text)
        if not rest:
            return ephemeral(NOTHING_ASKED.format(command=command))
        return await self._ask(body, rest[0])

    async def _forget(self, body: Mapping[str, Any]) -> BoltResponse:
        if not is_dm(body["channel_id"]):
            return ephemeral(EVERY_MENTION)
        return await self._give(body, "new", "")

    async def _give(
        self, body: Mapping[str, Any], command: Literal["new", "stop"], told: str
    ) -> BoltResponse:
        place = Place("slack", body["team_id"], body["channel_id"])
        event = Commanded(MessageRef(place, body["trigger_id"]), _person(body), command)
        incoming = self._handover.put(event)
        if not await self._handover.kept(incoming):
            return ephemeral(NOT_NOW)
        return ephemeral(told) if told and incoming.declined is None else taken()

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


def meant(text: str) -> Literal["help", "new", "stop"] | None:
    """The command that a text gives, if all of its words belong to one; None for a question."""
    words = frozenset(_WORD.findall(text.casefold()))
    if not words:
        return "help" if not text.strip("?! ") else None
    commands = (each for each, more in _MEANT.items() if each in words and words <= {each, *more})
    return next(commands, None)


def _person(body: Mapping[str, Any]) -> Person:
    realm = body.get("enterprise_id") or body["team_id"]
    return Person(body["user_id"], body.get("user_name") or body["user_id"], realm=realm)
