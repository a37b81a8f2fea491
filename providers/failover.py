"""Several models as one provider: a failed model is retried, replaced, or its answer continued."""

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
    Tool,
    Turn,
    Usage,
    takes_tools,
)
from providers.decoding import TextDelta
from providers.relay import Relay

# Requests for a further attempt: continued, or made shorter.


_IMAGE_BYTES = 3_000
"""Bytes of text that an image counts as: about a thousand tokens."""
_TOKEN_BYTES = 3
"""Bytes of text in a token, roughly."""


def continued(request: Request, answered: str) -> Request:
    """The request to continue an answer of which `answered` is already shown."""
    if not answered:
        return request
    on = (Turn("assistant", answered), Turn("user", GO_ON))
    return replace(request, turns=(*request.turns, *on))


def shorter(request: Request) -> Request | None:
    """The conversation at half its length, without its oldest turns.

    None if only system messages and the question are left; these are never cut.
    """
    system, earlier, question = _apart(request.turns)
    if not earlier:
        return None
    fixed = _weight([*system, *question], request.tools)
    left = _weight(request.turns, request.tools) // 2 - fixed
    kept: list[Turn] = []
    for turn in reversed(earlier):
        left -= _weight([turn])
        if left < 0:
            break
        kept.insert(0, turn)
    # Some services refuse a conversation that begins with an assistant's turn.
    while kept and kept[0].role != "user":
        kept.pop(0)
    return replace(request, turns=(*system, *kept, *question))


def fits(request: Request, room: int) -> bool:
    """Whether a conversation and its tools fit into `room` tokens, by their estimated length."""
    return _weight(request.turns, request.tools) <= room * _TOKEN_BYTES


def has_images(request: Request) -> bool:
    """Whether a request has images, which only some models take."""
    return any(turn.images for turn in request.turns)


def _apart(turns: Sequence[Turn]) -> tuple[Sequence[Turn], Sequence[Turn], Sequence[Turn]]:
    """A conversation's system messages, its earlier turns, and the question with what followed it.

    Calls and their results follow it, and each continuation: the partial answer, and `GO_ON`.
    """
    begins = next((n for n, turn in enumerate(turns) if turn.role != "system"), len(turns))
    asked = len(turns) - 1
    while asked > begins and (turns[asked].role != "user" or turns[asked].text == GO_ON):
        asked -= 1
    return turns[:begins], turns[begins:asked], turns[asked:]


def _weight(turns: Sequence[Turn], tools: Sequence[Tool] = ()) -> int:
    """The estimated length of turns, and of the tools offered with them, in bytes of text."""
    said = sum(len(text.encode()) for turn in turns for text in turn.texts)
    offered = sum(len(tool.text.encode()) for tool in tools)
    return said + offered + _IMAGE_BYTES * sum(len(turn.images) for turn in turns)


# The circuit breaker: a model that keeps failing is left out for a while.


FAILURES = 3
"""Failures in a row after which a model is left out."""
REST_S = 30.0
"""Seconds for which it is left out at first; doubled with each further failure."""
LONGEST_REST_S = 600.0
"""Most seconds for which it is left out."""


class Breaker:
    """One model's circuit breaker. Times are in seconds, of any clock that the caller keeps to."""

    def __init__(self) -> None:
        self._failures = 0
        self._rest_s = REST_S
        self._until = 0.0

    def admits(self, now: float) -> bool:
        """Whether the model may be asked now.

        After its rest one request is let through as a probe. The others stay out until the probe
        has succeeded or failed, or for another rest if it does neither.
        """
        if now < self._until:
            return False
        if self._failures >= FAILURES:
            self._until = now + self._rest_s
        return True

    def failed(self, now: float, retry_after: float | None = None) -> None:
        """The model failed; `retry_after`: the service asks for a pause of this many seconds."""
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


def together(one: Usage | None, other: Usage | None) -> Usage | None:
    """The sum of two usages; None if neither is known."""
    if one is None or other is None:
        return one or other
    return Usage(
        one.input_tokens + other.input_tokens,
        one.output_tokens + other.output_tokens,
        one.cached_input_tokens + other.cached_input_tokens,
        estimated=one.estimated or other.estimated,
    )


# One answer: which model is asked, when, and how often.


log = structlog.get_logger(__name__)

ROUNDS = 3
"""Most rounds without a new token; each round asks every remaining model once."""
_FIRST_PAUSE_S = 0.5
"""Seconds between the first round and the second; doubled for each further one."""
MOST_TRIMS = 3
"""How often a conversation is halved for one model at most."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The operator's settings for failing models.

    `seconds` is for how long failing models are retried. It counts from the question, and starts
    again when a model stalled or an answer broke off. (How long a model may be silent is set for
    each provider.) `goes_on` is whether another model continues an answer that broke off.
    `spread` returns numbers from 0 to 1, which vary the pauses, so that many answers that failed
    together are not retried together.
    """

    seconds: float = 120.0
    goes_on: bool = True
    spread: Callable[[], float] = random.random


@dataclass(eq=False, slots=True)
class Candidate:
    """A model of the chain with its circuit breaker, which all answers share."""

    model: Provider
    breaker: Breaker = field(default_factory=Breaker)


class Course:
    """The attempts for one answer: asks models until one has answered or none is left."""

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
        # With images, only models that take them are asked, unless there are none.
        seeing = [link for link in links if link.model.sees and has_images(request)]
        able = seeing or list(links)
        # So with tools: only models that can call them.
        self._open = [one for one in able if request.tools and takes_tools(one.model)] or able
        self._round: list[Candidate] = []
        self._rounds = 0
        self._deadline = self._began + patience.seconds
        self._rests: dict[Candidate, float] = {}
        self._last: Candidate | None = None
        self._trims: Counter[Candidate] = Counter()

    async def run(self) -> None:
        """Returns once a model has said that it is done; raises the last attempt's error."""
        link: Candidate = self._new_round()
        kind: AttemptKind | None = None
        try:
            while (error := await self._try(link, kind)) is not None:
                link, kind = await self._after(link, error)
        finally:
            self._forget_a_smooth_course()

    # One attempt.

    async def _try(self, link: Candidate, kind: AttemptKind | None) -> ProviderError | None:
        generation, request = self._generation, self._for(link)
        kind = kind or self._kind(link)
        if kind == "failover":
            log.warning("provider.failover", model=link.model.name, chars=len(generation.text))
            await self._seam(link)
        self._note(link, kind)
        # A provider reports the usage of its own attempt only; earlier ones are added afterwards.
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
        """The request for this model: short enough for it, and continuing what is there."""
        while not fits(self._request, link.model.room):
            if (less := shorter(self._request)) is None:
                break
            self._request, self._generation.trimmed = less, True
        return continued(self._request, self._generation.said)

    def _kind(self, link: Candidate) -> AttemptKind:
        if self._last is None:
            return "first" if link is self._links[0] else "failover"
        return "retry" if link is self._last else "failover"

    async def _seam(self, link: Candidate) -> None:
        """Marks where another model continues; once, even if several attempts begin there."""
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
        """The model to ask next, and why; raises `error` if there is none."""
        self._learn(link, error)
        tried = self._generation.attempts[-1]
        # Text that readers have seen can't be asked for again: the answer has to be continued.
        if len(self._generation.text) > tried.chars:
            return self._go_on(link, error), None
        if error.row.trims and self._trims[link] < MOST_TRIMS:
            self._trims[link] += 1
            if (less := shorter(self._request)) is not None:
                self._request, self._generation.trimmed = less, True
                return link, "trimmed"
        if not error.row.elsewhere:
            raise error
        # What won't pass by itself (a bad key, an unknown model) ends this model's part here.
        if not error.row.again:
            self._open.remove(link)
        # Waiting for a silent model may have used up the time that is meant for retries.
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
        """An answer broke off: another model continues it, never the same one."""
        self._open.remove(link)
        if not (self._patience.goes_on and self._open and error.row.elsewhere):
            raise error
        self._deadline = self._clock() + self._patience.seconds
        self._rounds = 0
        return self._new_round()

    async def _next(self, error: ProviderError) -> Candidate:
        """The next model of this round or, after a pause, the first of another round.

        The deadline applies to retries only: every model is asked once, however late.
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
        pause_s = max(pause_s, rested - now)  # not before the first service wants to be asked
        if now + pause_s >= self._deadline:
            raise error
        await asyncio.sleep(pause_s)

    # Which model is asked.

    def _new_round(self) -> Candidate:
        """Begins a round and returns its first model.

        If every circuit breaker is open, the model that has rested longest is asked anyway.
        """
        self._round, self._rounds = list(self._open), self._rounds + 1
        link = self._admitted()
        if link is None:
            link = min(self._round, key=lambda each: self._rests.get(each, 0.0))
            self._round.remove(link)
        return link

    def _admitted(self) -> Candidate | None:
        """The next model of this round that its circuit breaker admits, or None."""
        now = self._clock()
        link = next((each for each in self._round if each.breaker.admits(now)), None)
        if link is not None:
            self._round.remove(link)
        return link

    def _forget_a_smooth_course(self) -> None:
        """Drops the list of attempts if the first model answered at once: nothing to report."""
        attempts = self._generation.attempts
        if len(attempts) == 1 and attempts[0].kind == "first" and attempts[0].error is None:
            attempts.clear()


class ChainProvider:
    """Asks the first model and, if it fails, the next ones; a single model is retried.

    It costs nothing per token: the model that answers gets the callbacks and the `Generation`
    themselves. Callbacks therefore see a start and an error for each attempt that failed.
    """

    def __init__(self, models: Sequence[Provider], patience: RetryPolicy | None = None) -> None:
        """Raises `ValueError` without a model."""
        if not models:
            raise ValueError("a chain needs a model")
        self.models = tuple(models)
        self.name = ",".join(model.name for model in models)
        self._patience = patience or RetryPolicy()
        self._links = [Candidate(model) for model in models]

    def each(self, change: Callable[[Provider], Provider]) -> ChainProvider:
        """The same chain of changed models, with the same circuit breakers."""
        other = ChainProvider([change(model) for model in self.models], self._patience)
        for link, mine in zip(other._links, self._links, strict=True):
            link.breaker = mine.breaker
        return other

    @property
    def room(self) -> int:
        """The first model's context window in tokens; see `Provider.room`."""
        return self.models[0].room

    @property
    def sees(self) -> bool:
        """Whether the first model takes images."""
        return self.models[0].sees

    @property
    def tools(self) -> bool:
        """Whether any of the models can call tools; those that can are asked with tools."""
        return any(takes_tools(model) for model in self.models)

    async def start(self) -> None:
        """Starts all models at once; raises the first error."""
        await asyncio.gather(*(model.start() for model in self.models))

    async def generate(
        self,
        request: Request,
        *,
        run_id: UUID,
        callbacks: Sequence[AsyncCallbackHandler],
        generation: Generation,
    ) -> None:
        """See `Provider.generate`. Raises the last attempt's error."""
        course = Course(self._links, self._patience, request, run_id, callbacks, generation)
        await course.run()

    async def aclose(self) -> None:
        """Closes every model, even if one fails; then raises the first error."""
        ends = await asyncio.gather(*(m.aclose() for m in self.models), return_exceptions=True)
        for end in ends:
            if isinstance(end, BaseException):
                raise end
