"""What was used, in words."""

from __future__ import annotations

from collections.abc import Iterator

from bot.store import RunEnd


def usd(microusd: int) -> str:
    """Money; small sums with all of their digits."""
    return f"{microusd / 1e6:,.2f} USD" if microusd >= 1_000_000 else f"{microusd / 1e6:.6f} USD"


def used_lines(model: str, end: RunEnd) -> Iterator[str]:
    """A run's tokens and their price, as `runs show` prints them; nothing where it used none."""
    if end.input_tokens is None or end.output_tokens is None:
        return
    cached = f" ({end.cached_input_tokens:,} of them cached)" if end.cached_input_tokens else ""
    estimated = ", estimated" if end.usage_estimated else ""
    yield f"usage     {end.input_tokens:,} tokens in{cached}, {end.output_tokens:,} out{estimated}"
    if end.cost_microusd is None:
        yield f"cost      unknown: no price is known for {model}"
    else:
        yield f"cost      {usd(end.cost_microusd)}{estimated}"
