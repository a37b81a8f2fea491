"""The tokens of a run and their price, as the service counted them, else estimated; and the most
that one run may use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from bot.words import Sentence, english
from providers.base import Attempt, BadRequest, Generation, Request, Usage

# How much of a model's room a text or an image takes.


IMAGE_TOKENS = 1_000
"""A careful estimate of what an image takes of a model's room."""


def estimated_tokens(text: str) -> int:
    """A careful estimate of a text's tokens: a third of its bytes, and four."""
    return len(text.encode()) // 3 + 4


Price = Callable[[str, str, Usage], int | None]
"""Millionths of a US dollar for tokens of a model, which is named as in MODEL and as the service
calls it (empty where that is not known); None where no price is known."""

_BYTES = 4
_PER_TURN = 4
_REFUSALS = frozenset({"Overloaded", "BadRequest", "TooLong", "AuthFailed"})
"""The kinds of `ProviderError` after which, without a token, nothing is charged."""


def no_price(model: str, called: str, usage: Usage) -> int | None:  # noqa: ARG001 - a `Price`
    """Knows no price."""
    return None


@dataclass(frozen=True, slots=True)
class Used:
    """What a run used; `cost_microusd` is None where the price of any part of it is not known."""

    usage: Usage
    cost_microusd: int | None


def asked_tokens(request: Request) -> int:
    """An estimate of a request's tokens."""
    turns = sum(
        sum(map(_tokens, turn.texts)) + _PER_TURN + IMAGE_TOKENS * len(turn.images)
        for turn in request.turns
    )
    return turns + sum(_tokens(tool.text) for tool in request.tools)


def answered_tokens(generation: Generation) -> int:
    """An estimate of an answer's tokens so far."""
    return max(generation.tokens, _tokens(generation.text))


def used(
    request: Request | None, model: str, generation: Generation, error: str | None, price: Price
) -> Used | None:
    """What a run has used; None where that is nothing.

    `request` is None before the model was asked; `error` is the kind and the message of what
    ended the run, if anything did.
    """
    if request is None:
        return None
    asked = asked_tokens(request)
    parts = _failed(asked, generation)
    last = generation.attempts[-1].model if generation.attempts else model
    usage = _last(asked, generation, error)
    if usage is not None:
        parts.append((last, generation.model, usage))
    parts += [(other, "", spent) for other, spent in generation.besides]
    return _sum(parts, price)


def _failed(asked: int, generation: Generation) -> list[tuple[str, str, Usage]]:
    """The tries before the last one: of those no service has said anything."""
    text, tries = generation.text, generation.attempts
    parts = []
    for attempt, following in pairwise(tries):
        answered = _tokens(text[attempt.chars : following.chars])
        if answered or not _refused(attempt.error):
            given = asked + _tokens(text[: attempt.chars])
            parts.append((attempt.model, "", Usage(given, answered, estimated=True)))
    return parts


def _last(asked: int, generation: Generation, error: str | None) -> Usage | None:
    """The usage of the last try, or of the only one."""
    before = _before(generation.attempts)
    text = generation.text[before:]
    answered = max(_tokens(text), 0 if before else generation.tokens)
    told = generation.usage
    if told is not None and told.input_tokens and (told.output_tokens or not answered):
        return told
    if told is None and not answered and _refused(error):
        return None
    given = asked + _tokens(generation.text[:before])
    estimate = Usage(given, answered, estimated=True)
    if told is None:
        return estimate
    return replace(
        told,
        input_tokens=told.input_tokens or given,
        output_tokens=told.output_tokens or answered,
        estimated=True,
    )


def _before(attempts: Sequence[Attempt]) -> int:
    """The characters that stood when the last try began."""
    return attempts[-1].chars if attempts else 0


def _sum(parts: Sequence[tuple[str, str, Usage]], price: Price) -> Used | None:
    if not parts:
        return None
    costs = [price(model, called, usage) for model, called, usage in parts]
    known = [cost for cost in costs if cost is not None]
    usages = [usage for _, _, usage in parts]
    total = Usage(
        sum(usage.input_tokens for usage in usages),
        sum(usage.output_tokens for usage in usages),
        sum(usage.cached_input_tokens for usage in usages),
        any(usage.estimated for usage in usages),
    )
    return Used(total, sum(known) if len(known) == len(costs) else None)


def _tokens(text: str) -> int:
    return -(-len(text.encode("utf-8", "replace")) // _BYTES)


def _refused(error: str | None) -> bool:
    return (error or "").partition(":")[0] in _REFUSALS


# The most that one run may use: tokens, and money where the model's price is known.
#
# What the model is given is trimmed so that a quarter of it is left for the answer, and the answer
# is bounded by the rest. The question's tokens are a careful estimate; so is the cap.


_MILLION = 1_000_000
_ANSWER_SHARE = 4


class NotAnswerable(BadRequest):
    """A question can't be put to the model; `why` follows on "The model can't answer this:"."""

    def __init__(self, why: Sentence) -> None:
        super().__init__(english(why))
        self.why = why


@dataclass(frozen=True, slots=True)
class Caps:
    """`tokens` of question and answer together; money in millionths of a US dollar."""

    tokens: int | None = None
    microusd: int | None = None
    price: Price = no_price

    def room(self, model: str, room: int) -> int:
        """The part of a model's room that may be filled."""
        most = room if self.tokens is None else min(room, self.tokens)
        prices = self._prices(model)
        if self.microusd is None or prices is None:
            return most
        given, made = prices
        mean = (given * (_ANSWER_SHARE - 1) + made) / _ANSWER_SHARE
        return min(most, int(self.microusd * _MILLION / mean)) if mean else most

    def answer(self, model: str, asked: int, most: int | None) -> int | None:
        """The most tokens of an answer to a question of `asked` tokens; None: no bound.

        `most` is the bound for all answers. Raises `NotAnswerable` where nothing is left.
        """
        bounds = [] if most is None else [most]
        if self.tokens is not None:
            bounds.append(self.tokens - asked)
        prices = self._prices(model)
        if self.microusd is not None and prices is not None and prices[1]:
            given, made = prices
            bounds.append(int((self.microusd * _MILLION - asked * given) / made))
        if bounds and min(bounds) < 1:
            raise NotAnswerable(Sentence("refused.too_costly"))
        return min(bounds, default=None)

    def _prices(self, model: str) -> tuple[int, int] | None:
        """What a million tokens of question and answer cost; of several models, the dearest."""
        found = [
            (given, made)
            for name in model.split(",")
            if (given := self.price(name.strip(), "", Usage(_MILLION, 0))) is not None
            and (made := self.price(name.strip(), "", Usage(0, _MILLION))) is not None
        ]
        if not found:
            return None
        return max(given for given, _ in found), max(made for _, made in found)
