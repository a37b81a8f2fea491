"""What several settings are read with."""

from __future__ import annotations

import json
import unicodedata
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, SecretStr
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


def as_pairs(value: Any) -> Any:
    """`name=value,name=value` as the environment has it; raises `ValueError` where it is none."""
    if not isinstance(value, str):
        return value
    pairs = [part.partition("=") for part in value.split(",") if part.strip()]
    for name, equals, given in pairs:
        if not equals or not name.strip() or not given.strip():
            raise ValueError("has to be like fast=openai:gpt-4o-mini,deep=azure:prod")
    names = [name.strip() for name, _, _ in pairs]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"has {twice} twice")
    return {name.strip(): given.strip() for name, _, given in pairs}


def _lower(value: Any) -> Any:
    """Names as the environment has them, apart, in lower case."""
    if isinstance(value, str):
        return frozenset(part.strip().lower() for part in value.split(",") if part.strip())
    return value


Lower = Annotated[frozenset[str], NoDecode, BeforeValidator(_lower)]
"""Names in lower case, separated by commas."""


def as_key(value: SecretStr | None) -> SecretStr | None:
    """A key or token, if it can be one; raises `ValueError` otherwise.

    One with white space, quotes or anything beyond ASCII in it was copied wrongly or is an example:
    a service would refuse it, or the request could not even be written.
    """
    if value is None:
        return None
    key = value.get_secret_value()
    for position, character in enumerate(key, 1):
        if not "!" <= character <= "~" or character in "'\"`":
            name = unicodedata.name(character, f"U+{ord(character):04X}").lower()
            raise ValueError(
                f"has a character that no key has: {name}, at position {position}. "
                "Copy the key again, whole and alone"
            )
    return value


def revealed(secret: SecretStr | None) -> str | None:
    """A secret's value, for the one who needs it."""
    return None if secret is None else secret.get_secret_value()


Key = Annotated[SecretStr | None, AfterValidator(as_key)]
"""A key or token of a service."""


def is_url(value: str | None) -> str | None:
    """The value, if it is a web address; raises `ValueError` otherwise."""
    if value is not None and not value.startswith(("http://", "https://")):
        raise ValueError("has to begin with http:// or https://")
    return value
