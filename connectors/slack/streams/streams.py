"""The streams that are open: what each was sent, and how it ends, as the whole part or as an
ordinary message.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, NoReturn
from uuid import UUID

import regex  # type: ignore[import-untyped]  # its stubs are a package of their own

from connectors.base import (
    Budget,
    ConnectorError,
    Control,
    Gone,
    Inflow,
    MessageRef,
    Part,
    Person,
    Place,
    Pressed,
    RateLimited,
    Shown,
    Unavailable,
)
from connectors.markdown import form
from connectors.newest import Newest
from connectors.slack import parts
from connectors.slack.api import Api
from connectors.slack.dialect import COLUMNS, write
from connectors.slack.errors import code_of
from connectors.slack.history import as_drawn
from connectors.slack.options import SlackOptions
from connectors.slack.people import Recipient, Recipients
from connectors.slack.sessions import AgentSessions
from connectors.slack.streams.starts import Calls, StreamStarts

# One stream: what was sent to it, and how sure that is.


def grows(part: Part) -> bool:
    """More text of the part will come: it can still be stopped."""
    return Control.STOP in part.controls


@dataclass(slots=True)
class Stream:
    """A message that Slack takes appends for. `sent` is the Markdown that it was sent so far."""

    ref: MessageRef
    key: str
    run_id: UUID | None
    recipient: Recipient | None
    started: float
    """In the loop's time, in seconds."""
    sent: str
    columns: int = COLUMNS
    """The most that a table may have."""
    in_doubt: bool = False
    """A call is running, or its answer was lost: more than `sent` may be there."""
    bare: bool = False
    """Slack refused the blocks below it."""
    version: int = 0

    def rest(self, text: str, *, growing: bool = False) -> str | None:
        """What an append has to say so that `text` is there; None where none can do that.

        Empty where all that can be said of a growing text is there.
        """
        whole = write(text, growing=growing, columns=self.columns)
        if growing and self.sent.startswith(whole):
            return ""
        return whole[len(self.sent) :] if whole.startswith(self.sent) else None

    def shown(self) -> Shown:
        """What can be seen of what was sent."""
        return as_drawn(self.ref, [{"type": "markdown", "text": self.sent}])

    def below(self, part: Part) -> dict[str, Any]:
        """What `chat.stopStream` puts below the text: footer, buttons and metadata."""
        if self.bare:
            return {}
        message = parts.message(part, self.key, self.version, self.columns)
        under = [block for block in message["blocks"] if block["type"] != "markdown"]
        return {"blocks": under or None, "metadata": message["metadata"]}


# Where Markdown that still grows can be cut: what was sent to a stream can't be taken back.


_GRAPHEME = regex.compile(r"\X")
_NEARBY = 200
"""So many characters may wait for a word that can be cut; then a cut at a space will do."""
_HALF = re.compile(r"(?:\\|&[a-z]{0,3})\Z")
"""The beginning of an escaped character."""


def cut(written: str, sent: int) -> int:
    """How many characters of what was written of a growing text can be sent, if `sent` are.

    Slack may drop white space where two appends meet, so a cut is inside a word where that is
    possible, and never before a space. A grapheme that may still grow is kept back.
    """
    for at in _places(written, sent):
        if _HALF.search(written, max(0, at - 4), at) is None:
            return at
    # A first letter alone: better sent than not streamed at all.
    return sent or len(written)


def _places(written: str, sent: int) -> Iterator[int]:
    """The cuts between graphemes that lose no white space, the best first."""
    starts = [found.start() for found in _GRAPHEME.finditer(written, sent)]
    able = [at for at in reversed(starts) if at > sent and not written[at].isspace()]
    inside = [at for at in able if not written[at - 1].isspace()]
    far = able and able[0] - max(inside[:1], default=sent) > _NEARBY
    yield from able if far else inside


log = logging.getLogger(__name__)

_MINUTE_S = 61.0
"""Slack's minute, and a second more as a margin for network jitter."""
_ROTATE_AFTER_S = 270.0
"""Slack ends a stream by itself after five minutes, and marks it as failed."""
_FORGET_AFTER_S = 3600.0
_REMEMBERED = 10_000
_OVER = {"message_not_in_streaming_state", "stopped_by_user", "message_not_owned_by_app"}
"""The answers that say that nothing can be appended any more."""


class Streams:
    """The messages that are written by appending. `clock` gives seconds since the epoch.

    A message that can't be streamed on goes on as an ordinary one, by `chat.update`, which
    replaces all of it: so whatever was lost on the way, its end is exact and nothing is doubled.
    """

    def __init__(
        self,
        api: Api,
        options: SlackOptions,
        recipients: Recipients,
        inflow: Inflow,
        clock: Callable[[], float] = time.time,
        sessions: AgentSessions | None = None,
    ) -> None:
        self._calls = Calls(api, options.starts_per_minute)
        self._options = options
        self._recipients = recipients
        self._inflow = inflow
        self._sessions = sessions
        self._starts = StreamStarts(self._calls, options, recipients, clock)
        self._live: dict[MessageRef, Stream] = {}
        self._keys: Newest[str, Shown | None] = Newest(_REMEMBERED)
        self._unfinished: dict[MessageRef, float] = {}

    def takes(self, place: Place) -> bool:
        """Whether a new message there is streamed now.

        A part of the starts is left over: rather than wait for one, a reader gets edits.
        """
        room = self._calls.starts_left(place) * 5 > self._options.starts_per_minute
        return room and self._starts.possible(place)

    def live(self, ref: MessageRef) -> bool:
        """Whether a message is being streamed: then `edit` here is how to change it."""
        return ref in self._live

    def budget(self, place: Place, call: Literal["post", "edit"]) -> Budget | None:
        """The budget of such a call; None where it is an ordinary one."""
        if call == "post":
            per_minute, method = self._options.starts_per_minute, "chat.startStream"
            streamed = self.takes(place)
        else:
            per_minute, method = self._options.appends_per_minute, "chat.appendStream"
            # What began as a stream and is not whole yet comes first, by an ordinary edit.
            by_edits = any(ref.place == place for ref in self._unfinished)
            streamed = not by_edits and any(ref.place == place for ref in self._live)
        key = f"slack/{place.workspace}/{method}"
        return Budget(key, per_minute, _MINUTE_S) if streamed else None

    async def post(self, place: Place, part: Part, key: str) -> Shown | None:
        """Starts a stream with the first text of a part that grows; the same key starts one.

        None: nothing was posted here; post it as an ordinary message. Raises `RateLimited`, and
        `Unavailable` where Slack's answer was lost: the next call with this key looks for it.
        """
        if key not in self._keys:
            lost = self._starts.lost(key)
            shown = await (self._recover(place, key) if lost else self._start(place, part, key))
            self._keys[key] = shown
        return self._keys[key]

    async def find(self, place: Place, part: Part, key: str, since: float) -> Shown | None:
        """The stream that another process began for a part, ended, for edits from now on; or None.

        `since` in seconds since the epoch.
        """
        known = {shown.ref for shown in self._keys.values() if shown} | self._live.keys()
        ref = await self._starts.begun(place, part.text, since, known)
        if ref is None:
            return None
        await self.release(ref)
        self._unfinished[ref] = _now()
        self._keys[key] = shown = await self._calls.read(ref)
        return shown

    async def edit(self, ref: MessageRef, part: Part) -> Shown:
        """Appends what is new of a part; ends the stream where it does not grow any more.

        `Unavailable` is raised too where the stream turns out to be over: an ordinary edit is to
        follow, as it is where the message shows something else than the part.
        """
        stream = self._live[ref]
        stream.version += 1
        try:
            return await (self._grow(stream, part) if grows(part) else self._close(stream, part))
        except Gone:
            self._live.pop(ref, None)
            raise

    def edited(self, ref: MessageRef, part: Part) -> None:
        """An ordinary edit was made: what began as a stream may be whole now."""
        if not grows(part):
            self._unfinished.pop(ref, None)

    async def release(self, ref: MessageRef) -> None:
        """Ends a stream that nobody here knows of, so that its message can be edited."""
        self._live.pop(ref, None)
        try:
            await self._calls.stop(ref, "", {})
        except (Gone, Unavailable):
            raise
        except ConnectorError as error:
            # Mostly it is over already; if not, Slack will not take the edit and says why.
            log.info("slack did not stop a stream: %s", error)

    # Starting.

    async def _start(self, place: Place, part: Part, key: str) -> Shown | None:
        columns = self._options.table_columns
        text = write(part.text[: part.firm], growing=True, columns=columns)
        text = text[: cut(text, 0)]
        if part.to or part.literal or not (text and grows(part) and self.takes(place)):
            return None
        self._forget_old()
        recipient = self._recipients.get(place, part.about)
        ref = await self._starts.start(place, text, key, recipient)
        if ref is None:
            return None
        stream = Stream(ref, key, part.run_id, recipient, _now(), text, columns)
        self._live[ref] = stream
        return stream.shown()

    async def _recover(self, place: Place, key: str) -> Shown | None:
        """After a lost start: its message, ended, for edits from now on; or None."""
        known = {shown.ref for shown in self._keys.values() if shown}
        ref = await self._starts.find(place, key, known)
        if ref is not None:
            await self.release(ref)
            self._unfinished[ref] = _now()
        shown = None if ref is None else await self._calls.read(ref)
        self._starts.settled(key)
        return shown

    # Growing.

    async def _grow(self, stream: Stream, part: Part) -> Shown:
        rest = stream.rest(part.text[: part.firm], growing=True)
        if stream.in_doubt or rest is None or _now() - stream.started > _ROTATE_AFTER_S:
            return await self._close(stream, part)
        sent = len(stream.sent)
        await self._append(stream, rest[: cut(stream.sent + rest, sent) - sent], part)
        return stream.shown()

    async def _append(self, stream: Stream, rest: str, part: Part) -> None:
        if not rest:
            return
        stream.in_doubt = True
        try:
            await self._calls.append(stream.ref, rest)
        except RateLimited:
            stream.in_doubt = False
            raise
        except (Gone, Unavailable):
            raise
        except ConnectorError as error:
            self._refused(stream, part, error)
        stream.sent, stream.in_doubt = stream.sent + rest, False

    # Ending.

    async def _close(self, stream: Stream, part: Part) -> Shown:
        """Stops the stream with the rest of its part, and says what the message shows then."""
        shown = await self._stop(stream, part)
        # It is over now, whatever comes next; and it is not known yet to be whole.
        self._demote(stream)
        if shown is None:
            shown = await self._calls.read(stream.ref)
        if shown.text == form(part.text) and not grows(part):
            self._unfinished.pop(stream.ref)
        return shown

    async def _stop(self, stream: Stream, part: Part) -> Shown | None:
        text = part.text[: part.firm]
        # What is in doubt may be there already: nothing is added to it.
        rest = "" if stream.in_doubt else stream.rest(text, growing=grows(part)) or ""
        if rest and not self._calls.stops_left(stream.ref.place):
            # The reader has it all while the stop waits for its turn.
            await self._append(stream, rest, part)
            rest = ""
        stream.in_doubt = True
        try:
            below = {**stream.below(part), "session_status": self._session_status(stream, part)}
            return await self._calls.stop(stream.ref, rest, below)
        except (Gone, Unavailable):
            raise
        except ConnectorError as error:
            if stream.bare:
                self._demote(stream)
            stream.bare = True
            self._refused(stream, part, error)

    def _session_status(self, stream: Stream, part: Part) -> str | None:
        """What the answer's session is set to when its last stream ends."""
        if self._sessions is None:
            return None
        last = part.last and not grows(part)
        return self._sessions.at_the_end_of_a_stream(stream.ref.place, last=last)

    def _refused(self, stream: Stream, part: Part, error: ConnectorError) -> NoReturn:
        """Slack said no: the message goes on as an ordinary one, at once or after a stop."""
        if code_of(error) in _OVER:
            self._demote(stream)
        if code_of(error) == "stopped_by_user" and grows(part):
            self._press_stop(stream)
        raise Unavailable(f"The stream can't go on: {error}") from error

    def _press_stop(self, stream: Stream) -> None:
        """Slack's own stop button is ours; it tells nobody who pressed it but that it was."""
        if stream.run_id is not None and stream.recipient is not None:
            person = Person(stream.recipient.user, realm=stream.recipient.realm)
            self._inflow.put(Pressed(stream.ref, person, Control.STOP, stream.run_id))

    def _demote(self, stream: Stream) -> None:
        """The message is an ordinary one from now on."""
        self._live.pop(stream.ref, None)
        self._unfinished[stream.ref] = _now()

    def _forget_old(self) -> None:
        """Drops what was never ended: nobody will come back to it."""
        before = _now() - _FORGET_AFTER_S
        self._live = {ref: each for ref, each in self._live.items() if each.started > before}
        self._unfinished = {ref: at for ref, at in self._unfinished.items() if at > before}


def _now() -> float:
    return asyncio.get_running_loop().time()
