"""The only reader of the environment: every setting, checked at start, with secrets masked.

Values come from environment variables and from a file `.env` in the current folder. A value
that can't work is refused with a message that names the setting and the cure.
"""

from bot.settings.model import setting_names
from bot.settings.settings import (
    Settings,
    SettingsError,
    load_settings,
    meant,
    unknown_in_dotenv,
)
from bot.settings.values import revealed

__all__ = [
    "Settings",
    "SettingsError",
    "load_settings",
    "meant",
    "revealed",
    "setting_names",
    "unknown_in_dotenv",
]
