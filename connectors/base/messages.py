"""What a platform is given to show, what it shows, and how much of it it takes."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal, NewType
from uuid import UUID

from connectors.base.events import Control, File, MessageRef, Person, Place
from connectors.words import Language, Wording

AnswerText = NewType("AnswerText", str)
"""The Markdown of an answer, as the model wrote it. Only what shows an answer makes one: whatever
else the bot says is a `Wording` until `Part.saying` shows it.
"""


@dataclass(frozen=True, slots=True)
class Part:
    """What one message of an answer is to show.

    `text` is Markdown and complete in itself: carried fences and notes are in it. `footer` is
    small print below it (the receipt), which is not part of the answer. `last` is true for the
    part in which the answer ends. `language` is the reader's. `firm` says how many of its first
    characters the model itself
    wrote; while an answer grows, what follows them only closes it for the moment (None: nothing
    does). `literal` says that the text is a block of code, with at most a note below it, which the
    platform refused as Markdown: it is sent in the simplest way that there is. `to` is the only
    person to see the part, where the platform can do that. `about` is the message that the part
    answers: where people reply to messages, the first part is a reply. `failed` says that the
    answer ended in an error, which its note tells.
    """

    run_id: UUID | None
    index: int
    text: AnswerText
    controls: tuple[Control, ...] = ()
    footer: Wording | None = None
    last: bool = False
    firm: int | None = None
    literal: bool = False
    to: Person | None = None
    about: MessageRef | None = None
    language: Language = Language.ENGLISH
    failed: bool = False

    @classmethod
    def saying(
        cls, said: Wording, to: Person | None = None, about: MessageRef | None = None
    ) -> Part:
        """A message of the bot's own, which is no answer."""
        text = AnswerText(said.text)
        return cls(None, 0, text, last=True, to=to, about=about, language=said.language)


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


@dataclass(frozen=True, slots=True)
class AnswerFile:
    """A file that is a part of an answer. `sha256` is of its content, in hexadecimal."""

    name: str
    media_type: str
    content: bytes = field(repr=False)
    sha256: str

    @classmethod
    def of(cls, name: str, media_type: str, content: bytes) -> AnswerFile:
        """A file of this content."""
        return cls(name, media_type, content, hashlib.sha256(content).hexdigest())


@dataclass(frozen=True, slots=True)
class SentFile:
    """What a reader gets of a file: its size in bytes and its hash, as the platform hands it out.

    `sha256` is None where the platform doesn't hand it out to the bot.
    """

    size: int
    sha256: str | None

    @classmethod
    def of(cls, content: bytes) -> SentFile:
        """A file that was read back."""
        return cls(len(content), hashlib.sha256(content).hexdigest())


FileStep = Literal["upload", "attach", "read"]
"""A file's content is brought to the platform, shown with an answer, and read back."""


class Status(StrEnum):
    """What the bot is doing in a place before it shows text."""

    QUEUED = "queued"
    THINKING = "thinking"
    WRITING = "writing"
    """Text comes again after a silence: nothing need be said, and the answer is not at its end."""
    WAITING = "waiting"
    """It waits for somebody to allow what an answer wants to do."""
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

    `notes` says whether a line below the answer tells how it ended, where it did not end well; else
    whoever asked learns it elsewhere. `receipts` says whether a receipt is shown as the last part's
    footer (one more edit).
    `length_at` is for a platform whose places differ: the length that a part may have there.
    `keeps_source` says that `Shown.source` can be had, of other processes' messages as well.
    """

    length: int
    unit: Literal["characters", "utf16"] = "characters"
    notes: bool = True
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
