"""The seam to a chat platform: events come in, messages are posted, edited and read.

A connector knows its platform and nothing of models, runs or the store. Everything that
crosses this seam is a plain value; every failure that crosses it is a `ConnectorError`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal, Protocol, runtime_checkable
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Place:
    """Where messages stand: one conversation of one channel of one workspace."""

    connector: str
    workspace: str
    channel: str
    thread: str = ""


@dataclass(frozen=True, slots=True)
class MessageRef:
    """One message, as the platform names it; `id` is unique in its place."""

    place: Place
    id: str


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on the platform; `id` is stable, `name` is what others see.

    An id names one person in a `realm` of the platform only: on Slack the organisation or
    workspace that they belong to, on the page the deployment. Empty where ids are the same
    everywhere, as on Discord.
    """

    id: str
    name: str = ""
    external: bool = False
    """They belong to another organisation that shares the channel."""
    realm: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """A file that somebody attached; `id` is what the connector needs to fetch it."""

    id: str
    name: str
    media_type: str
    size: int
    """In bytes, as the platform says."""


class Control(StrEnum):
    """What a reader can press under an answer."""

    STOP = "stop"
    RETRY = "retry"
    CONTINUE = "continue"
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Asked:
    """A person asked the bot something."""

    message: MessageRef
    person: Person
    text: str
    files: tuple[File, ...] = ()
    addressed: bool = True
    """False where somebody spoke without naming the bot: answered only where it takes part."""


@dataclass(frozen=True, slots=True)
class Edited:
    """A person changed a message of theirs; `text` is what it says now.

    `version` is the platform's name for this change: the same one may be delivered twice.
    """

    message: MessageRef
    person: Person
    text: str
    version: str
    files: tuple[File, ...] = ()


@dataclass(frozen=True, slots=True)
class Deleted:
    """A message was deleted: a question, or a part of an answer."""

    message: MessageRef


@dataclass(frozen=True, slots=True)
class Pressed:
    """A person pressed a control under a part of an answer."""

    message: MessageRef
    person: Person
    control: Control
    run_id: UUID


@dataclass(frozen=True, slots=True)
class Commanded:
    """A person gave a command: `new` forgets what was said here, `stop` stops their runs here."""

    message: MessageRef
    person: Person
    command: Literal["new", "stop"]


@dataclass(frozen=True, slots=True)
class Preflight:
    """A person wants something that the connector shows or keeps before the bot has it.

    So the connector asks first, by `Inflow.admits`. `spends` says whether an answer will follow,
    which the person may have too many of. `run_id` names the run whose answer would be changed,
    if one would: only its asker may do that, or an admin.
    """

    place: Place
    person: Person
    spends: bool = True
    run_id: UUID | None = None

    @property
    def message(self) -> MessageRef:
        """No message stands there yet."""
        return MessageRef(self.place, "")


Event = Asked | Edited | Deleted | Pressed | Commanded | Preflight


class Incoming:
    """An event on its way in. The platform is told only once the bot has settled it.

    The bot calls `accept` when the event is safe (a question is stored) or `refuse` when it
    could not be kept; the connector awaits `accepted` and acknowledges, or lets the platform
    deliver again.
    """

    def __init__(self, event: Event) -> None:
        self.event = event
        self.declined: str | None = None
        """Where the person may not: what they alone may be told, or nothing (empty)."""
        self._accepted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def accept(self) -> None:
        """The event is safe with the bot."""
        if not self._accepted.done():
            self._accepted.set_result(True)

    def refuse(self) -> None:
        """The bot could not keep the event; somebody has to send it again."""
        if not self._accepted.done():
            self._accepted.set_result(False)

    def decline(self, told: str = "") -> None:
        """The person may not do that: the event is done with, and has no effect."""
        self.declined = told
        if isinstance(self.event, Preflight):
            self.refuse()
        else:
            self.accept()

    async def accepted(self) -> bool:
        """True once the event is safe, False once it was refused."""
        return await asyncio.shield(self._accepted)


@dataclass(frozen=True, slots=True)
class Part:
    """What one message of an answer is to show.

    `text` is Markdown and complete in itself: carried fences and notes are in it. `footer` is
    small print below it (the receipt), which is not part of the answer. `last` is true for the
    part in which the answer ends. `firm` says how many of its first characters the model itself
    wrote; while an answer grows, what follows them only closes it for the moment (None: nothing
    does). `literal` says that the text is a block of code, with at most a note below it, which the
    platform refused as Markdown: it is sent in the simplest way that there is. `to` is the only
    person to see the part, where the platform can do that. `about` is the message that the part
    answers: where people reply to messages, the first part is a reply.
    """

    run_id: UUID | None
    index: int
    text: str
    controls: tuple[Control, ...] = ()
    footer: str = ""
    last: bool = False
    firm: int | None = None
    literal: bool = False
    to: Person | None = None
    about: MessageRef | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """What the platform's own answer says that a message now shows: the receipt's third witness.

    `text` is what its client draws of the answer, in the normal form (`connectors.markdown.form`).
    `unknown` names the blocks of the platform's answer that the connector doesn't know: what the
    client draws of these can't be said. `source` is the Markdown that the message was made of,
    where the platform keeps it (`Limits.keeps_source`).
    """

    ref: MessageRef
    text: str
    unknown: tuple[str, ...] = ()
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a conversation's history."""

    ref: MessageRef
    author: Person
    text: str
    by_bot: bool
    at_us: int
    """When it was said: microseconds since the epoch."""
    files: tuple[File, ...] = ()
    opens: bool = False
    """It opened the thread: whatever has to be left out of a long one, this stays."""


class Status(StrEnum):
    """What the bot is doing in a place before it shows text."""

    QUEUED = "queued"
    THINKING = "thinking"
    WRITING = "writing"
    """Text comes again after a silence: nothing need be said, and the answer is not at its end."""
    IDLE = "idle"
    """Nothing any more: the answer is at its end, however it ended."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a text costs of whatever a platform counts: each is 0 where it counts none of it.

    `characters` (in the platform's own unit) and `bytes` (UTF-8) are those of what is sent,
    `blocks` what it becomes there, and `rows` and `cells` (their characters) those of all its
    tables. `columns` is the most that one of its tables has.
    """

    characters: int = 0
    bytes: int = 0
    blocks: int = 0
    rows: int = 0
    columns: int = 0
    cells: int = 0

    def __add__(self, other: Cost) -> Cost:
        """What both take together."""
        return Cost(
            self.characters + other.characters,
            self.bytes + other.bytes,
            self.blocks + other.blocks,
            self.rows + other.rows,
            max(self.columns, other.columns),
            self.cells + other.cells,
        )

    def within(self, most: Cost) -> bool:
        """Whether nothing of it is more than `most` has of the same."""
        return (
            self.characters <= most.characters
            and self.bytes <= most.bytes
            and self.blocks <= most.blocks
            and self.rows <= most.rows
            and self.columns <= most.columns
            and self.cells <= most.cells
        )


_ANY = sys.maxsize
UNBOUNDED = Cost(_ANY, _ANY, _ANY, _ANY, _ANY, _ANY)
"""The most of a platform that counts nothing but the length of a part; `replace` what it counts."""


def most_of_line(line: str) -> Cost:
    """The most that a line adds to a text, wherever it stands and however far it has come.

    It may double where it is escaped, begin a block and end another, and be a row of a table.
    """
    long = len(line)
    written = 2 * len(line.encode(errors="surrogatepass"))
    return Cost(2 * long, written, blocks=2 * bool(long), rows=bool(long), cells=long)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one message of the platform may hold.

    `length` is the most that a part's Markdown may have, counted in `unit`s. `most` is the most
    of all that the platform counts besides, and `measure` says what a whole part takes of it, in
    a time that grows with its length (None: nothing more is counted). `adds` is the most that a
    line adds to what `measure` says, whatever stands around it; it may only grow with the line. It
    may be far too much, for where it matters a part is measured. No cut makes a table narrower:
    one of more than `most.columns` columns is the connector's to write otherwise.

    `receipts` says whether a receipt is shown as the last part's footer (one more edit).
    `length_at` is for a platform whose places differ: the length that a part may have there.
    `keeps_source` says that `Shown.source` can be had, of other processes' messages as well.
    """

    length: int
    unit: Literal["characters", "utf16"] = "characters"
    receipts: bool = False
    keeps_source: bool = True
    length_at: Callable[[Place], int] | None = None
    most: Cost = UNBOUNDED
    measure: Callable[[str], Cost] | None = None
    adds: Callable[[str], Cost] = most_of_line

    def at(self, place: Place) -> Limits:
        """The limits in one place."""
        return self if self.length_at is None else replace(self, length=self.length_at(place))

    def units(self, text: str) -> int:
        """The length of a text in the platform's unit."""
        if self.unit == "characters" or text.isascii():
            return len(text)
        return len(text.encode("utf-16-le", "surrogatepass")) // 2

    def take(self, text: str) -> bool:
        """Whether one message can hold a text."""
        if self.units(text) > self.length:
            return False
        return self.measure is None or self.measure(text).within(self.most)


@dataclass(frozen=True, slots=True)
class Budget:
    """So many calls in any window of so many seconds, shared by all that have the same `key`."""

    key: str
    calls: int
    seconds: float


class ConnectorError(Exception):
    """A call to the platform did not do what it should. Subclasses say what follows from it."""


class RateLimited(ConnectorError):
    """Too many calls; the platform wants `retry_after` seconds of quiet."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class MessageLimited(RateLimited):
    """The platform wants quiet for one message alone: others are not concerned."""


class TooLarge(ConnectorError):
    """The part is longer than the platform takes."""


class Gone(ConnectorError):
    """The message (or its channel) was deleted."""


class Refused(ConnectorError):
    """The platform said no, for good: trying again is useless."""


class Lacking(Refused):
    """The platform does not give the bot all that it needs: it works, but not everywhere."""


class Unavailable(ConnectorError):
    """The platform did not answer, or answered with a fault of its own: try again."""


class Unconfirmed(Unavailable):
    """It is not known whether the call had its effect: it was on its way, and no answer came."""


@contextmanager
def understood(platform: str) -> Iterator[None]:
    """Makes `Unavailable` of whatever else goes wrong in reading what a platform said of itself."""
    try:
        yield
    except ConnectorError:
        raise
    except Exception as error:
        raise Unavailable(
            f"{platform} answered with something unexpected ({type(error).__name__})."
        ) from error


class Incomplete(Unavailable):
    """Only a part of a history could be read now: `said`, oldest first."""

    def __init__(self, message: str, said: Sequence[Said] = ()) -> None:
        super().__init__(message)
        self.said = said


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
class Admitted:
    """The bot's answer to a `Preflight`.

    Where a person is not admitted, `told` is what they alone may be told, perhaps nothing; None
    says that the bot could not tell just now.
    """

    admitted: bool
    told: str | None = None


@runtime_checkable
class Whispers(Protocol):
    """What a connector can do that reaches one person alone."""

    async def whisper(self, place: Place, person: Person, text: str, key: str) -> None:
        """Tells one person something about a place, there or in a direct message.

        Nobody else ever sees it. The same key again may tell it again. Raises every kind of
        `ConnectorError`; `Unconfirmed` where the person may have been told.
        """
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


@dataclass(slots=True)
class Inflow:
    """A queue of incoming events: what most connectors' `events` stand on."""

    _queue: asyncio.Queue[Incoming | None] = field(default_factory=asyncio.Queue)
    _closed: bool = False

    def put(self, event: Event) -> Incoming:
        """Hands an event to the bot; await the result's `accepted` to acknowledge it."""
        incoming = Incoming(event)
        if self._closed:
            incoming.refuse()
        else:
            self._queue.put_nowait(incoming)
        return incoming

    async def admits(
        self,
        place: Place,
        person: Person,
        *,
        spends: bool = True,
        run_id: UUID | None = None,
        within: float = 10.0,
    ) -> Admitted:
        """Whether a person may do something, before any of it can be seen or is kept."""
        incoming = self.put(Preflight(place, person, spends, run_id))
        try:
            async with asyncio.timeout(within):
                admitted = await incoming.accepted()
        except TimeoutError:
            return Admitted(admitted=False)
        return Admitted(admitted, incoming.declined)

    def close(self) -> None:
        """No more events: what waits is still handed out, later ones are refused."""
        if not self._closed:
            self._closed = True
            self._queue.put_nowait(None)

    async def events(self) -> AsyncIterator[Incoming]:
        """The events in order, until `close`."""
        while (incoming := await self._queue.get()) is not None:
            yield incoming
