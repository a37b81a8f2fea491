"""One session of a client: what it hears, numbered and kept so that it can be told again."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.doubles.discord import message_payloads
from tests.doubles.discord.gateway.opcodes import Opcode
from tests.doubles.discord.intents import Intent, hears
from tests.doubles.discord.model import JSON
from tests.doubles.discord.snowflakes import shard_of

if TYPE_CHECKING:
    from tests.doubles.discord.gateway.connection import Connection
    from tests.doubles.discord.platform import Event, Platform

KEPT = 5000
"""How many events a session can be told again."""


@dataclass(slots=True)
class Session:
    """Outlives its connection, and ends when its client closes in order or the platform says so."""

    id: str
    intents: Intent
    shard: int = 0
    shards: int = 1
    connection: Connection | None = None
    seq: int = 0
    _events: deque[tuple[int, str, JSON]] = field(default_factory=lambda: deque(maxlen=KEPT))

    def tell(self, name: str, data: JSON) -> None:
        """Sends an event, or keeps it for a client that comes back."""
        self.seq += 1
        self._events.append((self.seq, name, data))
        if self.connection is not None:
            self.connection.send(Opcode.DISPATCH, data, seq=self.seq, name=name)

    def can_resume(self, seq: int) -> bool:
        """Every event after `seq` is still kept, and `seq` was told."""
        oldest = self._events[0][0] if self._events else self.seq + 1
        return oldest - 1 <= seq <= self.seq

    def replay(self, seq: int) -> None:
        """Sends all events after `seq` again."""
        assert self.connection is not None
        for number, name, data in self._events:
            if number > seq:
                self.connection.send(Opcode.DISPATCH, data, seq=number, name=name)

    def hear(self, platform: Platform, event: Event) -> None:
        """Tells an event, if this session is to hear of it."""
        if not self._concerns(event):
            return
        data = event.data
        if event.message is not None:
            shown = Intent.MESSAGE_CONTENT in self.intents or platform.readable(event.message)
            data = message_payloads.message(platform, event.message, withheld=not shown, event=True)
        self.tell(event.name, data)

    def _concerns(self, event: Event) -> bool:
        if event.channel is not None and not event.channel.open:
            return False
        if shard_of(event.guild_id, self.shards) != self.shard:
            return False
        return hears(self.intents, event.name, in_guild=event.guild_id is not None)
