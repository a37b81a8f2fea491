"""What a process that died has left of an answer on the screen."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

from bot.render import Piece, layout
from bot.reply import Message
from bot.runs.verification import pieces_of
from bot.store import MessageRow
from connectors.base import Connector, Control, MessageRef, Part, Shown, Unavailable
from connectors.markdown import form

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
            part = Part(run_id, index, begins, (Control.STOP,), about=question)
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
