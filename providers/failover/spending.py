"""What several tries have used."""

from __future__ import annotations

from providers.base import Usage


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
