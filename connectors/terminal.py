"""The terminal as a platform: one question, and its answer as it grows.

What is written to a terminal can't be taken back, and an unfinished answer has marks at its end
that close it temporarily. So only the text that two consecutive versions have in common is
written, and the rest once the answer is finished. If what was written turns out to be wrong even
then, a line says so, and the whole answer follows.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, TextIO

from connectors.base import (
    Asked,
    Budget,
    File,
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
    Shown,
    Status,
    TooLarge,
)
from connectors.markdown import Growing

CORRECTION = "\n[the text above is not right; the whole answer:]\n"
"""Written between an answer that could not be continued and the whole of it."""

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
    """Writes answers to a stream; with None it only keeps them."""

    def __init__(self, out: TextIO | None = None, name: str = "terminal") -> None:
        self.name = name
        self.limits = Limits(length=10_000_000)
        self.place = Place(name, "local", "terminal")
        self._out = out
        self._inflow = Inflow()
        self._answers: dict[str, _WrittenAnswer] = {}
        self._keys: dict[str, str] = {}
        self._asked = 0
        self._closed = False
        self._left = False
        """Whether the reader has closed the output."""

    def ask(self, text: str) -> Incoming:
        """The person at the terminal asks."""
        self._asked += 1
        ref = MessageRef(self.place, f"question-{self._asked}")
        return self._inflow.put(Asked(ref, Person("terminal"), text))

    def events(self) -> AsyncIterator[Incoming]:
        return self._inflow.events()

    def budget(self, place: Place, call: Literal["post", "edit"]) -> Budget:  # noqa: ARG002 - one
        """Twenty calls a second: more than a reader would notice."""
        return Budget(f"{self.name}/{place.channel}", 20, 1.0)

    async def post(self, place: Place, part: Part, key: str) -> Shown:
        if (before := await self.find(place, part, key, 0)) is not None:
            return before
        answer = _WrittenAnswer(MessageRef(place, f"answer-{len(self._answers) + 1}"))
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
        if self._left:
            raise Gone("nobody reads the output any more")
        raise Refused(f"a terminal can't be read back ({ref.id})")

    async def history(self, place: Place, before: MessageRef, limit: int) -> Sequence[Said]:  # noqa: ARG002 - no history
        return []

    async def fetch(self, file: File, most: int) -> bytes:  # noqa: ARG002 - no files
        raise Refused(f"nobody can attach a file here ({file.name})")

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
            self._left = True
            raise Gone("nobody reads the output any more") from error
