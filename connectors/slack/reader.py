"""What was said before: the newest of a thread or of direct messages, names and files."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from connectors.base import File, Incomplete, MessageRef, Place, Said
from connectors.slack import files
from connectors.slack.api import Api
from connectors.slack.people import People
from connectors.slack.reading import Messages, Reading
from connectors.slack.said import people_in, said

_REMEMBERED = 10_000


class Reader:
    """Reads Slack."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._people = People(api)
        self._windows: OrderedDict[Place, str] = OrderedDict()
        """Where the newest messages of a long thread begin, as far as is known."""

    async def names(self, team: str, ids: Iterable[str]) -> dict[str, str]:
        """What each of these people is called; by their id where Slack doesn't tell in time."""
        return await self._people.names(team, ids)

    async def fetch(self, file: File, most: int) -> bytes:
        """A file's content. Raises `TooLong` where it has more than `most` bytes, and `Gone`."""
        return await files.fetch(self._api, file, most)

    async def history(self, place: Place, before: MessageRef, limit: int) -> Sequence[Said]:
        """What opened the thread, and the newest `limit` messages before one, oldest first.

        Raises `Gone`, and `Incomplete` where Slack lets only some of them be read.
        """
        if limit < 1:
            return []
        reading = Reading(self._api, place, before.id, limit)
        found = await (self._thread(reading) if place.thread else reading.direct())
        newest = found[-limit:]
        if reading.opening is not None and reading.opening not in newest:
            newest.insert(0, reading.opening)
        history = await self._said(place, newest)
        if reading.refused:
            raise Incomplete(reading.refused, history)
        return history

    async def _said(self, place: Place, messages: Messages) -> list[Said]:
        bot = await self._api.identity(place.workspace)
        wanted = {person for message in messages for person in people_in(message, bot)}
        names = await self._people.names(place.workspace, sorted(wanted - {bot.user}))
        history = [said(place, each, bot, names | {bot.user: bot.name}) for each in messages]
        return [replace(e, files=await files.told(self._api, e.files)) for e in history]

    async def _thread(self, reading: Reading) -> Messages:
        """The newest of a thread. Slack gives the oldest first: what is known saves the way."""
        known = self._windows.get(reading.place)
        found = await reading.since(known) if known and known < reading.before else []
        if len(found) < reading.limit and not reading.ended:
            found = await reading.thread()
        if len(found) > reading.window:
            self._remember(reading.place, found[-reading.window]["ts"])
        return found

    def _remember(self, place: Place, ts: str) -> None:
        self._windows[place] = ts
        self._windows.move_to_end(place)
        if len(self._windows) > _REMEMBERED:
            self._windows.popitem(last=False)
