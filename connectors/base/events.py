"""What people do on a platform, and how it comes in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal
from uuid import UUID

from connectors.words import Sentence, Wording


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
    language: str = field(default="", compare=False)
    """The language that they read, as the platform says it (`zh-CN`); empty where it doesn't."""


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
    ALLOW = "allow"
    """A tool may be called, as the answer says that it wants to."""
    ALLOW_HERE = "allow_here"
    """It may, and in this conversation it need not be asked for again for a while."""
    DENY = "deny"
    DETAILS = "details"
    """What exactly the tool would be given, said to who presses alone."""


DECIDING = (Control.ALLOW, Control.ALLOW_HERE, Control.DENY)
"""What decides about a tool call: each counts once."""


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


Switch = Literal["tools off", "tools on"]
"""What admins turn off and on for the whole deployment."""
Order = Literal["new", "stop", "retry"] | Switch


@dataclass(frozen=True, slots=True)
class Commanded:
    """A person gave a command.

    `new` forgets what was said here, `stop` stops their runs here, and `retry` asks their last
    question here again, of the `model` with this short name.
    """

    message: MessageRef
    person: Person
    command: Order
    model: str = ""


ScopeKind = Literal["thread", "channel", "category", "workspace", "default"]
"""Which part of a platform something is set for, as seen from a place; `default`: everything."""


Manages = Literal["", "channel", "workspace"]
"""What a person manages on the platform, as the platform itself says: the channel, all of it."""


FieldKind = Literal["choice", "choices", "line", "text"]
"""How a setting is changed: one or several of the options, or what is written, a line or more."""


@dataclass(frozen=True, slots=True)
class FormField:
    """One setting of a form: what it is called, what its scope has, and what holds without that.

    `options` are all there is to choose from (of `choices`, any number of them); `most` is how
    many characters can be written.
    """

    name: str
    label: Sentence
    kind: FieldKind
    value: str
    """As it would be written; empty where the scope itself has none."""
    without: Sentence | None = None
    """What holds where it is empty, and where that is from; None: as for everybody."""
    options: Sequence[str] = ()
    most: int = 1_000


@dataclass(frozen=True, slots=True)
class SettingsForm:
    """What can be set for a scope of a place, for somebody who may change it."""

    where: ScopeKind
    scope: str
    fields: Sequence[FormField]
    seen: Mapping[str, int]
    """By setting, the number of the change that set what is shown."""


@dataclass(frozen=True, slots=True)
class Configured:
    """A person looks at what is set for a place, or sets something, or pauses or resumes the bot.

    `form`: they want to change it in a form, which the bot hands back with `Incoming.accept`.
    `written` has, by setting, what was written; None takes a setting out.
    """

    message: MessageRef
    person: Person
    wanted: Literal["show", "form", "set", "pause", "resume"]
    where: ScopeKind = "channel"
    written: Mapping[str, str | None] = field(default_factory=dict)
    seen: Mapping[str, int] | None = None
    """By setting, the change whose value a form showed, as its `seen` says; None: no form."""
    manages: Manages = ""


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


PATIENCE_S = 10.0
"""Platforms send an event again after some seconds: nothing is gained by holding it for longer."""

Event = Asked | Edited | Deleted | Pressed | Commanded | Configured | Preflight


class Incoming:
    """An event on its way in. The platform is told only once the bot has settled it.

    The bot calls `accept` when the event is safe (a question is stored) or `refuse` when it
    could not be kept; the connector awaits `accepted` and acknowledges, or lets the platform
    deliver again.
    """

    def __init__(self, event: Event) -> None:
        self.event = event
        self.declined = False
        """Whether the person may not do that."""
        self.told: Wording | None = None
        """What they alone may be told then, if anything."""
        self.at = ""
        """The setting of a form that this is about."""
        self.form: SettingsForm | None = None
        """What somebody who wants a form is shown."""
        self._accepted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def accept(self) -> None:
        """The event is safe with the bot."""
        if not self._accepted.done():
            self._accepted.set_result(True)

    def refuse(self) -> None:
        """The bot could not keep the event; somebody has to send it again."""
        if not self._accepted.done():
            self._accepted.set_result(False)

    def decline(self, told: Wording | None = None) -> None:
        """The person may not do that: the event is done with, and has no effect."""
        self.declined, self.told = True, told
        if isinstance(self.event, Preflight):
            self.refuse()
        else:
            self.accept()

    async def accepted(self) -> bool:
        """True once the event is safe, False once it was refused."""
        return await asyncio.shield(self._accepted)

    async def kept(self, within: float = PATIENCE_S) -> bool | None:
        """The same; None where that isn't known in so many seconds."""
        try:
            async with asyncio.timeout(within):
                return await self.accepted()
        except TimeoutError:
            return None


@dataclass(frozen=True, slots=True)
class Admitted:
    """The bot's answer to a `Preflight`.

    Where a person is not admitted, `told` is what they alone may be told, if anything; `unsure`:
    the bot could not tell just now.
    """

    admitted: bool
    told: Wording | None = None
    unsure: bool = False


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
        within: float = PATIENCE_S,
    ) -> Admitted:
        """Whether a person may do something, before any of it can be seen or is kept."""
        incoming = self.put(Preflight(place, person, spends, run_id))
        admitted = await incoming.kept(within)
        return Admitted(bool(admitted), incoming.told, not admitted and not incoming.declined)

    def close(self) -> None:
        """No more events: what waits is still handed out, later ones are refused."""
        if not self._closed:
            self._closed = True
            self._queue.put_nowait(None)

    async def events(self) -> AsyncIterator[Incoming]:
        """The events in order, until `close`."""
        while (incoming := await self._queue.get()) is not None:
            yield incoming
