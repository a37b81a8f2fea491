"""The state of a reply: its phase, the messages that stand, and what became of the answer.

Only `ReplyState` changes the phase, by the table `NEXT`. Nothing here waits or calls anybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Literal
from uuid import UUID

import structlog

from bot.render import Piece, with_note
from bot.reply.calls import ReplyRecord
from bot.reply.ladder import Ladder
from bot.reply.screen import Ending, Message, Screen, Step
from bot.words import Language, Sentence, is_one_of, small
from connectors.base import AnswerText, Control, Limits, MessageRef, Part, Shown

log = structlog.get_logger(__name__)

_CUT = Sentence("shown.in_part")
"""The last line of an answer of which the platform takes no more."""
_MOST_MENDS = 2
"""How often a finished part is sent again if the platform shows something else."""


class Phase(Enum):
    """What is done with an answer now."""

    GROWING = "growing"
    """Text comes in, and is shown as it comes."""
    ENDING = "ending"
    """The text is complete: the last edits are being made."""
    CUT = "cut"
    """No more is shown, but the answer has not ended yet: nothing is sent until it does."""
    CLOSING = "closing"
    """No more is shown, and the answer has ended: its messages are edited to say so."""
    ENDED = "ended"
    """Nothing more is sent, except for the small print."""
    ABANDONED = "abandoned"
    """Another process ends the answer: nothing more is sent from here."""


PhaseEvent = Literal["finish", "cut", "settle", "amend", "abandon"]
"""What changes the phase: the answer has ended; no more of it can or should be shown; everything
that can be sent was sent; its end says more than it did; another process has taken the answer
over."""

NEXT: Mapping[PhaseEvent, Mapping[Phase, Phase]] = {
    "finish": {Phase.GROWING: Phase.ENDING, Phase.CUT: Phase.CLOSING},
    "cut": {Phase.GROWING: Phase.CUT, Phase.ENDING: Phase.CLOSING},
    "settle": {Phase.ENDING: Phase.ENDED, Phase.CLOSING: Phase.ENDED},
    "amend": {Phase.ENDED: Phase.ENDING},
    "abandon": dict.fromkeys(Phase, Phase.ABANDONED),
}
"""The phase after each event. An event that is not listed for a phase leaves it as it is."""


@dataclass(frozen=True, slots=True)
class Begun:
    """When a run began, and what another process has already shown of its answer.

    `at_us` is in microseconds since the epoch. `elsewhere`: the other process may still be alive
    and post further parts, so each part is looked for before it is posted. The first `firm`
    messages are known to show the beginning of the answer, and are not edited.
    """

    messages: tuple[Message, ...] = ()
    calls: int = 0
    at_us: int = 0
    elsewhere: bool = False
    firm: int = 0


FROM_THE_START = Begun()
"""Nothing of the answer has been shown before."""


class ReplyState:
    """The state of one reply. What to send next is decided by a `Screen`, later by a `Closing`."""

    def __init__(
        self,
        run_id: UUID,
        question: MessageRef,
        limits: Limits,
        begun: Begun,
        record: ReplyRecord,
        elapsed_us: Callable[[], int],
        language: Language = Language.ENGLISH,
    ) -> None:
        self.phase = Phase.GROWING
        self.over = asyncio.Event()
        """Set once no more of the answer is to be shown: see `gone` and `error`."""
        self.changed = asyncio.Event()
        """Set when there may be something new to send."""
        self.gone = False
        """The reader deleted a part of the answer."""
        self.error: str | None = None
        """Why the rest can't be shown, once that is final."""
        self.unsure: str | None = None
        """Why it is not known what a message shows."""
        self.screen = Screen(run_id, limits, question, begun.messages, begun.firm, language)
        self._language = language
        self.closing: Closing | None = None
        """What ends the messages that stand, from the moment when no more is shown."""
        self.ladder = Ladder()
        self.deleted: set[MessageRef] = set()
        """Messages of this channel that were deleted; whose some of them are is not known yet."""
        self.lost: dict[str, Step] = {}
        """The last post and the last edit that may or may not have been done, by call."""
        self._clock = asyncio.get_running_loop().time
        self.since = self._clock()
        """When the reader last saw something new, in the loop's time (seconds)."""
        self.first_text_us: int | None = None
        self._run_id = run_id
        self._question = question
        self._limits = limits
        self._record = record
        self._elapsed_us = elapsed_us
        self._mends = 0

    # What changes the phase.

    def finish(self, ending: Ending) -> int | None:
        """The answer has ended; returns the first position at which the appended text differs."""
        lost_at = self.screen.end(ending)
        self._enter("finish")
        return lost_at

    def amend(self, note: str) -> bool:
        """A note is added at the end of an answer that is shown; whether it can be."""
        if (ending := self.screen.ending) is None or self.closing is not None:
            return False
        said = "\n\n".join(filter(None, (ending.note, note)))
        self.screen.end(replace(ending, note=said))
        self._enter("amend")
        return True

    def give_up(self, why: str) -> None:
        """The rest can't be shown: the messages are edited to say so, or the asker is told."""
        if self.error is None:
            self.error = why
            log.error("reply.given_up", why=why, unseen=self.unseen)
        self._cut()

    def forget(self, ref: MessageRef) -> bool:
        """A message was deleted; says whether it is a part of the answer.

        Then no more is shown, and the other messages are ended. A deletion is also remembered for
        a post that is not confirmed yet.
        """
        if ref.place.channel == self._question.place.channel:
            self.deleted.add(ref)
        if ref not in self.refs:
            return False
        self.gone = True
        self._cut()
        return True

    def settle(self) -> None:
        """Everything that can be sent was sent."""
        self._enter("settle")

    def abandon(self, why: str) -> None:
        """Another process ends the answer."""
        self.error = self.error or why
        self.unsure = self.unsure or why
        self.over.set()
        self._enter("abandon")

    def _cut(self) -> None:
        self.over.set()
        self.ladder.close()
        if self.closing is None:
            self.closing = Closing(
                self._run_id, self.screen.messages, self._limits, self._question, self.deleted,
                self._language,
            )  # fmt: skip
        self._enter("cut")

    def _enter(self, event: PhaseEvent) -> None:
        self.phase = NEXT[event].get(self.phase, self.phase)
        self.changed.set()

    # What pacing asks of those who wait for a turn.

    @property
    def ended(self) -> bool:
        """The answer is whole; what is missing on the screen is its last edit."""
        return self.phase not in (Phase.GROWING, Phase.CUT)

    @property
    def blank(self) -> bool:
        """Nothing of the answer is shown yet."""
        return not self.screen.messages

    @property
    def unseen(self) -> int:
        """Characters that are here and not on the screen."""
        return self.screen.unseen

    # The messages.

    @property
    def messages(self) -> list[Message]:
        """The messages of the answer, in order."""
        return self.screen.messages if self.closing is None else self.closing.messages

    @property
    def refs(self) -> list[MessageRef]:
        """Where the messages are, in order."""
        return [message.ref for message in self.messages]

    @property
    def unknown(self) -> tuple[str, ...]:
        """Names of the blocks in the platform's answers that the bot can't read."""
        return tuple(sorted({name for message in self.messages for name in message.unknown}))

    def shown_text(self) -> str:
        """The answer as the platform's own answers have it, decoration undone."""
        return self.screen.shown_text(self.messages)

    def next(self) -> Step | None:
        """What to send now; None where there is nothing, or nothing more is to be sent."""
        closing, ending = self.closing, self.screen.ending
        match self.phase:
            case Phase.GROWING | Phase.ENDING:
                return self.screen.next()
            case Phase.CLOSING if closing is not None and ending is not None:
                return closing.next(ending)
            case _:
                return None

    def left_writing(self) -> list[tuple[MessageRef, Part]]:
        """Messages that look, or may look, unfinished; how they should look."""
        closing, ending = self.closing, self.screen.ending
        if self.phase is Phase.CLOSING and closing is not None and ending is not None:
            return closing.left_writing(ending)
        return self.screen.left_writing()

    def tidied(self, part: Part, shown: Shown) -> None:
        """A message that had refused an edit took this one."""
        (self.closing or self.screen).tidied(part, shown)

    # What the platform said to a step.

    def confirm(self, step: Step, shown: Shown) -> None:
        """The platform did it."""
        if shown.unknown:
            log.warning("reply.unknown_blocks", part=step.part.index, blocks=shown.unknown)
        if step.closes and self.closing is not None:
            message = self.closing.confirm(step, shown)
        else:
            message = self._grown(step, shown)
        self.since = self._clock()
        if self.first_text_us is None and step.piece.body:
            self.first_text_us = self._elapsed_us()
            log.info("reply.first_text", after_us=self.first_text_us)
        self._record.message(step.part.index, message)
        if any(_alike(heard, shown.ref) for heard in self.deleted):
            self.forget(shown.ref)

    def _grown(self, step: Step, shown: Shown) -> Message:
        sure = step.call == "edit" or step.call not in self.lost
        self.lost.pop(step.call, None)
        message = self.screen.confirm(step, shown, sure=sure, again=self._to_mend(step, shown))
        if self.closing is not None:  # the answer was cut while the call was in flight
            self.closing.take(message)
        return message

    def _to_mend(self, step: Step, shown: Shown) -> bool:
        """Whether to send a finished part again because the platform shows something else."""
        if step.part.firm is not None or self.screen.shows(step, shown):
            self._mends = 0
            return False
        self._mends += 1
        log.warning("reply.shown_otherwise", part=step.part.index, times=self._mends)
        return self._mends <= _MOST_MENDS

    def doubt(self, step: Step) -> None:
        """The step may or may not have been done."""
        self.lost[step.call] = step
        self.screen.doubt(step)

    def found(self, step: Step, shown: Shown) -> None:
        """A part is there although no post of it is known; which version of it is not known."""
        self.lost["post"] = step
        self.confirm(step, shown)


def _alike(heard: MessageRef, ref: MessageRef) -> bool:
    """Whether both are the same message; a deletion may not say in which thread it was."""
    where = (heard.place.workspace, heard.place.channel, heard.id)
    return where == (ref.place.workspace, ref.place.channel, ref.id)


# The messages of an answer that was cut: they are ended, and the last one says what happened.


class Closing:
    """Takes the place of a screen. `next` says what to send, `confirm` that the platform did it.

    No message offers to stop any more; the last one says that the answer is cut, unless the reader
    deleted a part of it, and offers what the ending does.
    """

    def __init__(
        self,
        run_id: UUID,
        messages: Sequence[Message],
        limits: Limits,
        about: MessageRef | None,
        deleted: Collection[MessageRef],
        language: Language = Language.ENGLISH,
    ) -> None:
        self._run_id = run_id
        self._limits = limits
        self._about = about
        self._language = language
        self._deleted = deleted
        self._refused: set[MessageRef] = set()
        self.messages = list(messages)
        """All messages of the answer, in order."""

    @property
    def told(self) -> bool:
        """Whether the reader can see that the answer is cut."""
        return bool(self.messages) and _says_cut(self.messages[-1].piece)

    def next(self, ending: Ending) -> Step | None:
        """The next call; None once every message is ended that takes an edit."""
        for at, message in enumerate(self.messages):
            if message.ref in self._deleted or message.ref in self._refused:
                continue
            step = self._step(at, message, ending)
            if message.part != step.part:
                return step
        return None

    def confirm(self, step: Step, shown: Shown) -> Message:
        """The platform did it."""
        message = Message(shown.ref, step.part, step.piece, shown.text, shown.unknown)
        self.take(message)
        return message

    def take(self, message: Message) -> None:
        """A message as it was confirmed last."""
        refs = [each.ref for each in self.messages]
        at = refs.index(message.ref) if message.ref in refs else len(refs)
        self.messages[at : at + 1] = [message]

    def refuse(self, step: Step) -> None:
        """The message takes no more edits."""
        if step.ref is not None:
            self._refused.add(step.ref)

    def left_writing(self, ending: Ending) -> list[tuple[MessageRef, Part]]:
        """Messages that look, or may look, unfinished; how they should look.

        What such a message says stays as it is: it may be other words that the platform refuses.
        """
        return [
            (message.ref, self._part(at, message, message.standing, ending))
            for at, message in enumerate(self.messages)
            if message.ref not in self._deleted and message.writing
        ]

    def tidied(self, part: Part, shown: Shown) -> None:
        """A message that had refused an edit took this one."""
        for message in self.messages:
            if message.ref == shown.ref:
                self.take(message.tidied(part, shown))

    @property
    def _a_part_is_gone(self) -> bool:
        return any(message.ref in self._deleted for message in self.messages)

    def _step(self, at: int, message: Message, ending: Ending) -> Step:
        last = at == len(self.messages) - 1
        standing = message.standing
        piece = self._noted(standing) if last and not self._a_part_is_gone else standing
        part = self._part(at, message, piece, ending)
        return Step("edit", at, piece, part, message.ref, closes=True)

    def _part(self, at: int, message: Message, piece: Piece, ending: Ending) -> Part:
        last = at == len(self.messages) - 1
        return Part(
            run_id=self._run_id,
            index=at,
            text=AnswerText(piece.text),
            controls=_controls(ending) if last else (),
            last=last,
            literal=message.literal,
            about=self._about,
            language=self._language,
            failed=last and ending.failed,
        )

    def _noted(self, piece: Piece) -> Piece:
        if _says_cut(piece):
            return piece
        noted, *further = with_note([piece], small(_CUT, self._language), self._limits)
        return piece if further else noted


def _says_cut(piece: Piece) -> bool:
    """Whether a part ends in words of ours, in whatever language, that say that more is missing."""
    return is_one_of(piece.tail.rpartition("\n")[2].strip("_"), _CUT.id)


def _controls(ending: Ending) -> tuple[Control, ...]:
    """An answer that is not shown whole can be asked for again, whatever the model said."""
    if Control.RETRY in ending.controls:
        return ending.controls
    return (Control.RETRY, *(each for each in ending.controls if each is Control.CONTINUE))
