"""What a model's tokens cost: as the operator says, or by the list that comes with genai-prices.

The list is the one of the installed version: nothing is fetched. It is imported when it is first
needed (a tenth of a second, 4 MB beside a client that stands on the same libraries).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from typing import Any

from providers.base import Usage

_FREE = "local"
"""The provider whose tokens cost nothing but electricity."""


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """US dollars for a million tokens; what was read before costs as other input if unset."""

    input: Decimal
    output: Decimal
    cached_input: Decimal | None = None

    def of(self, usage: Usage) -> Decimal:
        """Millionths of a US dollar for so many tokens."""
        cached = min(usage.cached_input_tokens, usage.input_tokens)
        cached_price = self.input if self.cached_input is None else self.cached_input
        fresh = usage.input_tokens - cached
        return fresh * self.input + cached * cached_price + usage.output_tokens * self.output


@dataclass(slots=True)
class Prices:
    """The prices of the models that are set, each named as in MODEL: `provider:model`.

    `own` are the operator's, by that name; `every` is for all models that `own` does not name.
    `urls` are the addresses of the services, by provider, where they are not the usual ones.
    """

    own: Mapping[str, ModelPrice] = field(default_factory=dict)
    every: ModelPrice | None = None
    urls: Mapping[str, str] = field(default_factory=dict)
    _called: dict[str, str] = field(default_factory=dict)
    """What services call the models themselves: a deployment's name says nothing."""

    def cost(self, model: str, called: str, usage: Usage) -> int | None:
        """Millionths of a US dollar, rounded up; None where no price is known.

        `called` is what the service calls the model, empty where it has not said. Where `model`
        is several that are tried in order, it was the first.
        """
        model = model.partition(",")[0].strip()
        if called:
            self._called[model] = called
        exact = self._exact(model, usage)
        return None if exact is None else int(exact.to_integral_value(ROUND_CEILING))

    def _exact(self, model: str, usage: Usage) -> Decimal | None:
        own = self.own.get(model, self.every)
        provider, _, name = model.partition(":")
        if own is not None:
            return own.of(usage)
        if provider == _FREE:
            return Decimal(0)
        for known in (self._called.get(model), name):
            if known and (listed := self._listed(provider, known, usage)) is not None:
                return listed
        return None

    def _listed(self, provider: str, name: str, usage: Usage) -> Decimal | None:
        from genai_prices import Usage as Used
        from genai_prices import calc_price

        counted = Used(
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=min(usage.cached_input_tokens, usage.input_tokens),
        )
        url = self.urls.get(provider)
        where: dict[str, Any] = {"provider_api_url": url} if url else {"provider_id": provider}
        try:
            return calc_price(counted, name, **where).total_price * 1_000_000
        except (LookupError, ValueError):  # not in the list, or not priced by tokens alone
            return None
