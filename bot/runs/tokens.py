"""How much of a model's room a text takes."""

from __future__ import annotations


def estimated_tokens(text: str) -> int:
    """A careful estimate of a text's tokens: a third of its bytes, and four."""
    return len(text.encode()) // 3 + 4
