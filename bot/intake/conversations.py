"""Whose turn it is in a conversation: what happens to a question while another is answered."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from bot.runs import Question
from connectors.base import Connector, Place

Policy = Literal["queue", "replace", "parallel"]
"""`queue`: one after the other. `replace`: the newest ends the others. `parallel`: all at once."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A question that was kept and is to be answered."""

    inbox_id: int
    question: Question
    connector: Connector
    run_id: UUID
    """The run that answers it, also if it is another process that does."""
    anew: bool = False
    """Its run was begun by a process that died, and is begun again."""


class Conversations:
    """The questions that wait, by conversation.

    `answer` answers one question and returns when its run has settled. `leave` lets another
    process answer there, once nothing waits here. Neither raises anything.
    """

    def __init__(
        self,
        answer: Callable[[Waiting], Awaitable[None]],
        leave: Callable[[Place], Awaitable[None]],
    ) -> None:
        self._answer = answer
        self._leave = leave
        self._waiting: dict[Place, deque[Waiting]] = {}

    def __len__(self) -> int:
        """So many questions wait for their turn."""
        return sum(len(waiting) for waiting in self._waiting.values())

    def items(self) -> list[Waiting]:
        """The questions that wait, by conversation, in order."""
        return [item for waiting in self._waiting.values() for item in waiting]

    @property
    def places(self) -> list[Place]:
        """Where questions are being answered."""
        return list(self._waiting)

    def busy(self, place: Place) -> bool:
        """Whether a question is being answered there."""
        return place in self._waiting

    def wait(self, item: Waiting) -> None:
        """Puts a question behind those of its conversation, which has to be busy."""
        self._waiting[item.question.asked.message.place].append(item)

    def open(self, item: Waiting) -> Coroutine[Any, Any, None]:
        """Makes an idle conversation busy, at once; the work is to be run by the caller."""
        place = item.question.asked.message.place
        self._waiting[place] = deque([item])
        return self._work(place)

    async def _work(self, place: Place) -> None:
        """Answers what waits in a conversation, and what comes meanwhile."""
        waiting = self._waiting[place]
        try:
            while waiting:
                # No await between taking a question and starting its run: it is always either
                # here or among the active runs, so a stop finds it.
                await self._answer(waiting.popleft())
                if not waiting:  # what comes while we leave has taken the floor again
                    await self._leave(place)
        finally:
            del self._waiting[place]

    def drop(self, unwanted: Callable[[Waiting], bool]) -> list[Waiting]:
        """Takes out the questions that are not to be answered any more, and returns them."""
        dropped: list[Waiting] = []
        for waiting in self._waiting.values():
            out = [item for item in waiting if unwanted(item)]
            dropped += out
            for item in out:
                waiting.remove(item)
        return dropped
