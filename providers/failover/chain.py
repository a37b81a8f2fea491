"""The models of the setting MODEL, in order, as one provider."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

from langchain_core.callbacks import AsyncCallbackHandler

from providers.base import Generation, Provider, Request
from providers.failover.course import Course, Link, Patience


class ChainProvider:
    """Asks the first model, and where it fails, the next; a single one is tried again.

    On the common way it adds nothing to a token: the model that answers has the callbacks and the
    `Generation` themselves. So the callbacks hear a start and an error for each try that failed.
    """

    def __init__(self, models: Sequence[Provider], patience: Patience | None = None) -> None:
        """Raises `ValueError` where there is no model."""
        if not models:
            raise ValueError("a chain needs a model")
        self.models = tuple(models)
        self.name = ",".join(model.name for model in models)
        self._patience = patience or Patience()
        self._links = [Link(model) for model in models]

    @property
    def room(self) -> int:
        """The first model's, which may learn it while it answers."""
        return self.models[0].room

    @property
    def sees(self) -> bool:
        """Whether the first model takes images."""
        return self.models[0].sees

    async def start(self) -> None:
        """Starts every model; raises what the first that can't start raised."""
        await asyncio.gather(*(model.start() for model in self.models))

    async def generate(
        self,
        request: Request,
        *,
        run_id: UUID,
        callbacks: Sequence[AsyncCallbackHandler],
        generation: Generation,
    ) -> None:
        """See `Provider.generate`. Raises what the last try raised."""
        course = Course(self._links, self._patience, request, run_id, callbacks, generation)
        await course.run()

    async def aclose(self) -> None:
        """Closes every model; raises what the first that can't be closed raised."""
        ends = await asyncio.gather(*(m.aclose() for m in self.models), return_exceptions=True)
        for end in ends:
            if isinstance(end, BaseException):
                raise end
