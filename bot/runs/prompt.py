"""What a model is given: the system prompt, the newest of the conversation that fits, and the
question with its files.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, takewhile
from typing import Literal
from uuid import UUID

import structlog

from bot.attachments import DocumentReader, FileLimits, Transcriber
from bot.runs.attached import AttachedFiles, Taken
from bot.runs.hearing import is_spoken
from bot.runs.usage import IMAGE_TOKENS, Caps, NotAnswerable, estimated_tokens
from bot.store import Answer, RunRow, RunStart, Store, StoreUnavailable, storable
from bot.tools import earlier_calls
from bot.words import Sentence, listed
from connectors.base import (
    Asked,
    Connector,
    ConnectorError,
    Incomplete,
    MessageRef,
    Person,
    Said,
)
from providers.base import GO_ON, Provider, Request, Tool, Turn

log = structlog.get_logger(__name__)

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
    blocked: Container[str] = ()
    transcriber: Transcriber | None = None
    """What hears recordings; None: nothing does."""


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
    *,
    tools: Sequence[Tool] = (),
) -> Gathered:
    """The request for a question; `continues` is the run whose answer is to be gone on with.

    Of the `tools` those are in it that fit into half of the room beside the question.
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
    left = room_left(room, options, system + question)
    offered = fitting_tools(tools, left // 2) if tools else ()
    described = tokens_of(offered) if offered else 0
    files = AttachedFiles(options.files, connector, model.sees, left - described)
    if asked.files:
        question[0] = _with(question[0], await files.take(asked.files))
    _check(question[0], files, options.blocked)
    left = files.room
    history: Sequence[Turn] = ()
    if before.said:
        earlier = await _earlier(before, store, files, named=named, calls=bool(tools))
        history = _fitting(earlier, left)
    turns = (*system, *history, *question)
    most = options.caps.answer(model.name, _taken(turns) + described, options.max_answer_tokens)
    return Gathered(Request(turns, most, offered), (*before.missing, *files.left_out))


def _with(turn: Turn, taken: Taken) -> Turn:
    """A turn with what was attached to it."""
    text = "\n\n".join(part for part in (turn.text, taken.text) if part.strip())
    return replace(turn, text=text, images=taken.images)


def _check(question: Turn, files: AttachedFiles, blocked: Container[str]) -> None:
    if question.text in blocked:
        raise NotAnswerable(Sentence("refused.blocked_words"))
    if not question.text and not question.images:
        why = listed(files.left_out, "list.semicolon")
        raise NotAnswerable(why or Sentence("refused.no_text"))


def _words(person: Person, text: str, *, named: bool) -> str:
    """What somebody said; where several people talk, the model is told who."""
    name = f"{person.name or person.id}: " if named and text.strip() else ""
    return storable(name + text)


def room_left(room: int, options: RequestOptions, fixed: Sequence[Turn]) -> int:
    """What these turns and the answer leave of a room, in tokens. Raises `NotAnswerable`."""
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


async def _earlier(
    before: _Before, store: Store, files: AttachedFiles, *, named: bool, calls: bool
) -> _Earlier:
    """The conversation before the question as turns; with `calls`, what answers called."""
    said = before.said
    try:
        refs = [entry.ref for entry in said if entry.by_bot and entry.ref not in before.answers]
        answers = {**before.answers, **await store.messages.answers(refs)}
        said = await _begun_by_a_person(said, answers, store)
        if any(entry.files for entry in said):
            said = await _with_what_was_heard(said, store)
        if calls:
            answers = await _with_calls(answers, store)
    except StoreUnavailable as error:
        log.warning("history.unavailable", error=str(error))
        return _Earlier()
    theirs = [entry for entry in reversed(said) if not entry.by_bot]
    attached = {entry.ref: await files.take(entry.files, tell=False) for entry in theirs}
    opening = [entry for entry in said[:1] if entry.opens]
    return _Earlier(
        _turns(opening, answers, attached, named=named),
        _merged(_turns(said[len(opening) :], answers, attached, named=named)),
    )


async def _with_calls(
    answers: Mapping[MessageRef, Answer], store: Store
) -> dict[MessageRef, Answer]:
    """The answers, each behind what it was made from."""
    made = await store.calls.of_runs({answer.run_id for answer in answers.values()})
    said = {run_id: earlier_calls(rows) for run_id, rows in made.items()}
    return {
        ref: replace(answer, generated_text=said[answer.run_id] + answer.generated_text)
        for ref, answer in answers.items()
    }


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


async def _with_what_was_heard(said: Sequence[Said], store: Store) -> Sequence[Said]:
    """With the words of recordings as they were heard when they were questions."""
    spoken = {entry.ref for entry in said if not entry.by_bot and is_spoken(entry.files)}
    if not spoken:
        return said
    heard = dict[MessageRef, str]()
    for place in {ref.place for ref in spoken}:
        ids = {ref.id for ref in spoken if ref.place == place}
        asked = await store.runs.questions(place, ids)
        heard |= {MessageRef(place, id_): question for id_, question in asked.items()}
    return [replace(entry, text=heard.get(entry.ref) or entry.text) for entry in said]


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


def tokens_of(tools: Sequence[Tool]) -> int:
    """The room that the descriptions of tools take."""
    return sum(estimated_tokens(tool.text) for tool in tools)


def fitting_tools(tools: Sequence[Tool], room: int) -> tuple[Tool, ...]:
    """The tools that fit, in their order; what doesn't is not offered, and the operator hears."""
    kept: list[Tool] = []
    for tool in tools:
        if (needed := tokens_of([tool])) <= room:
            kept.append(tool)
            room -= needed
    if left_out := [tool.name for tool in tools if tool not in kept]:
        log.warning("prompt.no_room_for_tools", tools=left_out)
    return tuple(kept)


def _fitting(earlier: _Earlier, room: int) -> list[Turn]:
    """What opened the thread, in half of the room at most, and the newest turns that fit."""
    opening = [_shortened(turn, room // 2) for turn in earlier.opening]
    following = newest(earlier.following, room - _taken(opening), begun=bool(opening))
    return _merged([*opening, *following])


def _shortened(turn: Turn, room: int) -> Turn:
    needed = _taken([turn])
    if needed <= room:
        return turn
    room = max(0, room - IMAGE_TOKENS * len(turn.images))
    words = estimated_tokens(turn.text)
    return replace(turn, text=turn.text[: len(turn.text) * room // max(1, words)])


def newest(turns: Sequence[Turn], room: int, *, begun: bool) -> list[Turn]:
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
