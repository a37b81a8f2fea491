"""What a model's tokens cost: the operator's prices, or the list in the package genai-prices.

The list is that of the installed version; nothing is downloaded. It is imported when it is first
needed, which takes a tenth of a second and 4 MB.
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
    """US dollars per million tokens. Without a price of their own, cached tokens cost as input."""

    input: Decimal
    output: Decimal
    cached_input: Decimal | None = None

    def of(self, usage: Usage) -> Decimal:
        """The cost of a usage in millionths of a US dollar."""
        cached = min(usage.cached_input_tokens, usage.input_tokens)
        cached_price = self.input if self.cached_input is None else self.cached_input
        fresh = usage.input_tokens - cached
        return fresh * self.input + cached * cached_price + usage.output_tokens * self.output


@dataclass(slots=True)
class Prices:
    """The prices of all models in use.

    `own` are the operator's prices by model (`provider:model`, as in the setting MODEL); `every`
    is for all models that `own` does not have. `urls` are the addresses of services that are not
    at their usual one, by provider.
    """

    own: Mapping[str, ModelPrice] = field(default_factory=dict)
    every: ModelPrice | None = None
    urls: Mapping[str, str] = field(default_factory=dict)
    _called: dict[str, str] = field(default_factory=dict)
    """What services call the models, as answers said: Azure's deployments have any name."""

    def cost(self, model: str, called: str, usage: Usage) -> int | None:
        """The cost in millionths of a US dollar, rounded up; None if the price is not known.

        `called` is what the service calls the model, or empty. If `model` is a chain of models
        (separated by commas), the first one's price counts.
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
        except (LookupError, ValueError):  # not in the list, or priced by more than tokens
            return None
