"""A discord.py client that keeps what it hears, for tests of the double."""

from __future__ import annotations

import asyncio
from typing import Any

import discord
from discord import app_commands

from tests.doubles.discord import (
    DiscordServer,
)
from tests.doubles.waiting import PATIENCE_S


class Listener(discord.Client):
    """Keeps what it hears."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.heard: asyncio.Queue[discord.Message] = asyncio.Queue()
        self.edited: asyncio.Queue[discord.RawMessageUpdateEvent] = asyncio.Queue()
        self.deleted: asyncio.Queue[int] = asyncio.Queue()
        self.pressed: asyncio.Queue[discord.Interaction] = asyncio.Queue()
        self.tree = app_commands.CommandTree(self)

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """The library would wait five seconds here."""

    async def on_message(self, message: discord.Message) -> None:
        if message.author != self.user:
            self.heard.put_nowait(message)

    async def on_raw_message_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        self.edited.put_nowait(event)

    async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        self.deleted.put_nowait(event.message_id)

    async def on_raw_bulk_message_delete(self, event: discord.RawBulkMessageDeleteEvent) -> None:
        for message_id in sorted(event.message_ids):
            self.deleted.put_nowait(message_id)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        if interaction.type is discord.InteractionType.component:
            self.pressed.put_nowait(interaction)


async def soon(queue: asyncio.Queue[Any]) -> Any:
    """The next thing heard."""
    async with asyncio.timeout(PATIENCE_S):
        return await queue.get()


def general(client: discord.Client, server: DiscordServer) -> discord.TextChannel:
    """The channel where it happens, as the client knows it."""
    channel = client.get_channel(int(server.people.general.id))
    assert isinstance(channel, discord.TextChannel)
    return channel


def stop_view() -> discord.ui.View:
    """A view with a Stop button."""
    view = discord.ui.View(timeout=None)
    view.add_item(discord.ui.Button(label="Stop", custom_id="run:1:stop"))
    return view
