"""Slack as a chat platform: what comes in, what is streamed, written and read, put together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlencode

from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.routing import BaseRoute

from connectors.base import (
    AnswerFile,
    Budget,
    File,
    FileStep,
    Incoming,
    Inflow,
    Limits,
    MessageRef,
    Part,
    Person,
    Place,
    Said,
    Scope,
    SentFile,
    Shown,
    Status,
    lineage_of,
    understood,
)
from connectors.slack import parts
from connectors.slack.api import Api, BotTokens, OneToken
from connectors.slack.checks import diagnose
from connectors.slack.history import SlackHistory
from connectors.slack.options import SlackOptions
from connectors.slack.people import ChannelNames, Recipients
from connectors.slack.sessions import AgentSessions
from connectors.slack.streams import Streams
from connectors.slack.transport import SlackTransport
from connectors.slack.uploads import MOST_BYTES, SlackUploads
from connectors.slack.writer import SlackWriter
from connectors.words import Wording

if TYPE_CHECKING:
    from connectors.slack.installations import Installations


class SlackConnector:
    """A Slack app: in one workspace by its token, or in many by OAuth (`engine` keeps the tokens).

    `engine` is its owner's to close. Mount `routes()` where events come in by HTTP.
    """

    name = "slack"

    def __init__(self, options: SlackOptions, engine: AsyncEngine | None = None) -> None:
        self.limits: Limits = parts.limits(options)
        inflow, recipients = Inflow(), Recipients(options.language)
        self._recipients = recipients
        installations = _installations(options, engine)
        tokens: BotTokens = installations or OneToken(options.bot_token or "")
        self._options = options
        self._installations = installations
        self._api = Api(options.api_url, tokens)
        self._reader = SlackHistory(self._api)
        self._channels = ChannelNames(self._api)
        self._sessions = AgentSessions(self._api)
        self._streams = Streams(self._api, options, recipients, inflow, sessions=self._sessions)
        self._uploads = SlackUploads(self._api)
        self._writer = SlackWriter(self._api, options, self._streams)
        self._inbound = SlackTransport(
            self._api, options, inflow, self._reader, recipients, installations, self._sessions
        )

    @property
    def connected(self) -> bool:
        """Whether events can come in now: a socket stands, or they come by HTTP."""
        return self._inbound.connected

    def routes(self) -> Sequence[BaseRoute]:
        """Where Slack sends events by HTTP, and where people install the app."""
        return self._inbound.routes()

    def events(self) -> AsyncIterator[Incoming]:
        """What people ask, press, change and delete, in order, until `aclose`."""
        return self._inbound.events()

    def link(self, ref: MessageRef) -> str:
        """Where a message can be seen; needs no call. Slack finds the workspace's own address."""
        at = {"team": ref.place.workspace, "channel": ref.place.channel, "message_ts": ref.id}
        return f"https://slack.com/app_redirect?{urlencode(at)}"

    def budget(self, place: Place, call: Literal["post", "edit"]) -> Budget:
        """Slack's rate for the method that such a call in this place uses."""
        return self._writer.budget(place, call)

    async def post(self, place: Place, part: Part, key: str) -> Shown:
        """Posts a message, or begins to stream one; for the part's `to` alone where it has one.

        The same key posts once, also where Slack's answer was lost.
        """
        return await self._writer.post(place, part, key)

    async def find(self, place: Place, part: Part, key: str, since_us: int) -> Shown | None:
        """The message that was posted or streamed with a key; a stream is stopped."""
        return await self._writer.find(place, part, key, since_us)

    async def edit(self, ref: MessageRef, part: Part) -> Shown:
        """Changes a message, or streams on."""
        return await self._writer.edit(ref, part)

    async def whisper(self, place: Place, person: Person, said: Wording, key: str) -> None:  # noqa: ARG002 - Slack knows no key for it
        """Tells one person something, below a place or else in a direct message."""
        await self._writer.whisper(place, person.id, said)

    async def read(self, ref: MessageRef) -> Shown:
        """What Slack has for a message now."""
        return await self._writer.read(ref)

    async def history(self, place: Place, before: MessageRef, limit: int) -> Sequence[Said]:
        """The newest messages of a thread or channel before one, oldest of them first."""
        return await self._reader.history(place, before, limit)

    async def fetch(self, file: File, most: int) -> bytes:
        """A file that somebody attached; `TooLarge` where it has more than `most` bytes."""
        return await self._reader.fetch(file, most)

    def most_file_bytes(self, place: Place) -> int:  # noqa: ARG002 - the same everywhere
        """Slack's own limit."""
        return MOST_BYTES

    def file_budget(self, place: Place, step: FileStep) -> Budget:
        """Slack's rate for the method of a step."""
        return self._uploads.budget(place, step)

    async def upload(self, ref: MessageRef, file: AnswerFile) -> str:
        """Uploads a file of an answer, which nobody sees before `attach`."""
        return await self._uploads.upload(ref, file)

    async def attach(self, ref: MessageRef, file: AnswerFile, upload: str) -> None:
        """Shares it below the answer, in its thread."""
        await self._uploads.attach(ref, file, upload)

    async def attached(self, ref: MessageRef, file: AnswerFile, upload: str) -> SentFile | None:
        """The file as Slack hands it out, once it is shared."""
        return await self._uploads.attached(ref, file, upload)

    async def transcript(self, file: File, *, patient: bool) -> str:
        """Slack's own transcript of a clip, if it gives the whole of it; else empty."""
        return await self._reader.transcript(file, patient=patient)

    async def signal(self, place: Place, status: Status) -> None:
        """Sets the thread's session, and says below it that the bot is thinking."""
        asker = self._recipients.get(place)
        language = self._options.language if asker is None else asker.language
        await self._sessions.show(place, status, language)

    async def lineage(self, place: Place) -> Sequence[Scope]:
        """Thread, channel and workspace: Slack has no categories that an app could see."""
        return lineage_of(place)

    async def channel_name(self, place: Place) -> str:
        """A channel's name; empty for direct messages, or where Slack doesn't tell in time."""
        return await self._channels.name(place.workspace, place.channel)

    async def probe(self) -> None:
        """Checks the tokens, their scopes and the way events come in, each with its cure."""
        with understood("Slack"):
            await diagnose(self._api, self._options, self._installations)

    async def aclose(self) -> None:
        """Ends `events` and closes every connection."""
        await self._inbound.aclose()
        await self._sessions.aclose()
        await self._api.aclose()
        if self._installations is not None:
            await self._installations.aclose()


def _installations(options: SlackOptions, engine: AsyncEngine | None) -> Installations | None:
    if options.oauth is None:
        return None
    if engine is None:
        raise ValueError("tokens of many workspaces need a database")
    from connectors.slack.installations import Installations  # 8 MB of cryptography

    return Installations(engine, options, options.oauth)
