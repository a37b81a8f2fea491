"""What stands of an answer of which no more is shown: it is ended, and says what became of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from bot.render import Piece, with_note
from bot.reply.screen import Ending, Message, Step
from bot.words import Sentence, english
from connectors.base import Control, Limits, MessageRef, Part, Shown

_CUT = f"_{english(Sentence('shown.in_part'))}_"
"""Said below what stands where the platform takes no more of the answer."""


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
    ) -> None:
        self._run_id = run_id
        self._limits = limits
        self._about = about
        self._deleted = deleted
        self._refused: set[MessageRef] = set()
        self.messages = list(messages)
        """All messages of the answer, in order."""

    @property
    def told(self) -> bool:
        """Whether the reader can see that the answer is cut."""
        return bool(self.messages) and self.messages[-1].piece.tail.endswith(_CUT)

    def next(self, ending: Ending) -> Step | None:
        """The next call; None where what stands is ended, as far as the platform takes it."""
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
        return Step("edit", at, piece, self._part(at, message, piece, ending), message.ref)

    def _part(self, at: int, message: Message, piece: Piece, ending: Ending) -> Part:
        last = at == len(self.messages) - 1
        return Part(
            run_id=self._run_id,
            index=at,
            text=piece.text,
            controls=_controls(ending) if last else (),
            last=last,
            literal=message.literal,
            about=self._about,
        )

    def _noted(self, piece: Piece) -> Piece:
        if piece.tail.endswith(_CUT):
            return piece
        noted, *further = with_note([piece], _CUT, self._limits)
        return piece if further else noted


def _controls(ending: Ending) -> tuple[Control, ...]:
    """An answer that is not shown whole can be asked for again, whatever the model said."""
    if Control.RETRY in ending.controls:
        return ending.controls
    return (Control.RETRY, *(each for each in ending.controls if each is Control.CONTINUE))
