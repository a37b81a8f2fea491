"""What every connector does, and what the bot keeps for those that need it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from connectors.base.events import File, Incoming, MessageRef, Person, Place
from connectors.base.messages import Budget, Limits, Part, Said, Shown, Status


class Connector(Protocol):
    """A chat platform. Connections are opened on first use and closed by `aclose`."""

    name: str
    limits: Limits

    def events(self) -> AsyncIterator[Incoming]:
        """What happens on the platform, in order, until the connector is closed."""
        ...

    def budget(self, place: Place, call: Literal["post", "edit"]) -> Budget:
        """The budget that such a call in this place draws on."""
        ...

    async def post(self, place: Place, part: Part, key: str) -> Shown:
        """Posts a message; the same `key` again posts nothing and returns the first post."""
        ...

    async def find(self, place: Place, part: Part, key: str, since_us: int) -> Shown | None:
        """The message that was posted with a key, by whatever process; None where there is none.

        `part` is what it shows as far as that is known: its run, index and the beginning of its
        text. Nothing from before `since_us` (microseconds since the epoch) need be found. A
        message that is found can be edited, also if a process died while streaming it.
        """
        ...

    async def edit(self, ref: MessageRef, part: Part) -> Shown:
        """Replaces what a message shows."""
        ...

    async def read(self, ref: MessageRef) -> Shown:
        """What the platform shows for a message now."""
        ...

    async def history(self, place: Place, before: MessageRef, limit: int) -> Sequence[Said]:
        """The newest `limit` messages before a message, oldest of them first.

        What opened the thread comes before them, however long it is. Raises `Incomplete` where the
        platform lets only some of them be read.
        """
        ...

    async def fetch(self, file: File, most: int) -> bytes:
        """A file's content; `TooLarge` where it has more than `most` bytes."""
        ...

    async def signal(self, place: Place, status: Status) -> None:
        """Shows what the bot is doing, where the platform can; a courtesy, never a duty."""
        ...

    async def probe(self) -> None:
        """Checks credentials and reach; raises a `ConnectorError` that names the cure."""
        ...

    async def aclose(self) -> None:
        """Ends `events` and closes every connection."""
        ...


@dataclass(frozen=True, slots=True)
class Grant:
    """What a platform lets a connector do about one message for a while, and who gave cause to it.

    `sealed` is the connector's own, encrypted; `until_us` (microseconds since the epoch) is when it
    lapses.
    """

    message: MessageRef
    person: Person
    sealed: str = field(repr=False)
    until_us: int


class Grants(Protocol):
    """Keeps grants until they lapse, for whatever process needs them next.

    Every method raises `Unavailable` where the database does not do its part.
    """

    async def keep(self, grant: Grant) -> None:
        """Keeps a grant; it is durable when this returns. One a message: the first stays."""
        ...

    async def of(self, place: Place) -> Sequence[Grant]:
        """The grants about messages of a place. Their people have no names."""
        ...
