"""The files of a question as a JSON column: what is known of them, never what is in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from bot.store.tables import storable
from connectors.base import File


def files_column(files: Sequence[File]) -> list[dict[str, Any]] | None:
    """As they are stored; None where there are none."""
    return [_column(file) for file in files] or None


def _column(file: File) -> dict[str, Any]:
    values = asdict(file)
    return {name: storable(v) if isinstance(v, str) else v for name, v in values.items()}


def files_of(stored: list[dict[str, Any]] | None) -> tuple[File, ...]:
    """As they were asked with."""
    return tuple(File(**values) for values in stored or ())
