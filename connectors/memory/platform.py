"""The platform behind the connector in memory: messages, their histories, and rate limits."""

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
    Refused,
    Status,
)

CallName = Literal[
    "post", "find", "edit", "read", "history", "fetch", "signal", "probe", "whisper", "upload",
    "attach", "attached",
]  # fmt: skip

ALICE = Person("alice", "Alice")
"""The person who speaks if none is given."""

BOT = Person("everytoken", "Everytoken")
"""The author of what is posted."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A fault: the call takes effect, but its response is lost (`Unconfirmed`)."""


Fault = Callable[[CallName, int], ConnectorError | Lost | None]
"""Decides how a call fails, or returns None. Called before the call takes effect, with its name
and its number among the calls of that name, from 1."""

Budgets = Callable[[Place, Literal["post", "edit"]], Budget]
"""Returns a call's budget, which the connector declares and the platform enforces."""


CLOCK = 1e-6
"""Tolerance of the platform's clock in seconds, so that no call is refused by a rounding error."""


def like_slack(place: Place, call: Literal["post", "edit"]) -> Budget:
    """50 edits a minute per workspace, and one post a second per channel."""
    if call == "edit":
        return Budget(f"{place.connector}/{place.workspace}/edit", 50, 60.0)
    return Budget(f"{place.connector}/{place.workspace}/{place.channel}/post", 1, 1.0)


def like_discord(place: Place, _call: Literal["post", "edit"]) -> Budget:
    """Five calls in five seconds per channel, posts and edits together."""
    return Budget(f"{place.connector}/{place.channel}", 5, 5.25)


@dataclass(frozen=True, slots=True)
class Version:
    """What a message shows from `at` on (event loop's time)."""

    at: float
    text: str
    part: Part | None = None
    """The part as the bot sent it; None in a person's message."""


@dataclass(slots=True)
class PostedMessage:
    """A message with all its versions, the oldest first."""

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
        """The part that the bot sent last; None in a person's message."""
        return self.versions[-1].part

    @property
    def writing(self) -> bool:
        """Whether it looks unfinished: it has a button that stops the answer."""
        return self.part is not None and Control.STOP in self.part.controls


@dataclass(slots=True)
class Call:
    """A call to the platform, at the event loop's time, and the error that it failed with.

    `number` counts the calls of the same name, from 1.
    """

    name: CallName
    number: int
    at: float
    error: ConnectorError | None = None


@dataclass(slots=True)
class Platform:
    """The platform's state, which outlives connectors: the messages, and a record of all calls."""

    messages: dict[MessageRef, PostedMessage] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    signals: list[tuple[Place, Status]] = field(default_factory=list)
    overlaps: list[MessageRef] = field(default_factory=list)
    """Messages that were edited while another edit of theirs was running."""
    files: dict[str, bytes] = field(default_factory=dict)
    """The content of attached files, by id."""
    whispers: dict[str, tuple[Person, str]] = field(default_factory=dict)
    """Messages that only one person sees, by their keys."""
    categories: dict[str, str] = field(default_factory=dict)
    """The category of a channel, by the channel's id."""
    uploads: dict[str, bytes] = field(default_factory=dict)
    """Files of answers that were uploaded, by the platform's name of each: nobody sees them yet."""
    attached: list[tuple[MessageRef, str, str]] = field(default_factory=list)
    """Files that readers see: with which message, the upload, the name. As often as it was done."""
    most_file_bytes: int = 10_000_000
    _posted: dict[str, MessageRef] = field(default_factory=dict)
    _spent: dict[str, deque[float]] = field(default_factory=dict)
    _numbers: Counter[CallName] = field(default_factory=Counter)
    _ids: int = 0

    def record(self, name: CallName, now: float) -> Call:
        """Records a call at its beginning."""
        self._numbers[name] += 1
        call = Call(name, self._numbers[name], now)
        self.calls.append(call)
        return call

    def new_ref(self, place: Place) -> MessageRef:
        """The reference of a new message."""
        self._ids += 1
        return MessageRef(place, str(self._ids))

    def get(self, ref: MessageRef) -> PostedMessage:
        """A message; raises `Gone` if it doesn't exist or was deleted."""
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
        """Adds a message."""
        self.messages[ref] = message = PostedMessage(ref, author, at_us, [version], files)
        return message

    def posted(self, key: str, post: Callable[[], PostedMessage]) -> PostedMessage:
        """The message with this key; calls `post` only if there is none, so a repeat adds none."""
        if key not in self._posted:
            self._posted[key] = post().ref
        return self.messages[self._posted[key]]

    def attach(self, ref: MessageRef, name: str, upload: str) -> None:
        """Shows an upload with a message. Done again it is there twice, as on Slack."""
        self.get(ref)
        if upload not in self.uploads:
            raise Refused("no such upload")
        self.attached.append((ref, upload, name))

    @property
    def keys(self) -> list[str]:
        """The keys of all posts, oldest first."""
        return list(self._posted)

    def found(self, key: str) -> PostedMessage | None:
        """The message that was posted with this key, or None."""
        ref = self._posted.get(key)
        return None if ref is None else self.messages[ref]

    def spend(self, budget: Budget, now: float) -> None:
        """Counts a call in its sliding window; raises `RateLimited` if the window is full."""
        spent = self._spent.setdefault(budget.key, deque())
        while spent and spent[0] + budget.seconds <= now + CLOCK:
            spent.popleft()
        if len(spent) >= budget.calls:
            raise RateLimited("ratelimited", retry_after=spent[0] + budget.seconds - now)
        spent.append(now)
