"""The only reader of the environment: every setting, checked at start, with secrets masked.

Values come from environment variables, from a file `.env` in the current folder, and from
`everytoken.toml`, in this order. A value that can't work is refused with a message that names the
setting and the cure.
"""

from bot.settings.file import CONFIG_FILE, DEFAULT_FILE, ConfigFile, own_fields
from bot.settings.masking import known_kind
from bot.settings.model import setting_names
from bot.settings.names import meant, near_misses, unknown_in_dotenv
from bot.settings.settings import (
    GROUPS,
    Settings,
    SettingsError,
    load_database,
    load_settings,
)
from bot.settings.sources import sources
from bot.settings.values import revealed

__all__ = [
    "CONFIG_FILE",
    "DEFAULT_FILE",
    "GROUPS",
    "ConfigFile",
    "Settings",
    "SettingsError",
    "known_kind",
    "load_database",
    "load_settings",
    "meant",
    "near_misses",
    "own_fields",
    "revealed",
    "setting_names",
    "sources",
    "unknown_in_dotenv",
]
