"""A run that goes on with a loop that waited for a person, and the end of what it was to call."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import structlog

from bot.runs.outcomes import Question
from bot.runs.prompt import Gathered, RequestOptions, fitting_tools, newest, room_left, tokens_of
from bot.store import CallStore, StoreUnavailable
from bot.tools import SavedLoop
from bot.words import Sentence
from providers.base import Provider, Tool

log = structlog.get_logger(__name__)

_CLOSE_SECONDS = 5.0


def gather_again(
    loop: SavedLoop, model: Provider, options: RequestOptions, tools: Sequence[Tool]
) -> Gathered:
    """The request of a loop that waited: the model, its room and the tools may be others by now.

    Where the conversation is too long its oldest turns are left out, and tools that don't fit into
    half of the room. Raises `NotAnswerable` where the question with its calls is too long alone.
    """
    turns = loop.request.turns
    asked = max((at for at, turn in enumerate(turns) if turn.role == "user"), default=0)
    system = [turn for turn in turns[:asked] if turn.role == "system"]
    earlier = [turn for turn in turns[:asked] if turn.role != "system"]
    fixed = [*system, *turns[asked:], loop.turn, *loop.results]
    left = room_left(options.caps.room(model.name, model.room), options, fixed)
    offered = fitting_tools(tools, left // 2)
    kept = newest(earlier, left - tokens_of(offered), begun=True)
    return Gathered(replace(loop.request, turns=(*system, *kept, *turns[asked:]), tools=offered))


async def close_calls(calls: CallStore, run_id: UUID, question: Question) -> None:
    """The run has ended, and nobody can allow anything: what was not sent is not any more."""
    decided = question.parent if question.kind == "decided" else None
    parent = None if decided is None else decided.run_id
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await calls.close(run_id, Sentence("tool.ended"), parent)
    except (StoreUnavailable, TimeoutError) as error:
        log.warning("tool.not_closed", error=str(error) or type(error).__name__)
