"""What a model is given: the system prompt, the newest of the conversation, and the question."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

import structlog

from bot.store import Answer, RunRow, Store, StoreUnavailable, storable
from connectors.base import Asked, Connector, ConnectorError, MessageRef, Said
from providers.base import BadRequest, Request, Turn

log = structlog.get_logger(__name__)

GO_ON = (
    "Your last answer was cut off. Continue it exactly where it stopped: "
    "repeat nothing, and add no introduction."
)
HISTORY_DEADLINE_S = 15.0
_ANSWER_SHARE = 4  # a quarter of the model's room is kept for the answer, at least


@dataclass(frozen=True, slots=True)
class RequestOptions:
    """What the operator decided about requests; tokens are counted as in `estimated_tokens`."""

    system_prompt: str
    history_messages: int
    max_answer_tokens: int | None


def estimated_tokens(text: str) -> int:
    """A careful estimate of a text's tokens: a third of its bytes, and four."""
    return len(text.encode()) // 3 + 4


async def gather(
    asked: Asked,
    continues: RunRow | None,
    connector: Connector,
    store: Store,
    room: int,
    options: RequestOptions,
) -> Request:
    """The request for a question; `continues` is the run whose answer is to be gone on with.

    Raises `BadRequest` where the question alone is longer than the model's room.
    """
    question = [Turn("user", storable(asked.text))]
    if continues is not None and (partial := await _partial_answer(continues.run_id, store)):
        question += [Turn("assistant", partial), Turn("user", GO_ON)]
    system = [Turn("system", storable(options.system_prompt))]
    left = _room_left(room, options, system + question)
    earlier = await _earlier(asked, connector, store, options.history_messages)
    return Request((*system, *_newest(earlier, left), *question), options.max_answer_tokens)


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


async def _partial_answer(run_id: UUID | None, store: Store) -> str:
    """What the run and those that it continued have said so far, oldest first.

    Read only now: Continue may have been pressed before the run's end was kept.
    """
    texts: list[str] = []
    while run_id is not None and (run := await store.runs.get(run_id)) is not None:
        texts.append(_answer(run))
        run_id = run.start.parent_run_id if run.start.kind == "continue" else None
    return "".join(reversed(texts))


def _answer(run: RunRow) -> str:
    return "" if run.end is None else run.end.generated_text


async def _earlier(asked: Asked, connector: Connector, store: Store, limit: int) -> list[Turn]:
    """The conversation before the question; nothing where it can't be had."""
    if limit == 0:
        return []
    try:
        async with asyncio.timeout(HISTORY_DEADLINE_S):
            return await _said_before(asked, connector, store, limit)
    except (ConnectorError, StoreUnavailable, TimeoutError) as error:
        log.warning("history.unavailable", error=str(error) or type(error).__name__)
    except Exception:
        log.exception("history.broke")
    return []


async def _said_before(asked: Asked, connector: Connector, store: Store, limit: int) -> list[Turn]:
    place = asked.message.place
    said = await connector.history(place, asked.message, limit)
    forgotten_us = await store.conversations.forgotten_us(place)
    answers = await store.messages.answers([entry.ref for entry in said if entry.by_bot])
    kept = [entry for entry in said if entry.at_us > forgotten_us]
    return _merged(_turns(kept, answers))


def _turns(said: Sequence[Said], answers: Mapping[MessageRef, Answer]) -> list[Turn]:
    """The bot's own answers exactly as they were generated, once for all of their parts."""
    turns: list[Turn] = []
    seen: set[UUID] = set()
    for entry in said:
        answer = answers.get(entry.ref)
        if not entry.by_bot:
            turns.append(Turn("user", storable(entry.text)))
        elif answer is not None and answer.run_id not in seen:
            seen.add(answer.run_id)
            turns.append(Turn("assistant", answer.generated_text))
    return [turn for turn in turns if turn.text.strip()]


def _merged(turns: Sequence[Turn]) -> list[Turn]:
    """Neighbours of one role as one turn: some services want the roles to take turns."""
    return [
        Turn(role, "\n\n".join(turn.text for turn in group))
        for role, group in groupby(turns, key=lambda turn: turn.role)
    ]


def _newest(turns: Sequence[Turn], room: int) -> list[Turn]:
    """The newest turns that fit, beginning with a person's."""
    kept: list[Turn] = []
    for turn in reversed(turns):
        room -= estimated_tokens(turn.text)
        if room < 0:
            break
        kept.insert(0, turn)
    while kept and kept[0].role != "user":
        kept.pop(0)
    return kept
