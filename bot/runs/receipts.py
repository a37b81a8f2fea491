"""The receipt: what was generated, what was recorded and what is shown, compared.

Three witnesses that know nothing of each other: the provider's own reading, the token log read
back, and the platform's own answers. The verdict is stored with the run.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from bot.render import Piece, first_difference, layout, restore
from bot.reply import Message
from bot.runs.files import FileProof, of_files, proof
from bot.runs.masking import MaskTally
from bot.store import FileRow, MessageRow, Recorded, RunRow, RunStart, Store
from bot.tools import CallTally
from bot.words import Sentence, english
from connectors.base import (
    AnswerFile,
    AnswerText,
    Connector,
    ConnectorError,
    Control,
    Gone,
    MessageRef,
    Part,
    SendsFiles,
    Shown,
    Unavailable,
)
from connectors.markdown import VERSION, form, plain


class Verdict(StrEnum):
    """What the comparison found."""

    VERIFIED = "verified"
    MENDED = "mended"
    BROKEN = "broken"
    UNPROVEN = "unproven"


@dataclass(frozen=True, slots=True)
class Witness:
    """One text, by its length in characters and its SHA-256."""

    chars: int
    sha256: str

    @classmethod
    def of(cls, text: str) -> Witness:
        """Measures a text."""
        return cls(len(text), hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest())


@dataclass(frozen=True, slots=True)
class Fault:
    """A link of the chain that lost or changed something, and where.

    `recorded` is the token log, `delivered` the way from the model to the reply's buffer,
    `shown` the screen, `tools` the way from the record of calls to the model, `files` the way of a
    file to its platform. `position` is the first character that differs, if it is known.
    """

    link: Literal["recorded", "delivered", "shown", "tools", "files"]
    position: int | None
    detail: str

    def __str__(self) -> str:
        where = "" if self.position is None else f" at character {self.position}"
        return f"{self.link}{where}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The verdict on one run, and what it stands on. A witness is None where it can't be had."""

    verdict: Verdict
    generated: Witness | None
    recorded: Witness | None
    shown: Witness | None
    faults: tuple[Fault, ...] = ()
    unproven: str = ""
    """Why the comparison could not be made in full."""
    plain: int = VERSION
    """By which version of the normal form (`connectors.markdown.plain`) what is shown was compared:
    `shown` is the Markdown of which all can be read."""
    unknown: tuple[str, ...] = ()
    """The blocks of the platform's answer, by name, of which it can't be said what they show."""
    calls: CallTally | None = None
    """The tool calls; None where there were none."""
    files: tuple[FileProof, ...] = ()
    """The files that are a part of the answer."""
    masks: MaskTally | None = None
    """What services saw placeholders for; None where nothing is masked."""
    late: bool = False
    """Whether the token log was away at the run's end, and the comparison was made afterwards."""

    def as_dict(self) -> dict[str, Any]:
        """As it is stored and printed."""
        return {**asdict(self), "faults": [asdict(fault) for fault in self.faults]}


@dataclass(frozen=True, slots=True)
class Evidence:
    """A witness's text, or why there is none. `broken` says that its link is at fault for that.

    `unknown` names the blocks that the witness can't read; `later`: there may be a text later.
    """

    text: str | None
    reason: str = ""
    broken: bool = False
    unknown: tuple[str, ...] = ()
    later: bool = False


def of_log(recorded: Recorded, tokens: int, reason: str = "") -> Evidence:
    """What the token log says, of whose `tokens` it should have every one."""
    if recorded.first_missing is not None:
        reason = f"token {recorded.first_missing} is missing"
    elif recorded.count != tokens:
        reason = reason or f"{recorded.count} tokens of {tokens}"
    return Evidence(recorded.text, reason, broken=recorded.count != tokens)


def of_screen(text: str, reason: str = "", unknown: Sequence[str] = ()) -> Evidence:
    """What the messages show; nothing is known of that where they have `unknown` blocks."""
    if unknown:
        return Evidence(None, f"the platform shows {', '.join(unknown)}", unknown=tuple(unknown))
    return Evidence(text, reason)


def compare(
    generated: str,
    recorded: Evidence,
    shown: Evidence,
    delivery_lost_at: int | None = None,
    delivery_fault: str | None = None,
    calls: CallTally | None = None,
    files: Sequence[FileProof] = (),
    masks: MaskTally | None = None,
) -> Receipt:
    """Compares the three texts, and the files.

    A break of the record or of the screen is `broken`; a loss on the way to the reply's buffer
    that the last edit made good is `mended`.
    """
    faults = [
        *_difference("recorded", generated, recorded),
        *_delivery(delivery_lost_at, delivery_fault),
        *_difference("shown", generated, shown),
        *([] if calls is None else _calls(calls)),
        *(fault for file in files for fault in _of_file(file)),
    ]
    unknown = [t.reason for t in (recorded, shown) if t.text is None and not t.broken]
    unknown += [f"{file.name} can't be read back" for file in files if file.unproven]
    return Receipt(
        verdict=_verdict(faults, bool(unknown)),
        generated=Witness.of(generated),
        recorded=_witness(recorded),
        shown=_witness(shown),
        faults=tuple(faults),
        unproven="; ".join(unknown),
        unknown=shown.unknown,
        calls=calls,
        files=tuple(files),
        masks=masks,
    )


def _of_file(file: FileProof) -> list[Fault]:
    """What was made has to be what is recorded, and what readers get."""
    if file.whole or (file.unproven and file.generated == file.recorded):
        return []
    if file.reason is not None:
        return [Fault("files", None, f"{file.name}: {english(Sentence(file.reason))}")]
    where = "recorded" if file.generated != file.recorded else "shown"
    return [Fault("files", None, f"{file.name}: what is {where} is not what was made")]


def _calls(calls: CallTally) -> list[Fault]:
    """What the model was given has to be what is recorded as a server's answer."""
    if calls.given + calls.unused == calls.answered:
        return []
    detail = f"of {calls.answered} answers the model was given {calls.given} as recorded"
    return [Fault("tools", None, detail)]


def links(
    receipt: Receipt, delivered: str, shown: str | None
) -> Iterator[tuple[str, Witness | None]]:
    """Each link of a token's way, and the text that it had; None where that can't be had.

    Provider, recording and delivery have the source; the platform's is what can be read of what
    is `shown`, in the normal form: it is the same as of the source where all of it arrived.
    """
    yield "provider", receipt.generated
    yield "recording", receipt.recorded
    yield "delivery", Witness.of(delivered)
    readable = None if receipt.shown is None or shown is None else "\n".join(plain(shown))
    yield "platform", None if readable is None else Witness.of(readable)


def summary(receipt: Receipt, tokens: int) -> Sentence:
    """The receipt in few words, for the small print under an answer."""
    count = Sentence("count.token" if tokens == 1 else "count.tokens", {"count": tokens})
    said = _verdict_of(receipt, count)
    if receipt.calls is not None:
        said = Sentence("calls.below", {"receipt": said, "calls": _of_calls(receipt.calls)})
    if receipt.files:
        said = Sentence("files.below", {"receipt": said, "files": of_files(receipt.files)})
    return said


def _verdict_of(receipt: Receipt, count: Sentence) -> Sentence:
    match receipt.verdict:
        case Verdict.VERIFIED:
            return Sentence("receipt.verified", {"count": count})
        case Verdict.MENDED:
            return Sentence("receipt.mended", {"count": count})
        case Verdict.UNPROVEN:
            return Sentence("receipt.unproven", {"count": count, "why": _why_unproven(receipt)})
        case Verdict.BROKEN:
            return Sentence("receipt.broken", {"count": count, "why": _where_broken(receipt)})


def _why_unproven(receipt: Receipt) -> Sentence:
    """Why nothing is proven, for readers; `runs show` has more of it."""
    if receipt.unknown:
        return Sentence("unproven.blocks", {"blocks": ", ".join(receipt.unknown)})
    return Sentence("unproven.recorded" if receipt.recorded is None else "unproven.shown")


def _where_broken(receipt: Receipt) -> Sentence:
    """Where the first thing was lost, for readers."""
    fault = receipt.faults[0]
    where = Sentence(f"fault.{fault.link}")
    if fault.position is None:
        return where
    return Sentence("fault.at", {"where": where, "position": fault.position})


def _of_calls(calls: CallTally) -> Sentence:
    count = Sentence("count.call" if calls.asked == 1 else "count.calls", {"count": calls.asked})
    if calls.whole:
        return Sentence("calls.whole", {"count": count})
    allowed, sent, answered = calls.allowed, calls.sent, calls.answered
    return Sentence(
        "calls.partly", {"count": count, "allowed": allowed, "sent": sent, "answered": answered}
    )


def worth_saying(receipt: Receipt, tokens: int) -> bool:
    """Whether a reader is shown the receipt: of an answer of no tokens it says nothing."""
    return bool(tokens or receipt.files) or receipt.verdict is Verdict.BROKEN


def _verdict(faults: Sequence[Fault], unknown: bool) -> Verdict:
    if any(fault.link != "delivered" for fault in faults):
        return Verdict.BROKEN
    if unknown:
        return Verdict.UNPROVEN
    return Verdict.MENDED if faults else Verdict.VERIFIED


def _difference(
    link: Literal["recorded", "shown"], generated: str, evidence: Evidence
) -> list[Fault]:
    text = generated if evidence.text is None else evidence.text
    position = first_difference(generated, text)
    if position is None:
        return [Fault(link, None, evidence.reason)] if evidence.broken else []
    detail = f"{len(text)} characters against {len(generated)} generated"
    reason = f" ({evidence.reason})" if evidence.reason else ""
    return [Fault(link, position, detail + reason)]


def _delivery(lost_at: int | None, fault: str | None) -> list[Fault]:
    if lost_at is None and fault is None:
        return []
    return [Fault("delivered", lost_at, fault or "the reply's buffer lacked text")]


def _witness(evidence: Evidence) -> Witness | None:
    return None if evidence.text is None else Witness.of(evidence.text)


# The three-way comparison once more, long after the run: the screen is read back.


async def verify(row: RunRow, store: Store, connector: Connector | None) -> Receipt:
    """Compares a run's generated text, its token log, and what its platform shows now.

    `connector` is None where the run's platform is not configured here. Raises
    `StoreUnavailable`.
    """
    if row.end is None:
        return _unproven("the run has not ended: it is under way, or its process died")
    if row.text_deleted_us is not None:
        return _unproven("its text was deleted when its time was over")
    recorded = of_log(await store.tokens.recorded(row.start.run_id), row.end.tokens)
    files = [
        await _read_back(row.start, each, store, connector)
        for each in await store.files.of_run(row.start.run_id)
    ]
    shown = await _shown(row, store, connector)
    return compare(row.end.generated_text, recorded, shown, files=files)


async def _read_back(
    start: RunStart, row: FileRow, store: Store, connector: Connector | None
) -> FileProof:
    """A file as it is recorded, and as the platform hands it out now."""
    found = await proof(store.files, start.run_id, row, row.sha256)
    content = await store.files.content(start.run_id, row.sha256)
    messages = await store.messages.read(start.run_id)
    if not (row.state == "shown" and isinstance(connector, SendsFiles) and content and messages):
        return replace(found, shown=None)
    file = AnswerFile(row.name, row.media_type, content, row.sha256)
    try:
        sent = await connector.attached(messages[-1].ref, file, row.upload or "")
    except ConnectorError:
        return replace(found, shown=None)
    if sent is None:
        return replace(found, shown=None, state="refused", reason="out.gone")
    return replace(found, shown=sent.sha256)


def _unproven(reason: str) -> Receipt:
    return Receipt(Verdict.UNPROVEN, None, None, None, unproven=reason)


async def _shown(row: RunRow, store: Store, connector: Connector | None) -> Evidence:
    if connector is None:
        return Evidence(
            None, f"{row.start.place.connector} is not set up here, so it can't be read back"
        )
    messages = await store.messages.read(row.start.run_id)
    pieces = pieces_of(messages, "" if row.end is None else row.end.generated_text)
    try:
        shown = [await connector.read(message.ref) for message in messages]
    except Gone:
        return Evidence(None, "a message of the answer was deleted")
    except ConnectorError as error:
        return Evidence(None, str(error))
    text = restore(pieces, [each.text for each in shown])
    return of_screen(text, unknown=sorted({name for each in shown for name in each.unknown}))


def pieces_of(messages: Sequence[MessageRow], generated: str) -> list[Piece]:
    """The parts with the slices of a generated text that their messages are to show."""
    pieces, at = [], 0
    for m in messages:
        start = at + len(m.lead)
        body = generated[start : start + (m.chars or 0)]
        pieces.append(Piece(m.lead, m.head, body, m.tail, m.trail))
        at = start + len(body) + len(m.trail)
    return pieces


# What a process that died has left of an answer on the screen.


LOOK_DEADLINE_S = 60.0
_BARE = Piece("", "", "", "", "")


async def standing(
    run_id: UUID,
    question: MessageRef,
    connector: Connector,
    since_us: int,
    known: Sequence[MessageRow] = (),
    text: str = "",
) -> tuple[Message, ...]:
    """The messages of an answer: the known ones, and those whose posting nobody noted any more.

    `text` is what is known of the answer, `since_us` when it began at the earliest. Raises
    `ConnectorError`.
    """
    limits = connector.limits.at(question.place)
    there = dict(zip((row.part for row in known), as_known(known, text), strict=True))
    texts = [piece.text for piece in layout(text, limits)]
    messages: list[Message] = []
    index, last = 0, -1
    while True:
        if index in there:
            messages.append(there[index])
        else:
            begins = texts[index] if index < len(texts) else ""
            part = Part(run_id, index, AnswerText(begins), (Control.STOP,), about=question)
            found = await _found(connector, question, part, since_us)
            if found is not None:
                last = index
                messages.append(Message(found.ref, None, _BARE, found.text))
            elif index > max([*there, last]) + 1:  # the one before may have been deleted
                return tuple(messages)
        index += 1


def as_known(known: Sequence[MessageRow], text: str) -> tuple[Message, ...]:
    """The messages of an answer of which `text` is known, as they were confirmed last."""
    return tuple(
        Message(row.ref, None, piece, form(piece.text))
        for row, piece in zip(known, pieces_of(known, text), strict=True)
    )


async def _found(
    connector: Connector, question: MessageRef, part: Part, since_us: int
) -> Shown | None:
    key = f"{part.run_id}:{part.index}"
    try:
        async with asyncio.timeout(LOOK_DEADLINE_S):
            return await connector.find(question.place, part, key, since_us)
    except TimeoutError as error:
        raise Unavailable(f"no answer within {LOOK_DEADLINE_S:g} s") from error
