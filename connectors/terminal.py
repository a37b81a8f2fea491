"""The terminal as a platform: one question, and its answer as it grows.

What is written to a terminal can't be taken back, and an unfinished answer has marks at its end
that close it temporarily. So only the text that two consecutive versions have in common is
written, and the rest once the answer is finished. If what was written turns out to be wrong even
then, a line says so, and the whole answer follows.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from time import time_ns
from typing import Literal, Protocol
from uuid import uuid4

from connectors.base import (
    AnswerFile,
    Asked,
    Budget,
    File,
    FileStep,
    Gone,
    Incoming,
    Inflow,
    Limits,
    MessageRef,
    Part,
    Person,
    Place,
    Refused,
    Said,
    SentFile,
    Shown,
    Status,
    TooLarge,
)
from connectors.markdown import Growing

CORRECTION = "\n[the text above is not right; the whole answer:]\n"
"""Written between an answer that could not be continued and the whole of it."""


class Output(Protocol):
    """What is written to: a stream, or what sets Markdown on a screen."""

    def write(self, text: str, /) -> object:
        """Takes text that follows what was written before. Raises `OSError`, `ValueError`."""
        ...

    def flush(self) -> object:
        """Shows it. Raises `OSError`, `ValueError`."""
        ...


_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]|\r(?!\n)")


def _harmless(text: str) -> str:
    """The text with visible control characters; otherwise they could control the terminal."""
    return _CONTROLS.sub(_picture, text)


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else "\ufffd"


def _meant(written: str, sent: str) -> str:
    """The text that was meant by what was written: with the original control characters."""
    pairs = zip(written, _harmless(sent), sent, strict=False)
    meant = "".join(char if seen == harmless else seen for seen, harmless, char in pairs)
    return meant + written[len(meant) :]


def _agreed(one: str, other: str) -> int:
    """How many characters two texts have in common at their start."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))


def _write_file(folder: Path, name: str, content: bytes) -> None:
    """Writes a file that isn't there yet, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{uuid4().hex}.part"
    try:
        with part.open("xb") as written:
            written.write(content)
        os.link(part, folder / name)
    finally:
        part.unlink(missing_ok=True)


@dataclass(slots=True)
class _WrittenAnswer:
    """One message: its last version, and how much of it was written."""

    ref: MessageRef
    sent: str = ""
    written: str = ""
    finished: bool = False
    growing: Growing = field(default_factory=Growing)

    @property
    def shown(self) -> Shown:
        """What can be read on the terminal, which shows Markdown's source."""
        meant = _meant(self.written, self.sent)
        return Shown(self.ref, self.growing.form(meant), source=meant)


class TerminalConnector:
    """Writes answers to a stream; with None it only keeps them. How an answer ended is for others
    to say: it is no part of what is written.

    `channel` names the conversation, and `before` is what was said in it, oldest first. Files of
    answers are written to `folder`; None: nowhere.
    """

    def __init__(
        self,
        out: Output | None = None,
        name: str = "terminal",
        channel: str = "",
        before: Sequence[Said] = (),
        folder: Path | None = None,
    ) -> None:
        self.name = name
        self.limits = Limits(length=10_000_000, notes=False)
        self.place = Place(name, "local", channel or uuid4().hex)
        self._said = list(before)
        self._folder = folder
        self._out = out
        self._inflow = Inflow()
        self._answers: dict[str, _WrittenAnswer] = {}
        self._keys: dict[str, str] = {}
        self._files: dict[str, bytes] = {}
        self._session = uuid4().hex[:8]
        """In the ids of messages: other sessions write in the same conversation."""
        self._asked = 0
        self._closed = False
        self.left = False
        """Whether the reader has closed the output."""

    def ask(self, text: str) -> Incoming:
        """The person at the terminal asks."""
        return self._inflow.put(self.asked(text, Person("terminal")))

    def asked(
        self, text: str, person: Person, attached: Mapping[File, bytes] | None = None
    ) -> Asked:
        """A question of somebody's at the terminal; `attached` are files with their content."""
        self._asked += 1
        ref = MessageRef(self.place, f"question-{self._session}-{self._asked}")
        files = tuple(attached or ())
        self._said.append(Said(ref, person, text, False, time_ns() // 1000, files))
        self._files |= {file.id: content for file, content in (attached or {}).items()}
        return Asked(ref, person, text, files)

    def forget(self) -> None:
        """What was said before is no part of the conversation any more."""
        self._said.clear()

    def events(self) -> AsyncIterator[Incoming]:
        return self._inflow.events()

    def budget(self, place: Place, call: Literal["post", "edit"]) -> Budget:  # noqa: ARG002 - one
        """Twenty calls a second: more than a reader would notice."""
        return Budget(f"{self.name}/{place.channel}", 20, 1.0)

    async def post(self, place: Place, part: Part, key: str) -> Shown:
        if (before := await self.find(place, part, key, 0)) is not None:
            return before
        ref = MessageRef(place, f"answer-{self._session}-{len(self._answers) + 1}")
        answer = _WrittenAnswer(ref)
        self._said.append(Said(ref, Person(self.name), part.text, True, time_ns() // 1000))
        shown = self._show(answer, part)
        self._answers[answer.ref.id] = answer
        self._keys[key] = answer.ref.id
        return shown

    async def find(self, place: Place, part: Part, key: str, since_us: int) -> Shown | None:  # noqa: ARG002 - the key is enough
        """What was written with this key by this process: another's terminal can't be read."""
        if key not in self._keys:
            return None
        return self._answers[self._keys[key]].shown

    async def edit(self, ref: MessageRef, part: Part) -> Shown:
        """Writes what is new; returns everything that was written so far."""
        answer = self._answers.get(ref.id)
        if answer is None:
            raise Gone(f"nothing was written as {ref.id}")
        return self._show(answer, part)

    async def read(self, ref: MessageRef) -> Shown:
        raise Refused(f"a terminal can't be read back ({ref.id})")

    async def history(self, place: Place, before: MessageRef, limit: int) -> Sequence[Said]:  # noqa: ARG002 - it has one
        """What was said before in this conversation, oldest first."""
        earlier = list(takewhile(lambda said: said.ref != before, self._said))
        return earlier[-limit:]

    async def fetch(self, file: File, most: int) -> bytes:
        """What was attached. Raises `Gone` where another process has it, and `TooLarge`."""
        if file.id not in self._files:
            raise Gone(f"{file.name} is not there any more")
        if len(content := self._files[file.id]) > most:
            raise TooLarge(f"{file.name} has more than {most} bytes")
        return content

    def most_file_bytes(self, place: Place) -> int:  # noqa: ARG002 - one
        """As much as the disk takes."""
        return sys.maxsize

    def file_budget(self, place: Place, step: FileStep) -> Budget:  # noqa: ARG002 - all alike
        """A pace that nobody notices."""
        return Budget(f"{self.name}/{place.channel}/files", 100, 1.0)

    async def upload(self, ref: MessageRef, file: AnswerFile) -> str:  # noqa: ARG002 - one
        """Finds a name that no other file in the folder has. Raises `Refused`."""
        if self._folder is None:
            raise Refused("no folder was named for files")
        stem, _, extension = file.name.rpartition(".")
        number, name = 1, file.name
        while (self._folder / name).exists():
            number += 1
            name = f"{stem}-{number}.{extension}"
        return name

    async def attach(self, ref: MessageRef, file: AnswerFile, upload: str) -> None:  # noqa: ARG002 - one
        """Writes the file. Raises `Refused`."""
        if self._folder is None:
            raise Refused("no folder was named for files")
        try:
            await asyncio.to_thread(_write_file, self._folder, upload, file.content)
        except OSError as error:
            raise Refused(f"the file can't be written: {error.strerror}") from error

    async def attached(self, ref: MessageRef, file: AnswerFile, upload: str) -> SentFile | None:  # noqa: ARG002 - the name tells
        """Reads the file; None where it is not there. Raises `Refused`."""
        if self._folder is None:
            raise Refused("no folder was named for files")
        try:
            return SentFile.of(await asyncio.to_thread((self._folder / upload).read_bytes))
        except OSError:
            return None

    async def signal(self, place: Place, status: Status) -> None:
        """Does nothing: a terminal shows no status."""

    async def probe(self) -> None:
        if self._closed:
            raise Gone("the terminal is closed")

    async def aclose(self) -> None:
        self._closed = True
        self._inflow.close()

    def _show(self, answer: _WrittenAnswer, part: Part) -> Shown:
        if len(part.text) > self.limits.length:
            raise TooLarge(f"at most {self.limits.length} characters")
        if part.firm is None:  # the part is complete
            self._finish(answer, _harmless(part.text))
        else:
            self._extend(answer, _harmless(part.text))
        answer.sent = part.text
        return answer.shown

    def _extend(self, answer: _WrittenAnswer, text: str) -> None:
        """Writes the text that this version and the last one have in common.

        Two equal versions are skipped: they have their temporary closing marks in common too.
        """
        before = _harmless(answer.sent)
        if text == before or answer.finished:
            return
        agreed = text[: _agreed(before, text)]
        if agreed.startswith(answer.written):
            self._write(answer, agreed)

    def _finish(self, answer: _WrittenAnswer, text: str) -> None:
        """Writes everything that is missing."""
        if answer.finished and text == answer.written:
            return
        if answer.finished or not text.startswith(answer.written):
            self._print(CORRECTION)
            answer.written = ""
        self._write(answer, text)
        self._print("\n")
        answer.finished = True

    def _write(self, answer: _WrittenAnswer, text: str) -> None:
        self._print(text[len(answer.written) :])
        answer.written = text

    def _print(self, text: str) -> None:
        if self._closed:
            raise Gone("the terminal is closed")
        if self._out is None:
            return
        try:
            self._out.write(text)
            self._out.flush()
        except UnicodeEncodeError as error:
            raise Refused(f"the terminal can't show this text: {error.reason}") from error
        except (OSError, ValueError) as error:  # the pipe broke, or the stream was closed
            self.left = True
            raise Gone("nobody reads the output any more") from error
