"""A process's connector to the platform: calls take time, fail, and outlive who made them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from connectors.base import (
    Budget,
    ConnectorError,
    Gone,
    Limits,
    MessageRef,
    Part,
    Person,
    Place,
    RateLimited,
    Refused,
    Shown,
    TooLarge,
    Unavailable,
    Unconfirmed,
)
from connectors.memory import Budgets, Lost, MemoryConnector, Platform
from connectors.memory.platform import Call, CallName
from connectors.words import Wording
from tests.simulation.refusals import Refusals
from tests.simulation.watch import Watch

Result = TypeVar("Result")

_FAULTY = ("post", "edit", "find", "read", "history", "signal")


@dataclass(slots=True)
class Skies:
    """How the platform is: for all processes alike."""

    odds: float = 0.0
    away_until: float = 0.0
    latency: float = 0.0
    limited_edits: int = 0
    taken_posts: int = 0
    refused_posts: int = 0
    refused_whispers: int = 0

    def refuse(self, name: CallName) -> ConnectorError | None:
        """What the platform refuses by the plan: each refusal once."""
        if name == "edit" and self.limited_edits > 0:
            self.limited_edits -= 1
            return RateLimited("busy", 0.5)
        if name == "post" and self.taken_posts > 0:
            self.taken_posts -= 1
        elif name == "post" and self.refused_posts > 0:
            self.refused_posts -= 1
            return Refused("not that")
        elif name == "whisper" and self.refused_whispers > 0:
            self.refused_whispers -= 1
            return Refused("not them")
        return None


class Connector(MemoryConnector):
    """As on Slack, only the process that posted knows its key again; others have to look."""

    def __init__(
        self,
        number: int,
        platform: Platform,
        limits: Limits,
        budgets: Budgets,
        clock: Callable[[], float],
        skies: Skies,
        chance: random.Random,
        watch: Watch,
        refusals: Refusals,
    ) -> None:
        super().__init__(platform=platform, limits=limits, budgets=budgets, clock=clock)
        self._number = number
        self._skies = skies
        self._chance = chance
        self._watch = watch
        self._refusals = refusals
        self._refused: ConnectorError | None = None
        """What the platform says to the call that is about to be made."""

    async def post(self, place: Place, part: Part, key: str) -> Shown:
        self._spent(self.budget(place, "post"))
        self._refused = self._refusals.post(place, part)
        try:
            return await super().post(place, part, f"{self._number}/{key}")
        except (Refused, TooLarge, Gone):
            self._watch.denied.add(part.run_id)
            raise

    async def edit(self, ref: MessageRef, part: Part) -> Shown:
        self._spent(self.budget(ref.place, "edit"))
        self._refused = self._refusals.edit(ref, part)
        return await super().edit(ref, part)

    async def whisper(self, place: Place, person: Person, told: Wording, key: str) -> None:
        self._spent(self.budget(place, "post"))
        self._refused = self._refusals.whisper()
        said = len(self.platform.calls)  # as on Slack, the same key again tells it again
        await super().whisper(place, person, told, f"{key}#{said}")

    async def find(self, place: Place, part: Part, key: str, since_us: int) -> Shown | None:
        known = [k for k in self.platform.keys if k.endswith(f"/{key}")]
        return await super().find(place, part, known[0] if known else key, since_us)

    def _spent(self, budget: Budget) -> None:
        self._watch.spent(self._number, budget)

    async def _call(self, name: CallName, effect: Callable[[], Result]) -> Result:
        if self._closed:
            raise Unavailable("the connector is closed")
        call = self.platform.record(name, self._now())
        self._watch.note(f"p{self._number} {name} #{call.number}")
        refused, self._refused = self._refused, None
        wire = self._watch.beyond(self._sent(call, effect, refused))
        return await asyncio.shield(wire)

    async def _sent(
        self, call: Call, effect: Callable[[], Result], refused: ConnectorError | None
    ) -> Result:
        fault = refused or self._skies.refuse(call.name) or self._trouble(call.name)
        latency = self._skies.latency * self._chance.uniform(0.5, 1.5)
        await asyncio.sleep(latency / 2)
        try:
            if self._closed and self._chance.random() < 0.5:
                raise Unconfirmed("it died with its process")
            if isinstance(fault, ConnectorError):
                raise fault
            result = effect()
            self._watch.effect(self._number, call)
        except ConnectorError as error:
            self._watch.note(f"p{self._number} {call.name} #{call.number}: {error}")
            raise
        await asyncio.sleep(latency / 2)
        if fault is not None:
            self._watch.note(f"p{self._number} {call.name} #{call.number}: the answer was lost")
            raise Unconfirmed("the answer was lost")
        return result

    def _trouble(self, name: CallName) -> ConnectorError | Lost | None:
        if self._now() < self._skies.away_until:
            return Unavailable("the platform is away")
        if name not in _FAULTY or not self._skies.odds or self._chance.random() > self._skies.odds:
            return None
        busy = RateLimited("busy", self._chance.choice([0.5, 2.0, 6.0]))
        faults: list[ConnectorError | Lost] = [busy, Unavailable("its own fault"), Lost(), Lost()]
        return self._chance.choice(faults)
