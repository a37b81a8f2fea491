"""What a model is given: the system prompt, the newest of the conversation, and the question."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Literal
from uuid import UUID

import structlog

from bot.attachments import FileLimits, Reader
from bot.runs.caps import Caps
from bot.runs.files import IMAGE_TOKENS, Files, Taken
from bot.runs.tokens import estimated_tokens
from bot.store import Answer, RunRow, Store, StoreUnavailable, storable
from connectors.base import Asked, Connector, ConnectorError, MessageRef, Person, Said
from providers.base import GO_ON, BadRequest, Provider, Request, Turn

log = structlog.get_logger(__name__)

HISTORY_DEADLINE_S = 15.0
_ANSWER_SHARE = 4  # a quarter of the model's room is kept for the answer, at least


@dataclass(frozen=True, slots=True)
class RequestOptions:
    """What the operator decided about requests; tokens are counted as in `estimated_tokens`."""

    system_prompt: str
    history_messages: int
    max_answer_tokens: int | None
    files: Reader = field(default_factory=lambda: Reader(FileLimits()))
    caps: Caps = field(default_factory=Caps)


@dataclass(frozen=True, slots=True)
class Gathered:
    """A request, and a line for the reader on each attached file that is not in it."""

    request: Request
    left_out: tuple[str, ...] = ()


async def gather(
    asked: Asked,
    continues: RunRow | None,
    connector: Connector,
    store: Store,
    model: Provider,
    options: RequestOptions,
) -> Gathered:
    """The request for a question; `continues` is the run whose answer is to be gone on with.

    Raises `BadRequest` where the question alone is longer than the model's room, or where nothing
    is left of it.
    """
    said = await _said_before(asked, connector, store, options.history_messages)
    named = len({entry.author.id for entry in said if not entry.by_bot} | {asked.person.id}) > 1
    question = [Turn("user", _words(asked.person, asked.text, named=named))]
    if continues is not None and (partial := await _partial_answer(continues, store)):
        question += [Turn("assistant", partial), Turn("user", GO_ON)]
    system = [Turn("system", storable(options.system_prompt))]
    room = options.caps.room(model.name, model.room)
    left = _room_left(room, options, system + question)
    files = Files(options.files, connector, model.sees, left)
    question[0] = _with(question[0], await files.take(asked.files))
    _check_not_empty(question[0], files)
    left = files.room
    earlier = await _earlier(said, store, files, named=named)
    turns = (*system, *_newest(earlier, left), *question)
    most = options.caps.answer(model.name, _taken(turns), options.max_answer_tokens)
    return Gathered(Request(turns, most), tuple(files.left_out))


def _with(turn: Turn, taken: Taken) -> Turn:
    """A turn with what was attached to it."""
    text = "\n\n".join(part for part in (turn.text, taken.text) if part.strip())
    return replace(turn, text=text, images=taken.images)


def _check_not_empty(question: Turn, files: Files) -> None:
    if not question.text and not question.images:
        raise BadRequest("; ".join(files.left_out) or "the question has no text")


def _words(person: Person, text: str, *, named: bool) -> str:
    """What somebody said; where several people talk, the model is told who."""
    name = f"{person.name or person.id}: " if named and text.strip() else ""
    return storable(name + text)


def _room_left(room: int, options: RequestOptions, fixed: Sequence[Turn]) -> int:
    reserved = min(options.max_answer_tokens or room // _ANSWER_SHARE, room // 2)
    needed = sum(estimated_tokens(turn.text) for turn in fixed)
    left = room - reserved - needed
    if left < 0:
        raise BadRequest(
            f"the question is too long for this model (about {needed} tokens; "
            f"it takes {room - reserved}). Ask in fewer words."
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


async def _said_before(
    asked: Asked, connector: Connector, store: Store, limit: int
) -> Sequence[Said]:
    """What was said before the question and still counts; nothing where it can't be had."""
    if limit == 0:
        return []
    place = asked.message.place
    try:
        async with asyncio.timeout(HISTORY_DEADLINE_S):
            said = await connector.history(place, asked.message, limit)
            forgotten_us = await store.conversations.forgotten_us(place)
    except (ConnectorError, StoreUnavailable, TimeoutError) as error:
        log.warning("history.unavailable", error=str(error) or type(error).__name__)
    except Exception:
        log.exception("history.broke")
    else:
        return [entry for entry in said if entry.at_us > forgotten_us]
    return []


async def _earlier(said: Sequence[Said], store: Store, files: Files, *, named: bool) -> list[Turn]:
    """The conversation before the question as turns."""
    try:
        answers = await store.messages.answers([entry.ref for entry in said if entry.by_bot])
    except StoreUnavailable as error:
        log.warning("history.unavailable", error=str(error))
        return []
    attached = {entry.ref: await files.take(entry.files, tell=False) for entry in reversed(said)}
    return _merged(_turns(said, answers, attached, named=named))


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


def _newest(turns: Sequence[Turn], room: int) -> list[Turn]:
    """The newest turns that fit, beginning with a person's."""
    kept: list[Turn] = []
    for turn in reversed(turns):
        room -= _taken([turn])
        if room < 0:
            break
        kept.insert(0, turn)
    while kept and kept[0].role != "user":
        kept.pop(0)
    return kept
