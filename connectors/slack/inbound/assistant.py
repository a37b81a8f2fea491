"""Slack's own place for assistants and agents: a greeting, questions to choose from, titles."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from connectors.base import Asked, Commanded, Person, Place
from connectors.errands import Errands
from connectors.slack.api import Api
from connectors.slack.dialect import in_text
from connectors.slack.inbound.handover import Handover
from connectors.slack.options import SlackOptions
from connectors.slack.places import is_dm
from connectors.slack.sessions import Sessions

_MOST_PROMPTS = 4
_REMEMBERED = 10_000
_TITLE = 60
"""Characters of a question that name its thread in Slack's list."""


class Assistant:
    """Courtesies: nobody waits for them, and an app that is no assistant does without."""

    def __init__(
        self,
        api: Api,
        options: SlackOptions,
        handover: Handover,
        errands: Errands,
        sessions: Sessions,
    ) -> None:
        self._api = api
        self._sessions = sessions
        self._options = options
        self._handover = handover
        self._errands = errands
        self._started: OrderedDict[tuple[str, str], None] = OrderedDict()

    def started(self, team: str, realm: str, event: Mapping[str, Any]) -> None:
        """Somebody opened a new thread with the assistant."""
        thread = event["assistant_thread"]
        person = Person(str(thread.get("user_id") or ""), realm=realm)
        channel, ts = thread["channel_id"], thread["thread_ts"]
        self._started[channel, ts] = None
        if len(self._started) > _REMEMBERED:
            self._started.popitem(last=False)
        self._errands.run(self._welcome(Place("slack", team, channel, ts), person))

    def opened(self, team: str, realm: str, event: Mapping[str, Any]) -> None:
        """Somebody opened the messages with the agent: there are no threads to start there."""
        if event.get("tab") == "messages" and self._options.prompts:
            person = Person(str(event.get("user") or ""), realm=realm)
            self._errands.run(self._offer(Place("slack", team, event["channel"]), person))

    def asked(self, asked: Asked) -> None:
        """A question came: where it is a thread's first, its first words become the title."""
        place = asked.message.place
        if not is_dm(place.channel) or not place.thread:
            return
        started = (place.channel, place.thread)
        if started in self._started or place.thread == asked.message.id:
            self._started.pop(started, None)
            if title := _title(asked.text):
                self._errands.run(self._sessions.rename(place, title))

    def stopped(self, commanded: Commanded) -> None:
        """Slack's own Stop was pressed: its session does not end by itself."""
        self._sessions.end(commanded.message.place)

    async def _offer(self, place: Place, person: Person) -> None:
        if (await self._handover.admits(place, person, spends=False)).admitted:
            await self._suggest(place.workspace, place.channel, None)

    async def _welcome(self, place: Place, person: Person) -> None:
        if not (await self._handover.admits(place, person, spends=False)).admitted:
            return
        team, channel, ts = place.workspace, place.channel, place.thread
        if self._options.prompts:
            await self._suggest(team, channel, ts)
        if greeting := in_text(self._options.greeting):
            where = {"channel": channel, "thread_ts": ts}
            await self._api.call(team, "chat.postMessage", **where, text=greeting)

    async def _suggest(self, team: str, channel: str, thread: str | None) -> None:
        prompts = self._options.prompts[:_MOST_PROMPTS]
        offered = [{"title": each.title, "message": each.message} for each in prompts]
        where = {"channel_id": channel, "thread_ts": thread}
        await self._api.call(
            team, "assistant.threads.setSuggestedPrompts", **where, prompts=offered
        )


def _title(text: str) -> str:
    """The first words, whole ones where that goes."""
    words = " ".join(text[: 4 * _TITLE].split())
    if len(words) <= _TITLE:
        return words
    cut = words[: _TITLE - 1]
    return f"{cut.rpartition(' ')[0] or cut}…"
