"""Several models as one: what fails is tried again, elsewhere, or gone on with."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

import structlog
from langchain_core.callbacks import AsyncCallbackHandler

from providers.base import (
    GO_ON,
    Attempt,
    AttemptKind,
    Generation,
    Overloaded,
    Provider,
    ProviderError,
    Request,
    Stalled,
    Turn,
    Usage,
)
from providers.decoding import TextDelta
from providers.relay import Relay

# The same question for another model, or asked once more: handed on, or made shorter.


_IMAGE_BYTES = 3_000
"""What an image counts as much as; a token is about three bytes of text."""
_TOKEN_BYTES = 3


def continued(request: Request, answered: str) -> Request:
    """The request to go on with an answer of which `answered` is there."""
    if not answered:
        return request
    on = (Turn("assistant", answered), Turn("user", GO_ON))
    return replace(request, turns=(*request.turns, *on))


def shorter(request: Request) -> Request | None:
    """The conversation at half its length, without its oldest; None where only the question is
    left, which is never cut.
    """
    system, earlier, question = _apart(request.turns)
    if not earlier:
        return None
    left = _weight(request.turns) // 2 - _weight([*system, *question])
    kept: list[Turn] = []
    for turn in reversed(earlier):
        left -= _weight([turn])
        if left < 0:
            break
        kept.insert(0, turn)
    while kept and kept[0].role != "user":
        kept.pop(0)
    return replace(request, turns=(*system, *kept, *question))


def fits(request: Request, room: int) -> bool:
    """Whether a conversation is short enough for a model of this room (in tokens), as a guess."""
    return _weight(request.turns) <= room * _TOKEN_BYTES


def has_images(request: Request) -> bool:
    """Whether only a model that sees can answer it."""
    return any(turn.images for turn in request.turns)


def _apart(turns: Sequence[Turn]) -> tuple[Sequence[Turn], Sequence[Turn], Sequence[Turn]]:
    """What the model is told first, what was said earlier, and what it is asked now."""
    begins = next((n for n, turn in enumerate(turns) if turn.role != "system"), len(turns))
    asked = len(turns) - 1
    while asked - 2 >= begins and turns[asked].text == GO_ON:
        asked -= 2  # the question, what was answered of it, and the wish to go on
    return turns[:begins], turns[begins:asked], turns[asked:]


def _weight(turns: Sequence[Turn]) -> int:
    return sum(len(turn.text.encode()) + _IMAGE_BYTES * len(turn.images) for turn in turns)


# Leaves a model out for a while that fails again and again.


FAILURES = 3
"""So many in a row, and the model is left out."""
REST_S = 30.0
LONGEST_REST_S = 600.0


class Breaker:
    """One model's record of failures. Times are seconds of whatever clock the caller has."""

    def __init__(self) -> None:
        self._failures = 0
        self._rest_s = REST_S
        self._until = 0.0

    def admits(self, now: float) -> bool:
        """Whether the model may be asked now.

        After a rest one request is let through to probe it; the others stay out until that one
        has come back, or for another rest where it never does.
        """
        if now < self._until:
            return False
        if self._failures >= FAILURES:
            self._until = now + self._rest_s
        return True

    def failed(self, now: float, retry_after: float | None = None) -> None:
        """The model failed; `retry_after`: it wants that many seconds of quiet."""
        self._failures += 1
        if self._failures > FAILURES:
            self._rest_s = min(2 * self._rest_s, LONGEST_REST_S)
        if self._failures >= FAILURES:
            self._until = now + self._rest_s
        if retry_after is not None:
            self._until = max(self._until, now + retry_after)

    def passed(self) -> None:
        """The model answered."""
        self._failures, self._rest_s, self._until = 0, REST_S, 0.0


# What several tries have used.


def together(one: Usage | None, other: Usage | None) -> Usage | None:
    """The usage of both; None where neither is known."""
    if one is None or other is None:
        return one or other
    return Usage(
        one.input_tokens + other.input_tokens,
        one.output_tokens + other.output_tokens,
        one.cached_input_tokens + other.cached_input_tokens,
        estimated=one.estimated or other.estimated,
    )


# The course of one answer over the models that are tried for it.


log = structlog.get_logger(__name__)

ROUNDS = 3
"""So often a model is tried before its first token, at most."""
_FIRST_PAUSE_S = 0.5
MOST_TRIMS = 3
"""So often a conversation is made shorter for one model, at most."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """What the operator decided about failing models.

    `seconds` bound how long failing models are tried again: from the question on, and again from
    where one was silent, or an answer broke off. How long each may be silent is its own to bound.
    `goes_on`: whether another model goes on with an answer
    that broke off. `spread` gives numbers from 0 to 1: pauses differ, so that many who failed
    together don't come back together.
    """

    seconds: float = 120.0
    goes_on: bool = True
    spread: Callable[[], float] = random.random


@dataclass(eq=False, slots=True)
class Candidate:
    """A model of the chain, and how it has done lately."""

    model: Provider
    breaker: Breaker = field(default_factory=Breaker)


class Course:
    """Tries models until one has answered, or none is left to try."""

    def __init__(
        self,
        links: Sequence[Candidate],
        patience: RetryPolicy,
        request: Request,
        run_id: UUID,
        callbacks: Sequence[AsyncCallbackHandler],
        generation: Generation,
    ) -> None:
        self._links = links
        self._patience = patience
        self._request = request
        self._run_id = run_id
        self._callbacks = callbacks
        self._generation = generation
        self._clock = asyncio.get_running_loop().time
        self._began = self._clock()
        seeing = [link for link in links if link.model.sees]
        self._open = seeing if seeing and has_images(request) else list(links)
        self._round: list[Candidate] = []
        self._rounds = 0
        self._deadline = self._began + patience.seconds
        self._rests: dict[Candidate, float] = {}
        self._last: Candidate | None = None
        self._trims: Counter[Candidate] = Counter()

    async def run(self) -> None:
        """Returns once a model said that it is done; raises what the last try raised."""
        link: Candidate = self._new_round()
        kind: AttemptKind | None = None
        try:
            while (error := await self._try(link, kind)) is not None:
                link, kind = await self._after(link, error)
        finally:
            self._forget_a_smooth_course()

    # One try.

    async def _try(self, link: Candidate, kind: AttemptKind | None) -> ProviderError | None:
        generation, request = self._generation, self._for(link)
        kind = kind or self._kind(link)
        if kind == "failover":
            log.warning("provider.failover", model=link.model.name, chars=len(generation.text))
            await self._seam(link)
        self._note(link, kind)
        spent, generation.usage = generation.usage, None
        generation.finish_word = ""
        try:
            await link.model.generate(
                request,
                run_id=self._run_id,
                callbacks=self._callbacks,
                generation=generation,
            )
        except ProviderError as error:
            return error
        finally:
            generation.usage = together(spent, generation.usage)
        link.breaker.passed()
        return None

    def _for(self, link: Candidate) -> Request:
        """The request as this model can take it."""
        while not fits(self._request, link.model.room):
            if (less := shorter(self._request)) is None:
                break
            self._request, self._generation.trimmed = less, True
        return continued(self._request, self._generation.text)

    def _kind(self, link: Candidate) -> AttemptKind:
        if self._last is None:
            return "first" if link is self._links[0] else "failover"
        return "retry" if link is self._last else "failover"

    async def _seam(self, link: Candidate) -> None:
        """Says where another model goes on; once, however many try to."""
        generation = self._generation
        at = len(generation.text)
        if at and at not in generation.seams:
            generation.add(link.model.name, "seam")
            await Relay(self._callbacks, self._run_id).tokens((TextDelta("seam", link.model.name),))

    def _note(self, link: Candidate, kind: AttemptKind) -> None:
        self._last = link
        at_us = int((self._clock() - self._began) * 1_000_000)
        attempt = Attempt(link.model.name, kind, at_us, len(self._generation.text))
        self._generation.attempts.append(attempt)

    # What follows from a failure.

    async def _after(
        self, link: Candidate, error: ProviderError
    ) -> tuple[Candidate, AttemptKind | None]:
        """Who is asked next; raises the error where nobody is."""
        self._learn(link, error)
        tried = self._generation.attempts[-1]
        if len(self._generation.text) > tried.chars:
            return self._go_on(link, error), None
        if error.row.trims and self._trims[link] < MOST_TRIMS:
            self._trims[link] += 1
            if (less := shorter(self._request)) is not None:
                self._request, self._generation.trimmed = less, True
                return link, "trimmed"
        if not error.row.elsewhere:
            raise error
        if not error.row.again:
            self._open.remove(link)
        if isinstance(error, Stalled):
            self._deadline = self._clock() + self._patience.seconds
        return await self._next(error), None

    def _learn(self, link: Candidate, error: ProviderError) -> None:
        error.model = link.model.name
        attempts, now = self._generation.attempts, self._clock()
        attempts[-1] = replace(attempts[-1], error=f"{type(error).__name__}: {error}")
        log.warning("provider.try_failed", model=link.model.name, error=attempts[-1].error)
        retry_after = error.retry_after if isinstance(error, Overloaded) else None
        self._rests[link] = now + (retry_after or 0.0)
        if error.row.ails:
            link.breaker.failed(now, retry_after)

    def _go_on(self, link: Candidate, error: ProviderError) -> Candidate:
        """An answer broke off: another model goes on with it, never the one that broke off."""
        self._open.remove(link)
        if not (self._patience.goes_on and self._open and error.row.elsewhere):
            raise error
        self._deadline = self._clock() + self._patience.seconds
        self._rounds = 0
        return self._new_round()

    async def _next(self, error: ProviderError) -> Candidate:
        """The next model of this round; after it a pause, and the next round.

        The deadline is for trying again: each model is asked once, however late.
        """
        link = self._admitted()
        if link is None:
            if not self._open or self._rounds == ROUNDS:
                raise error
            await self._pause(error)
            link = self._new_round()
        if self._rounds > 1 and self._clock() >= self._deadline:
            raise error
        return link

    async def _pause(self, error: ProviderError) -> None:
        now = self._clock()
        pause_s = _FIRST_PAUSE_S * 2 ** (self._rounds - 1) * (0.75 + self._patience.spread() / 2)
        rested = min(self._rests.get(link, now) for link in self._open)
        pause_s = max(pause_s, rested - now)
        if now + pause_s >= self._deadline:
            raise error
        await asyncio.sleep(pause_s)

    # Who is asked.

    def _new_round(self) -> Candidate:
        """Begins a round, and its first model: where all are to be left out, the one that has
        rested longest is asked all the same.
        """
        self._round, self._rounds = list(self._open), self._rounds + 1
        link = self._admitted()
        if link is None:
            link = min(self._round, key=lambda each: self._rests.get(each, 0.0))
            self._round.remove(link)
        return link

    def _admitted(self) -> Candidate | None:
        """The next model of this round that is not to be left out."""
        now = self._clock()
        link = next((each for each in self._round if each.breaker.admits(now)), None)
        if link is not None:
            self._round.remove(link)
        return link

    def _forget_a_smooth_course(self) -> None:
        """There is nothing to tell where the first try of the first model went well."""
        attempts = self._generation.attempts
        if len(attempts) == 1 and attempts[0].kind == "first" and attempts[0].error is None:
            attempts.clear()


# The models of the setting MODEL, in order, as one provider.


class ChainProvider:
    """Asks the first model, and where it fails, the next; a single one is tried again.

    On the common way it adds nothing to a token: the model that answers has the callbacks and the
    `Generation` themselves. So the callbacks hear a start and an error for each try that failed.
    """

    def __init__(self, models: Sequence[Provider], patience: RetryPolicy | None = None) -> None:
        """Raises `ValueError` where there is no model."""
        if not models:
            raise ValueError("a chain needs a model")
        self.models = tuple(models)
        self.name = ",".join(model.name for model in models)
        self._patience = patience or RetryPolicy()
        self._links = [Candidate(model) for model in models]

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


__all__ = ["ChainProvider", "RetryPolicy"]
