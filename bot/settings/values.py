"""What several settings are read with."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic_settings import NoDecode

Ids = Annotated[frozenset[str], NoDecode]
"""Ids, separated by commas."""


def split_ids(value: Any) -> Any:
    """Ids as the environment has them, apart."""
    if isinstance(value, str):
        return frozenset(part.strip() for part in value.split(",") if part.strip())
    return value


def is_url(value: str | None) -> str | None:
    """The value, if it is a web address; raises `ValueError` otherwise."""
    if value is not None and not value.startswith(("http://", "https://")):
        raise ValueError("has to begin with http:// or https://")
    return value
