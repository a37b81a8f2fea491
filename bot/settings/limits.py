"""How much may be used, and what it costs."""

from __future__ import annotations

from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_settings import BaseSettings


class PriceSetting(BaseModel):
    """US dollars for a million tokens of one model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: Decimal = Field(ge=0)
    output: Decimal = Field(ge=0)
    cached_input: Decimal | None = Field(None, ge=0)


class LimitSettings(BaseSettings):
    """Limits for people, workspaces and single answers, and prices. None is set at first."""

    person_runs_at_once: int | None = Field(
        None, ge=1, description="most answers that are written for a person at once"
    )
    person_runs_per_day: int | None = Field(
        None, ge=0, description="most answers for a person in a day (UTC)"
    )
    person_tokens_per_day: int | None = Field(
        None, ge=0, description="most tokens, read and written, for a person in a day (UTC)"
    )
    person_usd_per_month: Decimal | None = Field(
        None, ge=0, description="most US dollars for a person in a month (UTC); needs known prices"
    )
    workspace_runs_at_once: int | None = Field(
        None, ge=1, description="most answers that are written in a workspace at once"
    )
    workspace_runs_per_day: int | None = Field(
        None, ge=0, description="most answers in a workspace in a day (UTC)"
    )
    workspace_tokens_per_day: int | None = Field(
        None, ge=0, description="most tokens, read and written, in a workspace in a day (UTC)"
    )
    workspace_usd_per_month: Decimal | None = Field(
        None, ge=0, description="most US dollars in a workspace in a month (UTC)"
    )
    run_tokens: int | None = Field(
        None, ge=256, description="most tokens of one question and its answer together, about"
    )
    run_usd: Decimal | None = Field(
        None, gt=0, description="most US dollars of one answer, about; needs a known price"
    )
    price_input_per_mtok: Decimal | None = Field(
        None,
        ge=0,
        description="US dollars for a million tokens read; unset: from the built-in price list",
    )
    price_output_per_mtok: Decimal | None = Field(
        None, ge=0, description="US dollars for a million tokens written; goes with the input's"
    )
    price_cached_input_per_mtok: Decimal | None = Field(
        None, ge=0, description="US dollars for a million tokens that the service had read before"
    )
    prices: dict[str, PriceSetting] | None = Field(
        None,
        description='by model, as JSON: `{"azure:prod": {"input": 2.5, "output": 10}}`',
    )

    @model_validator(mode="after")
    def _both_prices(self) -> LimitSettings:
        given, made = self.price_input_per_mtok, self.price_output_per_mtok
        if (given is None) != (made is None):
            raise ValueError("PRICE_INPUT_PER_MTOK and PRICE_OUTPUT_PER_MTOK need each other")
        if given is None and self.price_cached_input_per_mtok is not None:
            raise ValueError("PRICE_CACHED_INPUT_PER_MTOK needs PRICE_INPUT_PER_MTOK")
        return self

    @property
    def limits_money(self) -> bool:
        """Whether a limit holds only where prices are known."""
        limits = (self.person_usd_per_month, self.workspace_usd_per_month, self.run_usd)
        return any(limit is not None for limit in limits)
