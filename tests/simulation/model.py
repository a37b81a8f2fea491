"""A model that says words which can be told apart, at random paces, and fails at random."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from langchain_core.callbacks import AsyncCallbackHandler

from providers.base import Disconnected, Generation, Overloaded, ProviderError, Request, Stalled
from providers.scripted import CallTool, Cut, Fail, Finish, Hang, Pause, ScriptedProvider
from tests.simulation.plan import Plan

SECRET = "sk-SECRET-7f3a"
"""In every question and every answer; in no line of the log."""

_BREAKS = (" ", " ", " ", " ", " ", "\n", "\n\n", "  ")


class Scripts:
    """What the model has said and is to say, by the run."""

    def __init__(self, plan: Plan, chance: random.Random) -> None:
        self.texts: dict[UUID, list[str]] = {}
        """The whole texts that the scripts of a run's requests hold, in order."""
        self.odd: set[str] = set()
        """Those that the service ended with a word that nobody knows."""
        self._plan = plan
        self._chance = chance
        self._numbers = 0
        self.wanted: dict[str, dict[str, Any]] = {}
        """The arguments of each tool call that the model asked for, by its id."""
        self.given: dict[UUID, str] = {}
        """All that the models of a run were given of calls."""
        self._calls = random.Random(f"{plan.calling and plan.calling.seed}/wanted")  # noqa: S311

    def script(self, run_id: UUID, *, tools: bool = False) -> list[Any]:
        """The next request of a run is answered so; with `tools` it may call some."""
        text = self._text()
        self.texts.setdefault(run_id, []).append(text)
        steps: list[Any] = []
        at = 0
        while at < len(text):
            size = self._chance.choice([1, 3, 6, 6, 12, 40])
            steps.append(text[at : at + size])
            at += size
            if self._plan.pace and self._chance.random() < 0.5:
                steps.append(Pause(self._chance.expovariate(1 / self._plan.pace)))
        calling = self._plan.calling
        if calling is not None and tools and self._calls.random() < calling.odds:
            return [*steps, *self._wants()]
        if self._plan.odd_words and self._numbers % 2:
            self.odd.add(text)
            return [*steps, Finish("unknown", word="network_error")]
        return self._spoilt(steps)

    def _wants(self) -> list[CallTool]:
        """One to three calls of tools."""
        return [self._want() for _ in range(self._calls.choice([1, 1, 1, 2, 3]))]

    def _want(self) -> CallTool:
        number = len(self.wanted) + 1
        arguments = {"to": f"t{number}", "word": SECRET}
        self.wanted[f"call{number}"] = arguments
        tool = self._calls.choice(["bell__ring", "bell__ring", "bell__look"])
        return CallTool(tool, arguments, f"call{number}")

    def _text(self) -> str:
        self._numbers += 1
        words = [f"q{self._numbers}w{n}." for n in range(self._chance.randint(1, self._plan.words))]
        fenced = self._chance.random() < 0.2
        text = "".join(word + self._chance.choice(_BREAKS) for word in words).strip()
        return f"```python\n{text}\n```\n{SECRET}" if fenced else f"{text} {SECRET}"

    def _spoilt(self, steps: list[Any]) -> list[Any]:
        fate = self._chance.random()
        at = self._chance.randint(0, len(steps))
        if fate < 0.6:
            return [*steps, *([Finish()] if fate < 0.3 else [])]
        if fate < 0.65:
            return [*steps[:at], Pause(self._chance.uniform(1, 20)), *steps[at:]]
        if fate < 0.7:
            return [*steps, Finish("length")]
        if fate < 0.75:
            return [*steps[:at], ("reasoning", f"hm {SECRET}"), *steps[at:]]
        if fate < 0.82:
            return [*steps[:at], Cut()]
        if fate < 0.88:
            return [*steps[:at], Hang()]
        errors: list[ProviderError] = [Overloaded("busy"), Disconnected("cut"), Stalled("late")]
        return [*steps[:at], Fail(self._chance.choice(errors))]


class Model(ScriptedProvider):
    """Answers by the scripts of the run."""

    def __init__(self, scripts: Scripts) -> None:
        super().__init__(stall_seconds=25.0)
        self._by_run = scripts

    async def generate(
        self,
        request: Request,
        *,
        run_id: UUID,
        callbacks: Sequence[AsyncCallbackHandler],
        generation: Generation,
    ) -> None:
        """See `Provider.generate`; the script is taken before anything is awaited."""
        told = "".join(turn.text for turn in request.turns if turn.role == "tool")
        self._by_run.given[run_id] = self._by_run.given.get(run_id, "") + told
        self._scripts = (self._by_run.script(run_id, tools=bool(request.tools)),)
        await super().generate(request, run_id=run_id, callbacks=callbacks, generation=generation)
