"""What a connector in memory connects to: the messages, their histories and the limits."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from connectors.base import (
    Budget,
    ConnectorError,
    Control,
    File,
    Gone,
    MessageRef,
    Part,
    Person,
    Place,
    RateLimited,
    Status,
)

CallName = Literal["post", "find", "edit", "read", "history", "fetch", "signal", "probe", "whisper"]

ALICE = Person("alice", "Alice")
"""Who speaks where no person is named."""

BOT = Person("everytoken", "Everytoken")
"""The author of what is posted."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A fault: the call takes effect and its answer is lost on the way (`Unconfirmed`)."""


Fault = Callable[[CallName, int], ConnectorError | Lost | None]
"""Asked before each call's effect, with the call's name and how many of that name were made,
this one included. What it returns goes wrong."""

Budgets = Callable[[Place, Literal["post", "edit"]], Budget]
"""The budget that a call in a place draws on: what the connector says and the platform enforces."""


CLOCK = 1e-6
"""Seconds: the platform's clock is no sharper, so that rounding refuses nobody."""


def like_slack(place: Place, call: Literal["post", "edit"]) -> Budget:
    """50 edits a minute in a workspace, a post a second in a channel."""
    if call == "edit":
        return Budget(f"{place.connector}/{place.workspace}/edit", 50, 60.0)
    return Budget(f"{place.connector}/{place.workspace}/{place.channel}/post", 1, 1.0)


def like_discord(place: Place, _call: Literal["post", "edit"]) -> Budget:
    """Four calls in five seconds in a channel, posts and edits together."""
    return Budget(f"{place.connector}/{place.channel}", 4, 5.0)


@dataclass(frozen=True, slots=True)
class Version:
    """What a message showed from `at` on (the event loop's time)."""

    at: float
    text: str
    part: Part | None = None
    """As it was sent, for the bot's own messages."""


@dataclass(slots=True)
class PostedMessage:
    """A message with all that it ever showed."""

    ref: MessageRef
    author: Person
    at_us: int
    versions: list[Version]
    files: tuple[File, ...] = ()
    deleted: bool = False

    @property
    def text(self) -> str:
        """What it shows now."""
        return self.versions[-1].text

    @property
    def part(self) -> Part | None:
        """What the bot sent last; None for a person's message."""
        return self.versions[-1].part

    @property
    def writing(self) -> bool:
        """It looks unfinished: it offers to stop the answer."""
        return self.part is not None and Control.STOP in self.part.controls


@dataclass(slots=True)
class Call:
    """One call that reached the platform, at the event loop's time, and what it refused it with.

    `number` counts the calls of its name from one.
    """

    name: CallName
    number: int
    at: float
    error: ConnectorError | None = None


@dataclass(slots=True)
class Platform:
    """What outlives a connector: the messages, and the record of what was done to them."""

    messages: dict[MessageRef, PostedMessage] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    signals: list[tuple[Place, Status]] = field(default_factory=list)
    overlaps: list[MessageRef] = field(default_factory=list)
    """Messages that were edited while another edit of theirs was under way."""
    files: dict[str, bytes] = field(default_factory=dict)
    """What is in the files that people attached, by their ids."""
    whispers: dict[str, tuple[Person, str]] = field(default_factory=dict)
    """What one person alone was told, by its key."""
    _posted: dict[str, MessageRef] = field(default_factory=dict)
    _spent: dict[str, deque[float]] = field(default_factory=dict)
    _numbers: Counter[CallName] = field(default_factory=Counter)
    _ids: int = 0

    def record(self, name: CallName, now: float) -> Call:
        """Notes a call that begins."""
        self._numbers[name] += 1
        call = Call(name, self._numbers[name], now)
        self.calls.append(call)
        return call

    def new_ref(self, place: Place) -> MessageRef:
        """The name of a message that is about to be."""
        self._ids += 1
        return MessageRef(place, str(self._ids))

    def get(self, ref: MessageRef) -> PostedMessage:
        """A message that is there; `Gone` if it isn't."""
        message = self.messages.get(ref)
        if message is None or message.deleted:
            raise Gone(f"message {ref.id} was deleted")
        return message

    def add(
        self,
        ref: MessageRef,
        author: Person,
        version: Version,
        at_us: int,
        files: tuple[File, ...] = (),
    ) -> PostedMessage:
        """A new message."""
        self.messages[ref] = message = PostedMessage(ref, author, at_us, [version], files)
        return message

    def posted(self, key: str, post: Callable[[], PostedMessage]) -> PostedMessage:
        """What was posted with a key: now, if it wasn't before."""
        if key not in self._posted:
            self._posted[key] = post().ref
        return self.messages[self._posted[key]]

    @property
    def keys(self) -> list[str]:
        """The keys of all posts, oldest first."""
        return list(self._posted)

    def found(self, key: str) -> PostedMessage | None:
        """What was posted with a key, if anything was."""
        ref = self._posted.get(key)
        return None if ref is None else self.messages[ref]

    def spend(self, budget: Budget, now: float) -> None:
        """Counts a call in its sliding window; `RateLimited` where the window is full."""
        spent = self._spent.setdefault(budget.key, deque())
        while spent and spent[0] + budget.seconds <= now + CLOCK:
            spent.popleft()
        if len(spent) >= budget.calls:
            raise RateLimited("ratelimited", retry_after=spent[0] + budget.seconds - now)
        spent.append(now)
