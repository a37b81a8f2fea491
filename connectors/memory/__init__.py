"""A chat platform in memory with the limits of a real one, for tests and demonstrations.

Like a platform it refuses calls (too long, too often, empty, deleted) and changes texts (white
space at both ends is dropped). It keeps every version of every message, so that a test can see what
readers saw at any time. `ask`, `change`, `delete`, `press` and `command` are what people do on it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Literal, TypeVar

from connectors.base import (
    AnswerFile,
    Asked,
    Budget,
    Commanded,
    ConnectorError,
    Control,
    Deleted,
    Edited,
    Event,
    File,
    FileStep,
    Incoming,
    Inflow,
    Limits,
    MessageRef,
    Order,
    Part,
    Person,
    Place,
    Pressed,
    Refused,
    Said,
    Scope,
    SentFile,
    Shown,
    Status,
    TooLarge,
    Unavailable,
    Unconfirmed,
    lineage_of,
)
from connectors.markdown import form
from connectors.memory.platform import (
    ALICE,
    BOT,
    Budgets,
    Call,
    CallName,
    Fault,
    Lost,
    Platform,
    PostedMessage,
    Version,
    like_discord,
    like_slack,
)
from connectors.words import Wording

__all__ = [
    "ALICE",
    "BOT",
    "Budgets",
    "Call",
    "Fault",
    "Lost",
    "MemoryConnector",
    "Platform",
    "PostedMessage",
    "Version",
    "like_discord",
    "like_slack",
]

Result = TypeVar("Result")


class MemoryConnector:
    """A connector to a platform in memory.

    A call takes `latency` seconds, half of it before it takes effect. `fault` decides which calls
    fail, and may be replaced at any time. `clock` returns seconds since the epoch. A second
    connector to the same `platform` stands for a restarted process, or for another one.
    """

    def __init__(
        self,
        name: str = "memory",
        *,
        limits: Limits | None = None,
        budgets: Budgets = like_slack,
        latency: float = 0.0,
        fault: Fault | None = None,
        clock: Callable[[], float] = time.time,
        platform: Platform | None = None,
    ) -> None:
        self.name = name
        self.limits = limits or Limits(length=4000)
        self.platform = platform or Platform()
        self.place = Place(name, "home", "general")
        self.fault = fault
        self._budgets = budgets
        self._latency = latency
        self._clock = clock
        self._inflow = Inflow()
        self._editing: list[MessageRef] = []
        self._closed = False

    # What people do.

    def ask(
        self,
        text: str,
        person: Person = ALICE,
        place: Place | None = None,
        *,
        files: Sequence[File] = (),
        addressed: bool = True,
    ) -> Incoming:
        """A person asks the bot something. Put the content of `files` into `platform.files`."""
        ref = self.platform.new_ref(place or self.place)
        message = self.platform.add(ref, person, self._said(text), self._now_us(), tuple(files))
        return self._inflow.put(Asked(ref, person, message.text, message.files, addressed))

    def change(self, ref: MessageRef, text: str) -> Incoming:
        """A person edits a message of theirs."""
        message = self.platform.get(ref)
        message.versions.append(self._said(text))
        version = str(len(message.versions))
        return self._inflow.put(Edited(ref, message.author, message.text, version, message.files))

    def delete(self, ref: MessageRef) -> Incoming:
        """A person deletes a message."""
        self.platform.get(ref).deleted = True
        return self._inflow.put(Deleted(ref))

    def press(self, ref: MessageRef, control: Control, person: Person = ALICE) -> Incoming:
        """A person presses a button below a message; raises `ValueError` if it has no such one."""
        part = self.platform.get(ref).part
        if part is None or part.run_id is None or control not in part.controls:
            raise ValueError(f"message {ref.id} shows no {control.value}")
        return self._inflow.put(Pressed(ref, person, control, part.run_id))

    def command(
        self, command: Order, person: Person = ALICE, place: Place | None = None
    ) -> Incoming:
        """A person gives a command, which does not appear as a message."""
        ref = self.platform.new_ref(place or self.place)
        return self._inflow.put(Commanded(ref, person, command))

    def deliver(self, event: Event) -> Incoming:
        """The platform delivers an event again."""
        return self._inflow.put(event)

    # The connector: see `connectors.base.Connector`.

    def events(self) -> AsyncIterator[Incoming]:
        return self._inflow.events()

    def budget(self, place: Place, call: Literal["post", "edit"]) -> Budget:
        return self._budgets(place, call)

    async def post(self, place: Place, part: Part, key: str) -> Shown:
        def effect() -> Shown:
            self.platform.spend(self.budget(place, "post"), self._now())
            message = self.platform.posted(key, lambda: self._add(place, part))
            return self._shown(message)

        return await self._call("post", effect)

    async def find(self, place: Place, part: Part, key: str, since_us: int) -> Shown | None:  # noqa: ARG002 - the key is enough
        def effect() -> Shown | None:
            message = self.platform.found(key)
            return None if message is None or message.deleted else self._shown(message)

        return await self._call("find", effect)

    async def edit(self, ref: MessageRef, part: Part) -> Shown:
        def effect() -> Shown:
            self.platform.spend(self.budget(ref.place, "edit"), self._now())
            message = self.platform.get(ref)
            message.versions.append(self._version(part))
            return self._shown(message)

        # Two edits of a message at the same time could arrive in the wrong order. Tests look here.
        if ref in self._editing:
            self.platform.overlaps.append(ref)
        self._editing.append(ref)
        try:
            return await self._call("edit", effect)
        finally:
            self._editing.remove(ref)

    async def whisper(self, place: Place, person: Person, said: Wording, key: str) -> None:
        def effect() -> None:
            self.platform.spend(self.budget(place, "post"), self._now())
            self.platform.whispers.setdefault(key, (person, said.text))

        await self._call("whisper", effect)

    async def read(self, ref: MessageRef) -> Shown:
        return await self._call("read", lambda: self._shown(self.platform.get(ref)))

    async def history(self, place: Place, before: MessageRef, limit: int) -> Sequence[Said]:
        def effect() -> Sequence[Said]:
            earlier = [
                _said(each)
                for each in self.platform.messages.values()
                if each.ref.place == place
                and not each.deleted
                and int(each.ref.id) < int(before.id)
            ]
            return earlier[max(0, len(earlier) - limit) :]

        return await self._call("history", effect)

    async def fetch(self, file: File, most: int) -> bytes:
        def effect() -> bytes:
            data = self.platform.files[file.id]
            if len(data) > most:
                raise TooLarge(f"{file.name} has {len(data)} bytes")
            return data

        return await self._call("fetch", effect)

    # What it can do with files: see `SendsFiles`.

    def most_file_bytes(self, place: Place) -> int:  # noqa: ARG002 - the same everywhere
        """The platform's limit."""
        return self.platform.most_file_bytes

    def file_budget(self, place: Place, step: FileStep) -> Budget:
        """Showing a file is an edit; the rest has a budget of its own."""
        if step == "attach":
            return self._budgets(place, "edit")
        return Budget(f"{place.connector}/{place.workspace}/files", 100, 60.0)

    async def upload(self, ref: MessageRef, file: AnswerFile) -> str:  # noqa: ARG002 - anywhere
        """Takes a file, which nobody sees yet."""

        def effect() -> str:
            if len(file.content) > self.platform.most_file_bytes:
                raise TooLarge(f"{len(file.content)} bytes")
            upload = f"F{len(self.platform.uploads) + 1}"
            self.platform.uploads[upload] = file.content
            return upload

        return await self._call("upload", effect)

    async def attach(self, ref: MessageRef, file: AnswerFile, upload: str) -> None:
        """Shows it with a message."""

        def effect() -> None:
            self.platform.spend(self.file_budget(ref.place, "attach"), self._now())
            self.platform.attach(ref, file.name, upload)

        await self._call("attach", effect)

    async def attached(self, ref: MessageRef, file: AnswerFile, upload: str) -> SentFile | None:  # noqa: ARG002 - the upload tells
        """What readers get of it."""

        def effect() -> SentFile | None:
            self.platform.get(ref)
            shown = any((at, name) == (ref, upload) for at, name, _ in self.platform.attached)
            return SentFile.of(self.platform.uploads[upload]) if shown else None

        return await self._call("attached", effect)

    async def signal(self, place: Place, status: Status) -> None:
        await self._call("signal", lambda: self.platform.signals.append((place, status)))

    async def lineage(self, place: Place) -> Sequence[Scope]:
        """See `HasLineage`; the categories are the platform's."""
        return lineage_of(place, self.platform.categories.get(place.channel, ""))

    async def channel_name(self, place: Place) -> str:
        """A channel's name here is its id."""
        return place.channel

    async def probe(self) -> None:
        await self._call("probe", lambda: None)

    async def aclose(self) -> None:
        self._closed = True
        self._inflow.close()

    # What the platform does.

    async def _call(self, name: CallName, effect: Callable[[], Result]) -> Result:
        if self._closed:
            raise Unavailable("the connector is closed")
        call = self.platform.record(name, self._now())
        try:
            return await self._carry_out(call, effect)
        except ConnectorError as error:
            call.error = error
            raise

    async def _carry_out(self, call: Call, effect: Callable[[], Result]) -> Result:
        fault = self.fault(call.name, call.number) if self.fault else None
        await asyncio.sleep(self._latency / 2)
        if isinstance(fault, ConnectorError):
            raise fault
        result = effect()
        await asyncio.sleep(self._latency / 2)
        # A `Lost` fault: the call has taken effect, and only its response is missing.
        if fault is not None:
            raise Unconfirmed("the answer was lost")
        return result

    def _shown(self, message: PostedMessage) -> Shown:
        source = message.text if self.limits.keeps_source else None
        return Shown(message.ref, form(message.text), source=source)

    def _add(self, place: Place, part: Part) -> PostedMessage:
        version = self._version(part)
        return self.platform.add(self.platform.new_ref(place), BOT, version, self._now_us())

    def _said(self, text: str) -> Version:
        return Version(self._now(), text.strip())

    def _version(self, part: Part) -> Version:
        """What the platform shows for a part. Raises `TooLarge` or `Refused`, as it would."""
        if not self.limits.take(part.text):
            raise TooLarge(f"at most {self.limits.length} {self.limits.unit}, {self.limits.most}")
        if not part.text.strip():
            raise Refused("an empty message")
        return Version(self._now(), part.text.strip(), part)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _now_us(self) -> int:
        return int(self._clock() * 1_000_000)


def _said(message: PostedMessage) -> Said:
    by_bot = message.author == BOT
    return Said(message.ref, message.author, message.text, by_bot, message.at_us, message.files)
