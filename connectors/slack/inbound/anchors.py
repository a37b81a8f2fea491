"""Questions that are no messages yet: we post one in the asker's name, and answer below it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import uuid4

from connectors.base import Asked, ConnectorError, MessageRef, Person, Place, Unavailable
from connectors.errands import Errands
from connectors.slack import standing
from connectors.slack.api import Api
from connectors.slack.dialect import in_text
from connectors.slack.inbound.handover import Handover
from connectors.slack.places import ref_of
from connectors.slack.said import QUESTION

log = logging.getLogger(__name__)

SOON_S = 1.8
"""Slack wants its acknowledgement within three seconds."""
ADMITTED_S = 0.8
"""So much of that it may take to find out whether somebody may ask."""
_SKEW_S = 60.0
"""So far Slack's clock and ours may be apart."""
_SHOWN = 3_000
"""Characters of a question that its message shows; the bot gets all of it."""
NOT_KEPT = "I could not take your question just now. Please ask again."


class Names(Protocol):
    """Where people's names come from."""

    async def names(self, team: str, ids: Any) -> dict[str, str]:
        """What each of these people is called, by their id where that can't be had."""
        ...


@dataclass(frozen=True, slots=True)
class Asking:
    """A question, who asks it and where. `thread` is empty where it opens one of its own."""

    team: str
    channel: str
    thread: str
    person: Person
    home: str
    """The workspace that the person belongs to."""
    text: str
    shown: str
    """What its message shows of it."""


class Anchors:
    """Asks questions by way of messages of ours."""

    def __init__(
        self, api: Api, handover: Handover, errands: Errands, *, threads_in_dms: bool
    ) -> None:
        self._api = api
        self._handover = handover
        self._errands = errands
        self._threads_in_dms = threads_in_dms

    async def ask(self, asking: Asking) -> str:
        """What went wrong, in words for the asker; empty where the question is on its way.

        Who may not ask is told so, or nothing, and nothing is posted in their name. What takes
        longer than Slack waits goes on; the asker hears of its failure later.
        """
        place = Place("slack", asking.team, asking.channel, asking.thread)
        verdict = await self._handover.admits(place, asking.person, within=ADMITTED_S)
        if not verdict.admitted:
            return NOT_KEPT if verdict.told is None else verdict.told
        task = self._errands.run(self._ask(asking))
        done, _ = await asyncio.wait({task}, timeout=SOON_S)
        if not done:
            self._errands.run(self._tell_later(task, asking))
            return ""
        return task.result()

    async def _ask(self, asking: Asking) -> str:
        try:
            ts = await self._post(asking)
        except ConnectorError as error:
            log.warning("a question could not be posted: %s", error)
            return f"I could not post your question here. {error}"
        ref = ref_of(
            asking.team,
            asking.channel,
            ts,
            asking.thread,
            threads_in_dms=self._threads_in_dms,
        )
        if await self._handover.give(Asked(ref, asking.person, asking.text), asking.home):
            return ""
        await self._take_back(ref)
        return NOT_KEPT

    async def _post(self, asking: Asking) -> str:
        message, since = _message(asking), time.time()
        try:
            return str((await self._api.call(asking.team, "chat.postMessage", **message))["ts"])
        except Unavailable:
            # It may stand there all the same, and nobody would answer it.
            place = Place("slack", asking.team, asking.channel, asking.thread)
            for said in await standing.own_since(self._api, place, since - _SKEW_S):
                if _id(said) == _id(message):
                    return str(said["ts"])
            raise

    async def _take_back(self, ref: MessageRef) -> None:
        """No message is to stand that looks as if its answer would come."""
        where = {"channel": ref.place.channel, "ts": ref.id}
        try:
            await self._api.call(ref.place.workspace, "chat.delete", **where)
        except ConnectorError as error:
            log.warning("a question that was not kept still stands: %s", error)

    async def _tell_later(self, task: asyncio.Task[str], asking: Asking) -> None:
        problem = await task
        if problem:
            whom = {"channel": asking.channel, "user": asking.person.id}
            where = whom | ({"thread_ts": asking.thread} if asking.thread else {})
            await self._api.call(asking.team, "chat.postEphemeral", **where, text=in_text(problem))


def _id(message: Mapping[str, Any]) -> object:
    payload = (message.get("metadata") or {}).get("event_payload") or {}
    return payload.get("id")


def _message(asking: Asking) -> Mapping[str, Any]:
    shown = asking.shown if len(asking.shown) <= _SHOWN else f"{asking.shown[: _SHOWN - 1]}…"
    said = {"person": asking.person.id, "text": shown, "id": uuid4().hex}
    return {
        "channel": asking.channel,
        "thread_ts": asking.thread or None,
        "text": f"{in_text(asking.person.name)} asks: {in_text(shown)}",
        "metadata": {"event_type": QUESTION, "event_payload": said},
        "parse": "none",
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
    }
