"""What a model is given: the system prompt, the newest of the conversation that fits, and the
files of the question.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, takewhile
from typing import Literal
from uuid import UUID

import structlog

from bot.attachments import DocumentReader, FileLimits, Reading, as_prompt, choose, kind_of, line
from bot.runs.usage import IMAGE_TOKENS, Caps, NotAnswerable, estimated_tokens
from bot.store import Answer, RunRow, RunStart, Store, StoreUnavailable, storable
from bot.words import Sentence, listed
from connectors.base import (
    Asked,
    Connector,
    ConnectorError,
    File,
    Incomplete,
    MessageRef,
    Person,
    Said,
    TooLarge,
)
from providers.base import GO_ON, Image, Provider, Request, Turn

log = structlog.get_logger(__name__)

FETCH_DEADLINE_S = 30.0
_LEAST_TOKENS = 50
"""A file of which less would fit is left out."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What of some files goes into the request."""

    text: str = ""
    images: tuple[Image, ...] = ()


class AttachedFiles:
    """Takes files for one request, until their number or the model's room is used up.

    `room` is in tokens. `left_out` has a line for the reader on each file, or part of one, that
    the model is not given.
    """

    def __init__(self, reader: DocumentReader, connector: Connector, sees: bool, room: int) -> None:
        self.left_out: list[Sentence] = []
        self._reader = reader
        self._connector = connector
        self._sees = sees
        self._room = room
        self._left = reader.limits.files

    @property
    def room(self) -> int:
        """Tokens that are left."""
        return self._room

    async def take(self, files: Sequence[File], *, tell: bool = True) -> Taken:
        """The files of one message; `tell` is false where nobody is to hear what was left out."""
        chosen = choose(files, replace(self._reader.limits, files=self._left), self._sees)
        self._left -= len(chosen.taken)
        told = list(chosen.left_out)
        readings = await asyncio.gather(*(self._read(file) for file in chosen.taken))
        texts, images = [], []
        for file, reading in zip(chosen.taken, readings, strict=True):
            reading = self._fitted(file, reading)
            told += [said for said in (reading.refusal, reading.note) if said is not None]
            if reading.text is not None:
                texts.append(as_prompt(file.name, storable(reading.text)))
            if reading.image is not None:
                images.append(Image(reading.image.media_type, reading.image.data))
        self.left_out += told if tell else []
        return Taken("\n\n".join(texts), tuple(images))

    async def _read(self, file: File) -> Reading:
        try:
            async with asyncio.timeout(FETCH_DEADLINE_S):
                data = await self._connector.fetch(
                    file, self._reader.limits.bytes_of(kind_of(file))
                )
        except TooLarge:
            return _refused(file, "file.too_large_to_fetch")
        except (ConnectorError, TimeoutError) as error:
            log.warning("file.not_fetched", file=file.id, error=str(error) or "time-out")
            return _refused(file, "file.not_fetched")
        return await self._reader.read(file, data)

    def _fitted(self, file: File, reading: Reading) -> Reading:
        """As much of a reading as there is room for."""
        if reading.image is not None:
            return self._paid(file, reading, IMAGE_TOKENS)
        if reading.text is None:
            return reading
        needed = estimated_tokens(reading.text)
        if needed <= self._room or self._room < _LEAST_TOKENS:
            return self._paid(file, reading, needed)
        fits = reading.text[: len(reading.text) * self._room // needed]
        self._room = 0
        cut = Sentence("file.first_that_fit", {"most": len(fits)})
        return replace(reading, text=fits, note=line(file.name, cut))

    def _paid(self, file: File, reading: Reading, tokens: int) -> Reading:
        if tokens > self._room:
            return _refused(file, "file.no_room")
        self._room -= tokens
        return reading


def _refused(file: File, id_: str) -> Reading:
    return Reading(refusal=line(file.name, Sentence(id_)))


# What a model is given: the system prompt, the newest of the conversation, and the question.


HISTORY_DEADLINE_S = 15.0
MISSING = (Sentence("history.missing"),)
_ANSWER_SHARE = 4  # a quarter of the model's room is kept for the answer, at least


@dataclass(frozen=True, slots=True)
class RequestOptions:
    """What the operator decided about requests; tokens are counted as in `estimated_tokens`."""

    system_prompt: str
    history_messages: int
    max_answer_tokens: int | None
    files: DocumentReader = field(default_factory=lambda: DocumentReader(FileLimits()))
    caps: Caps = field(default_factory=Caps)


@dataclass(frozen=True, slots=True)
class Gathered:
    """A request, and a line for the reader on each attached file that is not in it."""

    request: Request
    left_out: tuple[Sentence, ...] = ()


@dataclass(frozen=True, slots=True)
class _Before:
    """What was said before a question, oldest first.

    `answers` has those that the store alone knows; `missing` says what the reader is told of what
    could not be read.
    """

    said: Sequence[Said] = ()
    answers: Mapping[MessageRef, Answer] = field(default_factory=dict)
    missing: tuple[Sentence, ...] = ()


@dataclass(frozen=True, slots=True)
class _Earlier:
    """The conversation before a question: what opened the thread, and what followed."""

    opening: Sequence[Turn] = ()
    following: Sequence[Turn] = ()


async def gather(
    asked: Asked,
    continues: RunRow | None,
    connector: Connector,
    store: Store,
    model: Provider,
    options: RequestOptions,
) -> Gathered:
    """The request for a question; `continues` is the run whose answer is to be gone on with.

    Raises `NotAnswerable` where the question alone is longer than the model's room, or where
    nothing is left of it.
    """
    before = await _before(asked, connector, store, options.history_messages)
    said = before.said
    named = len({entry.author.id for entry in said if not entry.by_bot} | {asked.person.id}) > 1
    question = [Turn("user", _words(asked.person, asked.text, named=named))]
    if continues is not None and (partial := await _partial_answer(continues, store)):
        question += [Turn("assistant", partial), Turn("user", GO_ON)]
    system = [Turn("system", storable(options.system_prompt))]
    room = options.caps.room(model.name, model.room)
    left = _room_left(room, options, system + question)
    files = AttachedFiles(options.files, connector, model.sees, left)
    question[0] = _with(question[0], await files.take(asked.files))
    _check_not_empty(question[0], files)
    left = files.room
    earlier = await _earlier(before, store, files, named=named)
    turns = (*system, *_fitting(earlier, left), *question)
    most = options.caps.answer(model.name, _taken(turns), options.max_answer_tokens)
    return Gathered(Request(turns, most), (*before.missing, *files.left_out))


def _with(turn: Turn, taken: Taken) -> Turn:
    """A turn with what was attached to it."""
    text = "\n\n".join(part for part in (turn.text, taken.text) if part.strip())
    return replace(turn, text=text, images=taken.images)


def _check_not_empty(question: Turn, files: AttachedFiles) -> None:
    if not question.text and not question.images:
        why = listed(files.left_out, "list.semicolon")
        raise NotAnswerable(why or Sentence("refused.no_text"))


def _words(person: Person, text: str, *, named: bool) -> str:
    """What somebody said; where several people talk, the model is told who."""
    name = f"{person.name or person.id}: " if named and text.strip() else ""
    return storable(name + text)


def _room_left(room: int, options: RequestOptions, fixed: Sequence[Turn]) -> int:
    reserved = min(options.max_answer_tokens or room // _ANSWER_SHARE, room // 2)
    needed = sum(estimated_tokens(turn.text) for turn in fixed)
    left = room - reserved - needed
    if left < 0:
        raise NotAnswerable(
            Sentence("refused.too_long", {"needed": needed, "most": room - reserved})
        )
    return left


async def _partial_answer(last: RunRow, store: Store) -> str:
    """What the run and those that it continued have said so far, oldest first.

    Read only now: Continue may have been pressed before the run's end was kept. Where it can't be
    read, what the run was known to have said has to do.
    """
    texts: list[str] = []
    run_id: UUID | None = last.run_id
    try:
        while run_id is not None and (run := await store.runs.get(run_id)) is not None:
            texts.append(_answer(run))
            run_id = run.start.parent_run_id if run.start.kind == "continue" else None
    except StoreUnavailable as error:
        log.warning("history.unavailable", error=str(error))
        return _answer(last)
    return "".join(reversed(texts))


def _answer(run: RunRow) -> str:
    return "" if run.end is None else run.end.generated_text


async def _before(asked: Asked, connector: Connector, store: Store, limit: int) -> _Before:
    """What was said before the question and still counts.

    Where the platform gives only a part of it, the store's own questions and answers stand for
    the rest.
    """
    if limit == 0:
        return _Before()
    place = asked.message.place
    try:
        before = await _read(asked, connector, limit)
        if before.missing:
            before = await _with_runs(before, asked.message, store, limit)
        forgotten_us = await store.conversations.forgotten_us(place)
    except StoreUnavailable as error:
        log.warning("history.unavailable", error=str(error))
        return _Before(missing=MISSING)
    said = [entry for entry in before.said if entry.at_us > forgotten_us]
    return replace(before, said=said)


async def _read(asked: Asked, connector: Connector, limit: int) -> _Before:
    """What the platform says of it."""
    try:
        async with asyncio.timeout(HISTORY_DEADLINE_S):
            return _Before(await connector.history(asked.message.place, asked.message, limit))
    except (ConnectorError, TimeoutError) as error:
        log.warning("history.unavailable", error=str(error) or type(error).__name__)
        return _Before(error.said if isinstance(error, Incomplete) else (), missing=MISSING)
    except Exception:
        log.exception("history.broke")
        return _Before(missing=MISSING)


async def _with_runs(before: _Before, asked: MessageRef, store: Store, limit: int) -> _Before:
    """The same with what the bot was asked before this question, and answered, in its time."""
    place = asked.place
    rows = await store.runs.before(place, sys.maxsize, limit + 1)
    earlier = takewhile(lambda row: row.start.question_id != asked.id, rows)
    known = {entry.ref for entry in before.said}
    said, answers = list(before.said), dict[MessageRef, Answer]()
    for run_id, start, end in ((row.run_id, row.start, row.end) for row in earlier):
        question, answer = MessageRef(place, start.question_id), MessageRef(place, f"run:{run_id}")
        if question not in known:
            said.append(_asked_by(start))
        known.add(question)
        if end is not None:
            said.append(Said(answer, start.person, "", by_bot=True, at_us=end.ended_us))
            answers[answer] = Answer(run_id, 0, end.generated_text)
    return replace(before, said=sorted(said, key=lambda entry: entry.at_us), answers=answers)


async def _earlier(before: _Before, store: Store, files: AttachedFiles, *, named: bool) -> _Earlier:
    """The conversation before the question as turns."""
    said = before.said
    try:
        refs = [entry.ref for entry in said if entry.by_bot and entry.ref not in before.answers]
        answers = {**before.answers, **await store.messages.answers(refs)}
        said = await _begun_by_a_person(said, answers, store)
    except StoreUnavailable as error:
        log.warning("history.unavailable", error=str(error))
        return _Earlier()
    attached = {entry.ref: await files.take(entry.files, tell=False) for entry in reversed(said)}
    opening = [entry for entry in said[:1] if entry.opens]
    return _Earlier(
        _turns(opening, answers, attached, named=named),
        _merged(_turns(said[len(opening) :], answers, attached, named=named)),
    )


async def _begun_by_a_person(
    said: Sequence[Said], answers: Mapping[MessageRef, Answer], store: Store
) -> Sequence[Said]:
    """With the question in front, where an answer is the first that is there of a conversation."""
    first = next((entry for entry in said if not entry.by_bot or entry.ref in answers), None)
    if first is None or not first.by_bot:
        return said
    run = await store.runs.get(answers[first.ref].run_id)
    if run is None or not run.start.question:
        return said
    return [_asked_by(run.start), *said]


def _asked_by(start: RunStart) -> Said:
    """A question as the store has it."""
    ref = MessageRef(start.place, start.question_id)
    return Said(ref, start.person, start.question, False, start.started_us, start.files)


def _turns(
    said: Sequence[Said],
    answers: Mapping[MessageRef, Answer],
    attached: Mapping[MessageRef, Taken],
    *,
    named: bool,
) -> list[Turn]:
    """The bot's own answers exactly as they were generated, once for all of their parts."""
    turns: list[Turn] = []
    seen: set[UUID] = set()
    for entry in said:
        answer = answers.get(entry.ref)
        if not entry.by_bot:
            words = Turn("user", _words(entry.author, entry.text, named=named))
            turns.append(_with(words, attached[entry.ref]))
        elif answer is not None and answer.run_id not in seen:
            seen.add(answer.run_id)
            turns.append(Turn("assistant", answer.generated_text))
    return [turn for turn in turns if turn.text.strip() or turn.images]


def _merged(turns: Sequence[Turn]) -> list[Turn]:
    """Neighbours of one role as one turn: some services want the roles to take turns."""
    return [
        _joined(role, list(group)) for role, group in groupby(turns, key=lambda turn: turn.role)
    ]


def _joined(role: Literal["system", "user", "assistant"], group: Sequence[Turn]) -> Turn:
    text = "\n\n".join(turn.text for turn in group if turn.text)
    return Turn(role, text, tuple(image for turn in group for image in turn.images))


def _taken(turns: Sequence[Turn]) -> int:
    """The room that turns take."""
    return sum(estimated_tokens(turn.text) + IMAGE_TOKENS * len(turn.images) for turn in turns)


def _fitting(earlier: _Earlier, room: int) -> list[Turn]:
    """What opened the thread, in half of the room at most, and the newest turns that fit."""
    opening = [_shortened(turn, room // 2) for turn in earlier.opening]
    newest = _newest(earlier.following, room - _taken(opening), begun=bool(opening))
    return _merged([*opening, *newest])


def _shortened(turn: Turn, room: int) -> Turn:
    needed = _taken([turn])
    if needed <= room:
        return turn
    room = max(0, room - IMAGE_TOKENS * len(turn.images))
    words = estimated_tokens(turn.text)
    return replace(turn, text=turn.text[: len(turn.text) * room // max(1, words)])


def _newest(turns: Sequence[Turn], room: int, *, begun: bool) -> list[Turn]:
    """The newest turns that fit, beginning with a person's unless the conversation has begun."""
    kept: list[Turn] = []
    for turn in reversed(turns):
        room -= _taken([turn])
        if room < 0:
            break
        kept.insert(0, turn)
    while kept and kept[0].role != "user" and not begun:
        kept.pop(0)
    return kept
