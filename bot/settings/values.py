"""What several settings are read with."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic_settings import NoDecode

Ids = Annotated[frozenset[str], NoDecode]
"""Ids, separated by commas."""


def split_ids(value: Any) -> Any:
    """Ids as the environment has them, apart."""
    if isinstance(value, str):
        return frozenset(part.strip() for part in value.split(",") if part.strip())
    return value


def as_object(value: Any) -> Any:
    """A JSON object as the environment has it; raises `ValueError` where it is none."""
    if not isinstance(value, str):
        return value
    try:
        found = json.loads(value)
    except json.JSONDecodeError as error:
        raise ValueError(f"is no JSON: {error.msg} at character {error.pos + 1}") from None
    if not isinstance(found, dict):
        raise ValueError('has to be a JSON object, like {"temperature": 0.2}')
    return found


def is_url(value: str | None) -> str | None:
    """The value, if it is a web address; raises `ValueError` otherwise."""
    if value is not None and not value.startswith(("http://", "https://")):
        raise ValueError("has to begin with http:// or https://")
    return value
