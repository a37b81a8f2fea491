"""Discord as a chat platform: what comes in, what is written and read, put together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Literal
from urllib.parse import quote

from connectors.base import (
    UNBOUNDED,
    AnswerFile,
    Budget,
    File,
    FileStep,
    Grants,
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
from connectors.discord import parts
from connectors.discord.api import Rest
from connectors.discord.checks import diagnose
from connectors.discord.events import DiscordEvents
from connectors.discord.gateway import Gateway
from connectors.discord.history import DiscordHistory
from connectors.discord.interactions import GetKeys, Interactions, InteractionTokens
from connectors.discord.options import DiscordOptions
from connectors.discord.places import DM, Places, channel_of
from connectors.discord.uploads import DiscordUploads
from connectors.discord.writer import LONGEST, DiscordWriter
from connectors.words import Wording


class DiscordConnector:
    """A Discord bot in any number of servers. Connections are opened on first use.

    `grants` keeps the tokens of commands for a process that comes after this one, encrypted with
    `keys`.
    """

    name = "discord"
    limits = Limits(
        length=LONGEST,
        unit="utf16",
        keeps_source=False,
        most=replace(UNBOUNDED, characters=LONGEST),
        measure=parts.DIALECT.measure,
        adds=parts.DIALECT.adds,
    )

    def __init__(
        self, options: DiscordOptions, grants: Grants | None = None, keys: GetKeys | None = None
    ) -> None:
        inflow, places, interactions = Inflow(), Places(), Interactions()
        tokens = InteractionTokens(grants, keys)
        self._options = options
        self._rest = Rest(options)
        self._reader = DiscordHistory(self._rest, places)
        self._writer = DiscordWriter(self._rest, options, places, interactions, tokens)
        inbound = DiscordEvents(options, self._rest, inflow, places, interactions, tokens)
        self._guilds = inbound.guilds
        message, attach = self._writer.message, self._writer.attach
        self._uploads = DiscordUploads(self._rest, self._guilds, message, attach)
        self._gateway = Gateway(options, self._rest, inbound, inflow)

    @property
    def connected(self) -> bool:
        """Whether events can come in now."""
        return self._gateway.connected

    @property
    def invite_url(self) -> str | None:
        """Where the bot is invited to a server; None until Discord has said who the bot is."""
        return self._gateway.invite_url

    def events(self) -> AsyncIterator[Incoming]:
        """What people ask, press, change and delete, in order, until `aclose`."""
        return self._gateway.events()

    def link(self, ref: MessageRef) -> str:
        """Where a message can be seen; needs no call."""
        names = (ref.place.workspace, channel_of(ref.place), ref.id)
        return "https://discord.com/channels/" + "/".join(quote(name, safe="@") for name in names)

    def budget(self, place: Place, call: Literal["post", "edit"]) -> Budget:
        """The rate of the channel, which posts and edits share."""
        return self._writer.budget(place, call)

    async def post(self, place: Place, part: Part, key: str) -> Shown:
        """Posts a message; the same key posts once, also where Discord's answer was lost."""
        return await self._writer.post(place, part, key)

    async def find(self, place: Place, part: Part, key: str, since_us: int) -> Shown | None:
        """The message that shows a part, known by its buttons or by how its text begins."""
        return await self._writer.find(place, part, key, since_us)

    async def edit(self, ref: MessageRef, part: Part) -> Shown:
        """Changes a message. An edit that was begun is never cancelled."""
        return await self._writer.edit(ref, part)

    async def whisper(self, place: Place, person: Person, said: Wording, key: str) -> None:
        """Tells one person something, by their command's token or else in a direct message."""
        await self._writer.whisper(place, person, said, key)

    async def read(self, ref: MessageRef) -> Shown:
        """What Discord has for a message now."""
        return await self._writer.read(ref)

    async def history(self, place: Place, before: MessageRef, limit: int) -> Sequence[Said]:
        """The newest messages of a conversation before one, oldest of them first."""
        return await self._reader.history(place, before, limit)

    async def fetch(self, file: File, most: int) -> bytes:
        """A file that somebody attached; `TooLarge` where it has more than `most` bytes."""
        return await self._reader.fetch(file, most)

    def most_file_bytes(self, place: Place) -> int:
        """What the server takes."""
        return self._uploads.most_bytes(place)

    def file_budget(self, place: Place, step: FileStep) -> Budget:
        """An edit's, where a file is attached; what reads has a rate of its own."""
        if step == "attach":
            return self._writer.budget(place, "edit")
        return Budget(f"discord/{place.workspace}/files", 50, 2.0)

    async def upload(self, ref: MessageRef, file: AnswerFile) -> str:  # noqa: ARG002 - anywhere
        """The name that a file of an answer is going to have; nothing is sent before `attach`."""
        return await self._uploads.upload(file)

    async def attach(self, ref: MessageRef, file: AnswerFile, upload: str) -> None:
        """Adds it to the answer's last message, once."""
        await self._uploads.attach(ref, file, upload)

    async def attached(self, ref: MessageRef, file: AnswerFile, upload: str) -> SentFile | None:
        """The file as Discord hands it out."""
        return await self._uploads.attached(ref, file, upload)

    async def signal(self, place: Place, status: Status) -> None:
        """Keeps "is typing" on while the bot is thinking."""
        await self._writer.signal(place, status)

    async def lineage(self, place: Place) -> Sequence[Scope]:
        """Thread or chain of replies, channel, the category that it is in, and server."""
        return lineage_of(place, await self._guilds.category(place.workspace, place.channel))

    async def channel_name(self, place: Place) -> str:
        """A channel's name, as the gateway told it; empty for direct messages."""
        if place.workspace == DM:
            return ""
        return self._guilds.name(place.workspace, place.channel) or ""

    async def probe(self) -> None:
        """Checks the token, the intents and the permissions, each with its cure."""
        with understood("Discord"):
            await diagnose(self._rest, self._options, self._options.check_channel)

    async def aclose(self) -> None:
        """Ends `events` and closes every connection."""
        await self._gateway.aclose()
        await self._writer.aclose()
        await self._rest.aclose()
