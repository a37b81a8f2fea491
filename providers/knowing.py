"""What every provider knows of its model, or learns as it goes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import structlog

from providers.base import Generation
from providers.room import Room
from providers.thinking import closes_alone

if TYPE_CHECKING:
    from providers.asking import Facts

log = structlog.get_logger(__name__)

Ask = Callable[[], Awaitable["Facts"]]
"""Asks the service about its model."""


class Knowing:
    """The name of a model, its room, and whether it sees images.

    `room` and `sees` as the operator set them; None: as is known, told or learned. `guess`:
    whether it sees by its name or LangChain's word, until the service says.
    """

    def __init__(
        self,
        name: str,
        *,
        room: int | None = None,
        sees: bool | None = None,
        guess: bool = False,
        ask: Ask | None = None,
        url: str | None = None,
    ) -> None:
        self.name = name
        self._known = Room(name, room, url)
        self.room = self._known.tokens
        self.sees = guess if sees is None else sees
        self._sees_is_set = sees is not None
        self._ask = ask
        self._told = False

    async def start(self) -> None:
        """Asks the service about its model, where it can be asked; says what is only assumed."""
        if self._ask is not None and self._known.source != "set":
            facts = await self._ask()
            self._known.take(facts.room, "told")
            if facts.sees is not None and not self._sees_is_set:
                self.sees = facts.sees
        self.room = self._known.tokens
        self._known.say()

    def _learn(self, generation: Generation, error: BaseException | None = None) -> None:
        """What an answer taught: the model's real name, or how long a conversation may be.

        Says once where answers begin with thoughts that nothing opened, and readers saw them.
        """
        self._known.named(generation.model)
        if not self._told and closes_alone(generation.text):
            self._told = True
            log.warning("model.thoughts_shown", model=self.name, cure="MODEL_BEGINS_THINKING=true")
        if error is not None:
            self._known.refused(error)
        self.room = self._known.tokens
