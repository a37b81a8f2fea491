"""What is on the screen, what should be, and the next call that brings the two together.

Nothing here waits or calls anybody. The next part is posted before an earlier one gives up its
tail, so the joined text never shrinks, except for closing marks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate
from typing import Literal, NamedTuple
from uuid import UUID

from bot.render import (
    Layout,
    Piece,
    Thoughts,
    Unfinished,
    as_seen,
    as_sent,
    first_difference,
    for_literal,
    literal,
    restore,
    shows_below,
    smaller,
    with_note,
)
from bot.words import Language, Sentence, small
from connectors.base import AnswerText, Control, Limits, MessageRef, Part, Shown
from connectors.markdown import form

_END = Sentence("shown.end")
"""Said in a new message where nothing but the end is missing, and no edit can show it."""
_UNKNOWN = Piece("", "", "", "", "")
_SURPLUS = Piece(lead="", head="", body="", tail="—", trail="")
"""What a part shows that turned out to be one too many: a dash, for parts can't be taken back."""


class Mark(NamedTuple):
    """A line of ours that stands after so many characters of the answer."""

    at: int
    text: str


@dataclass(frozen=True, slots=True)
class Ending:
    """How an answer ends on the screen: its whole text, a note, and what can be pressed then."""

    text: str
    note: str = ""
    controls: tuple[Control, ...] = ()
    marks: tuple[Mark, ...] | None = None
    """Where lines of ours stand within the text; None: where the reply was told that they do."""
    failed: bool = False
    """Whether the note tells of an error."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the answer, as the platform last confirmed it.

    `part` is None where it is not known which version stands: a post whose answer was lost, or
    another process's message.
    """

    ref: MessageRef
    part: Part | None
    piece: Piece
    shown: str
    unknown: tuple[str, ...] = ()
    """Blocks of the platform's answer of which nobody knows what they show."""
    may_show: int = 0
    """Characters of the longest body that an edit may have given it whose answer was lost."""

    @property
    def writing(self) -> bool:
        """It looks, or may look, as if it were being written: what is not known may say so."""
        return self.part is None or Control.STOP in self.part.controls

    @property
    def literal(self) -> bool:
        """It is shown as code, as far as that is known."""
        standing = self.standing
        return standing == literal(standing) if self.part is None else self.part.literal

    @property
    def standing(self) -> Piece:
        """What to keep when it is ended: as recorded, or else what the platform shows, as code."""
        if self.piece.text.strip():
            return self.piece
        return literal(Piece("", "", self.shown, "", ""))

    def tidied(self, part: Part, shown: Shown) -> Message:
        """The same after it took an edit of its controls alone."""
        return replace(self, part=part, shown=shown.text, unknown=shown.unknown)


@dataclass(frozen=True, slots=True)
class Step:
    """A call that brings the screen closer to the answer; `at` counts the editable messages.

    `ref` is the message that it edits; None where it posts one. `closes`: no more of the answer is
    shown, and the step ends a message that stands.
    """

    call: Literal["post", "edit"]
    at: int
    piece: Piece
    part: Part
    ref: MessageRef | None = None
    closes: bool = False


class Screen:
    """An answer's messages. `next` says what to send, `confirm` what the platform answered."""

    def __init__(
        self,
        run_id: UUID,
        limits: Limits,
        about: MessageRef | None = None,
        standing: Sequence[Message] = (),
        firm: int = 0,
        language: Language = Language.ENGLISH,
    ) -> None:
        """`standing` are messages that stand already; each is edited once at least.

        The first `firm` of them show the beginning of the answer, and will show no more of it.
        """
        self.ending: Ending | None = None
        self._part = partial(Part, run_id, about=about, language=language)
        self._limits = limits
        self._language = language
        self._frozen: list[Message] = list(standing[:firm])
        before = _text(message.piece for message in self._frozen)
        self._layout = Layout(limits, before)
        self._shown_before = len(before)
        self._unfinished = Unfinished()
        self._marks: list[Mark] = []
        self._thoughts = Thoughts(self._limits, self._language)
        self._messages: list[Message] = list(standing[firm:])
        self._complete = 0  # so many leading messages are as they will stay
        self._literal = False  # as code: the platform refuses what is read as Markdown
        self._length = 0
        self.position = 0
        """Characters of the answer that are shown."""

    @property
    def messages(self) -> list[Message]:
        """All messages of the answer, in order."""
        return self._frozen + self._messages

    def left_writing(self) -> list[tuple[MessageRef, Part]]:
        """Frozen messages that look, or may look, unfinished; how they should look."""
        return [
            (message.ref, self._as_it_stands(index, message))
            for index, message in enumerate(self._frozen)
            if message.writing
        ]

    def _as_it_stands(self, index: int, message: Message) -> Part:
        literal, text = message.literal, message.standing.text
        return self._part(index, AnswerText(text), literal=literal)

    def tidied(self, part: Part, shown: Shown) -> None:
        """A frozen message took an edit after all; what it shows may have changed by that."""
        self._frozen = [m.tidied(part, shown) if m.ref == shown.ref else m for m in self._frozen]

    @property
    def unseen(self) -> int:
        """Characters that are here and not shown."""
        return max(0, self._length - self.position)

    def append(self, text: str) -> None:
        """Takes the answer's next characters."""
        self._layout.append(text[max(0, self._shown_before - self._length) :])
        self._length += len(text)

    def mark(self, text: str) -> None:
        """A line of ours stands here."""
        self._marks.append(Mark(self._length, text))
        if self._length >= self._shown_before:
            self._layout.mark(text)

    def think(self, text: str) -> None:
        """Takes the next characters of what is shown before the answer; none once that began."""
        if not (self._length or self._shown_before):
            self._thoughts.append(text)

    @property
    def text(self) -> str:
        """The text that was appended so far."""
        return _text(message.piece for message in self._frozen) + self._layout.text

    def end(self, ending: Ending) -> int | None:
        """No more text will come, and `ending.text` is the whole of it.

        Where what was appended differs from that, it is replaced; returns the first position that
        differs.
        """
        self.ending = ending
        frozen = _text(message.piece for message in self._frozen)
        lost_at = first_difference(self.text, ending.text)
        marked_otherwise = self._marked_otherwise(ending)
        if lost_at is not None or marked_otherwise:
            self._begin(ending.text.removeprefix(frozen), len(frozen))
            self._length = len(ending.text)
        return lost_at

    def _marked_otherwise(self, ending: Ending) -> bool:
        """Takes the marks of an ending; says whether others stand. What begins an answer stays."""
        before = list(self._marks)
        if ending.marks is not None:
            self._marks = [*(mark for mark in before if mark.at == 0), *ending.marks]
        return self._marks != before

    def next(self) -> Step | None:
        """The next call; None where the screen shows all that there is."""
        pieces = self._target()
        for at in range(self._complete, len(pieces)):
            if at >= len(self._messages):
                return self._step("post", at, pieces)
            sent = self._messages[at]
            step = self._step("edit", at, pieces)
            if sent.part == step.part:
                continue
            if self._gives_up_tail(sent, step) and at + 1 == len(self._messages) < len(pieces):
                return self._step("post", at + 1, pieces)
            return step
        return None

    def _gives_up_tail(self, sent: Message, step: Step) -> bool:
        """Whether a message shows more than it is to show."""
        if max(len(sent.piece.body), sent.may_show) > len(step.piece.body):
            return True
        # Which version stands is not known: an earlier one may have more than this part.
        return sent.part is None and len(sent.shown) > len(form(step.part.text))

    def doubt(self, step: Step) -> None:
        """The answer to a step was lost: it may have had its effect all the same."""
        for at, message in enumerate(self._messages):
            if message.ref == step.ref:
                longest = max(message.may_show, len(step.piece.body))
                self._messages[at] = replace(message, may_show=longest)

    def confirm(
        self, step: Step, shown: Shown, *, sure: bool = True, again: bool = False
    ) -> Message:
        """The platform did it. `sure` is false where an earlier try may be what it shows.

        `again` is true where the part is to be sent once more.
        """
        part = step.part if sure and not again else None
        piece = step.piece if sure else self._seen(step.piece, shown.text)
        message = Message(shown.ref, part, piece, shown.text, shown.unknown)
        self._messages[step.at : step.at + 1] = [message]
        self._advance()
        return message

    def shows(self, step: Step, shown: Shown) -> bool:
        """Whether the platform's answer to a step is what the message is to show.

        What has unknown blocks may show anything: it is taken to show what it should.
        """
        return bool(shown.unknown) or self._is_shown(step.part.text, shown.text)

    def shown_otherwise(self, step: Step) -> str | None:
        """What the message of an edit shows, where that is not what it was sent last."""
        last = self._messages[step.at]
        sent = last.piece if last.part is None else last.part
        return None if self._is_shown(sent.text, last.shown) else last.shown

    def freeze(self, step: Step, shown: str | None = None) -> Message:
        """A message can't be edited any more: what it has not got is shown below it. Returns it.

        `shown` is what it shows where that is not what was confirmed last.
        """
        return self._freeze(step.at, step.piece, shown)

    @property
    def has_twice(self) -> bool:
        """Whether a message that can be edited still shows what one above it shows, too."""
        return any(not self._is_shown(each.piece.text, each.shown) for each in self._messages)

    def shrink(self) -> list[Message]:
        """The platform refuses what it should take: from here on parts are half as long.

        Returns the messages that stay as they are for that.
        """
        self._limits = smaller(self._limits)
        return self._go_on_below()

    def as_literal(self) -> list[Message]:
        """The platform refuses Markdown: from here on parts are blocks of code. Like `shrink`."""
        self._literal = True
        return self._go_on_below()

    def _go_on_below(self) -> list[Message]:
        """What stands stays as it is, and the rest is laid out below it."""
        if self._messages:
            last = len(self._messages) - 1
            self._freeze(last, self._messages[last].piece, None)
        else:
            rest, position = self._layout.text, sum(m.piece.extent for m in self._frozen)
            self._thoughts = Thoughts(self._limits, self._language)
            self._begin(rest, position)
        return self._frozen

    def _freeze(self, at: int, wanted: Piece, shown: str | None) -> Message:
        before, last = self._messages[:at], self._messages[at]
        start = sum(message.piece.extent for message in before)
        rest = self._layout.text[start:]
        piece = last.piece
        if shown is None and not piece.text.strip():  # not recorded: the platform's text says it
            shown, wanted = last.shown, replace(wanted, lead="", body=rest, tail="", trail="")
        above = _text(message.piece for message in (*self._frozen, *before))
        if shown is not None and not shows_below(shown, piece, above):
            whole = replace(wanted, body=rest[len(wanted.lead) :], tail="")
            # The edit that was refused may have been taken at an earlier try, note and all.
            taken = self._is_shown(wanted.text, shown)
            piece = wanted if taken else self._seen(whole, shown)
            last = replace(last, shown=shown)
        last = replace(last, piece=replace(piece, trail=""))
        rest = rest[last.piece.extent :]
        laid_out = sum(piece.extent for piece in self._pieces()[: at + 1])
        begins = (laid_out - start - last.piece.extent, len(piece.trail))
        self._frozen += [*before, last]
        self._messages = self._messages[at + 1 :]
        self._messages[:1] = [_placed(message, rest, begins) for message in self._messages[:1]]
        self._thoughts = Thoughts(self._limits, self._language)
        self._begin(rest, sum(m.piece.extent for m in self._frozen))
        return last

    def shown_text(self, messages: Sequence[Message]) -> str:
        """The answer as the platform's own answers have it, decoration undone."""
        shown = [message.shown for message in messages]
        return restore([m.piece for m in messages], shown)

    def _is_shown(self, text: str, shown: str) -> bool:
        return shown == form(text)

    def _seen(self, piece: Piece, text: str) -> Piece:
        """The piece as a message shows it; who sent that may have had to send it as code."""
        seen, code = as_seen(piece, text), as_seen(literal(piece), text)
        if seen is piece:
            return piece
        was_code = piece.head == literal(piece).head
        as_code = was_code or len(code.body) > len(seen.body)
        return literal(replace(code, tail="")) if as_code else seen

    def _begin(self, text: str, position: int) -> None:
        """Lays out what stands from a position on."""
        limits = for_literal(self._limits) if self._literal else self._limits
        before = _text(message.piece for message in self._frozen)
        self._layout, at = Layout(limits, before), 0
        for mark in self._marks:
            if mark.at >= position:
                self._layout.append(text[at : mark.at - position])
                self._layout.mark(mark.text)
                at = mark.at - position
        self._layout.append(text[at:])
        self._complete = 0

    def _pieces(self) -> list[Piece]:
        return [*self._thoughts.pieces(), *self._drawn(self._layout.pieces())]

    def _drawn(self, pieces: Sequence[Piece]) -> Sequence[Piece]:
        return [literal(piece) for piece in pieces] if self._literal else pieces

    def _fixed(self) -> list[Piece]:
        """The parts that will stay as they are."""
        if self._layout.pieces():
            return [*self._thoughts.pieces(), *self._drawn(self._layout.fixed)]
        return self._thoughts.fixed()

    def _target(self) -> list[Piece]:
        """The parts as they should be shown now, one for each message at least."""
        pieces = self._pieces()
        if self.ending is None:
            return pieces
        end = small(_END, self._language) if self._frozen and not pieces else ""
        if note := self.ending.note or end:
            pieces = with_note(pieces, note, self._limits)
        if pieces and not self._layout.pieces():
            pieces[-1] = replace(pieces[-1], lead=self._layout.text)  # white space is all there is
        return pieces + [_SURPLUS] * (len(self._messages) - len(pieces))

    def _step(self, call: Literal["post", "edit"], at: int, pieces: Sequence[Piece]) -> Step:
        piece, newest = pieces[at], at == len(pieces) - 1
        text, firm = piece.text, None
        controls: tuple[Control, ...] = ()
        if newest and self.ending is None:
            unfinished = piece.body and not self._literal
            text = self._unfinished.close(piece.text) if unfinished else piece.text
            controls = (Control.STOP,)
            piece = as_sent(piece, text)
            firm = len(piece.head) + len(piece.body)
        elif newest and self.ending is not None:
            controls = self.ending.controls
        part = self._part(
            index=len(self._frozen) + at,
            text=AnswerText(text),
            controls=controls,
            last=newest and self.ending is not None,
            firm=firm,
            literal=self._literal,
            failed=newest and self.ending is not None and self.ending.failed,
        )
        ref = self._messages[at].ref if call == "edit" else None
        return Step(call, at, piece, part, ref)

    def _advance(self) -> None:
        """Counts the messages that will stay as they are, and the characters that are shown."""
        fixed = self._fixed()
        while self._complete < min(len(fixed), len(self._messages)):
            part = self._messages[self._complete].part
            if part is None or part.controls or part.text != fixed[self._complete].text:
                break
            self._complete += 1
        self.position = self._shown_up_to()

    def _shown_up_to(self) -> int:
        # Parts overlap while the earlier one has not given up its tail: the sum would be too much.
        starts = accumulate((piece.extent for piece in self._pieces()), initial=0)
        ends = [at + m.piece.extent for at, m in zip(starts, self._messages, strict=False)]
        return sum(message.piece.extent for message in self._frozen) + max(ends, default=0)


def _placed(message: Message, rest: str, begins: Iterable[int]) -> Message:
    """A message below one that took no more edits, which accounts for `rest` from its start.

    It may begin further down, below white space, at one of `begins`; or further up, with what the
    message above did not give up. Otherwise what it shows is unknown, and is read again.
    """
    piece, own = message.piece, message.piece.lead + message.piece.body
    for at in begins:
        if rest.startswith(own[max(0, -at) :], max(0, at)) and not rest[: max(0, at)].strip():
            lead, body = rest[: max(0, at)], own[max(0, -at) :]
            return replace(message, piece=replace(piece, lead=lead, body=body))
    return replace(message, part=None, piece=_UNKNOWN)


def _text(pieces: Iterable[Piece]) -> str:
    return "".join(piece.lead + piece.body + piece.trail for piece in pieces)
