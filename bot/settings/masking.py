"""What must not leave: what is masked before a service sees it, and what is not taken at all."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import cache
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import Annotated, Any

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode

from bot.settings.values import as_object
from providers.registry import MASKED_KINDS

_LABEL = re.compile(r"[A-Z][A-Z0-9]{0,15}")
_REGION = re.compile(r"[A-Z]{2}")
_MOST_PATTERNS = 50
_MOST_PATTERN = 500
_MOST_WORDS = 1_000
_ALIKE = 0.6

Names = Annotated[tuple[str, ...], NoDecode]


def _parts(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
    return value


class MaskingSettings(BaseSettings):
    """What is masked, and what is refused."""

    mask: Names = Field(
        (),
        description="what becomes a placeholder before a service sees it, comma-separated: "
        "`email`, `phone`, `card`, `iban`, `id`, `ip`, or a number that python-stdnum knows, such "
        "as `de.idnr` (see docs/masking.md)",
    )
    mask_patterns: Annotated[dict[str, str], NoDecode] = Field(
        {},
        description="further patterns that are masked, by name, as JSON: "
        r'`{"CUSTOMER": "K-\\d{6}"}`',
    )
    mask_regions: Names = Field(
        (),
        description="countries whose telephone numbers are known without a plus: `US,DE,CN`",
    )
    mask_tools: Names = Field(
        (), description="the servers of tools that are given placeholders, and never the values"
    )
    block_words: Names = Field(
        (), description="a question with one of these words is not taken, comma-separated"
    )

    @field_validator("mask", "mask_regions", "mask_tools", "block_words", mode="before")
    @classmethod
    def _are_parts(cls, value: Any) -> Any:
        return _parts(value)

    @field_validator("mask")
    @classmethod
    def _are_kinds(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(known_kind(kind) for kind in value)

    @field_validator("mask_patterns", mode="before")
    @classmethod
    def _is_a_map(cls, value: Any) -> Any:
        return as_object(value)

    @field_validator("mask_patterns")
    @classmethod
    def _are_patterns(cls, value: dict[str, str]) -> dict[str, str]:
        if len(value) > _MOST_PATTERNS:
            raise ValueError(f"has {len(value)} patterns, at most {_MOST_PATTERNS} are possible")
        for label, pattern in value.items():
            _check_pattern(label, pattern)
        return value

    @field_validator("mask_regions")
    @classmethod
    def _are_regions(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for region in value:
            if not _REGION.fullmatch(region):
                raise ValueError(f"has {region}: write the two letters of a country, like US or DE")
        return value

    @field_validator("block_words")
    @classmethod
    def _are_few(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(value) > _MOST_WORDS:
            raise ValueError(f"has {len(value)} words, at most {_MOST_WORDS} are possible")
        return value

    @property
    def masks(self) -> bool:
        """Whether anything is masked."""
        return bool(self.mask or self.mask_patterns)


def known_kind(kind: str) -> str:
    """A kind as MASK may have it, in lower case; raises `ValueError` where there is none."""
    kind = kind.lower()
    if kind in MASKED_KINDS or (re.fullmatch(r"[a-z]{2}_?\.\w+", kind) and kind in _numbers(kind)):
        return kind
    close = get_close_matches(kind, [*MASKED_KINDS, *_numbers(kind)], 1, _ALIKE)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(MASKED_KINDS)}"
    raise ValueError(f"has {kind}, which is no kind: {hint}")


@cache
def _numbers(kind: str) -> frozenset[str]:
    """The numbers of the country that a kind begins with, as python-stdnum names them."""
    country = kind.partition(".")[0]
    if not re.fullmatch(r"[a-z]{2}_?", country):
        return frozenset()
    found = find_spec(f"stdnum.{country}")
    paths = () if found is None else found.submodule_search_locations or ()
    return frozenset(f"{country}.{module.name}" for module in iter_modules(list(paths)))


def _check_pattern(label: str, pattern: str) -> None:
    """Raises `ValueError` where a pattern can't be used."""
    import regex  # type: ignore[import-untyped]

    if not _LABEL.fullmatch(label):
        raise ValueError(f"has the name {label}: capital letters and digits, at most 16")
    if len(pattern) > _MOST_PATTERN:
        raise ValueError(f"{label} is longer than {_MOST_PATTERN} characters")
    try:
        compiled = regex.compile(pattern)
    except (regex.error, RecursionError) as error:
        raise ValueError(f"{label} is no pattern: {error}") from None
    if compiled.fullmatch(""):
        raise ValueError(f"{label} matches nothing at all: an empty text")
