"""The most that one run may use: tokens, and money where the model's price is known.

What the model is given is trimmed so that a quarter of it is left for the answer, and the answer
is bounded by the rest. The question's tokens are a careful estimate; so is the cap.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.runs.usage import Price, no_price
from bot.words import Sentence, english
from providers.base import BadRequest, Usage

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
