"""Names that are no setting, and which setting was most likely meant."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path

from dotenv import dotenv_values

from bot.settings.settings import Settings

_ALIKE = 0.75
"""From this likeness on (difflib's ratio), an unknown name is taken for a slip of the pen."""


def unknown_in_dotenv(path: Path = Path(".env")) -> list[str]:
    """The names in `.env` that are no setting: most often a slip of the pen."""
    known = set(Settings.model_fields)
    return sorted(name for name in dotenv_values(path) if name.lower() not in known)


OTHER_NAMES = {
    "AZURE_OPENAI_API_VERSION": "OPENAI_API_VERSION",
    "AZURE_OPENAI_KEY": "AZURE_OPENAI_API_KEY",
    "CLAUDE_API_KEY": "ANTHROPIC_API_KEY",
    "DISCORD_BOT_TOKEN": "DISCORD_TOKEN",
    "GEMINI_API_KEY": "GOOGLE_API_KEY",
    "LLM_MODEL": "MODEL",
    "MODEL_NAME": "MODEL",
    "OPENAI_API_BASE": "OPENAI_BASE_URL",
    "OPENAI_KEY": "OPENAI_API_KEY",
    "OPENAI_MODEL": "MODEL",
    "POSTGRES_URL": "DATABASE_URL",
    "SLACK_TOKEN": "SLACK_BOT_TOKEN",
}
"""What other programs call what is a setting here."""
_SURELY = 0.9
"""The same for a name in the environment, which all programs share."""


def near_misses() -> list[tuple[str, str]]:
    """Names in the environment that are most likely meant for a setting, which isn't set; each with
    the setting.
    """
    known = {field.upper() for field in Settings.model_fields}
    has = {name for name, value in os.environ.items() if value}
    has |= {name.upper() for name, value in dotenv_values(".env").items() if value}
    found = []
    for name in sorted(has - known):
        like = OTHER_NAMES.get(name) or next(iter(get_close_matches(name, known, 1, _SURELY)), None)
        if like is not None and like not in has and name in os.environ:
            found.append((name, like))
    return found


def meant(name: str) -> str | None:
    """The setting that an unknown name is most like; None where it is like none."""
    if (other := OTHER_NAMES.get(name.upper())) is not None:
        return other
    known = [field.upper() for field in Settings.model_fields]
    return next(iter(get_close_matches(name.upper(), known, 1, _ALIKE)), None)
