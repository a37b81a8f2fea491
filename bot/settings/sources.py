"""Where the value of each setting comes from."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import Literal

from dotenv import dotenv_values

from bot.settings.settings import Settings

Source = Literal["environment", ".env", "file", "default"]


def sources(settings: Settings, path: Path = Path(".env")) -> dict[str, Source]:
    """By setting, where its value comes from."""
    environ = {name.lower() for name, value in os.environ.items() if value}
    dotenv = {name.lower() for name, value in dotenv_values(path).items() if value}
    of_file = settings.file.values if settings.file else {}
    ways: tuple[tuple[Source, Collection[str]], ...] = (
        ("environment", environ), (".env", dotenv), ("file", of_file)
    )  # fmt: skip
    return {
        name: next((source for source, has in ways if name in has), "default")
        for name in Settings.model_fields
    }
