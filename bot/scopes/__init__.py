"""Scope settings: another model, persona or manner for a thread, channel, category or workspace."""

from bot.scopes.forms import changed_in_form, settings_form
from bot.scopes.lookup import (
    CHOSEN,
    FileScopes,
    FoundValue,
    Holding,
    Scopes,
    lineage,
    lineage_for,
    lines,
    made_lines,
)
from bot.scopes.values import (
    MOST_PROMPT,
    SETTINGS,
    Offered,
    Persona,
    ScopeSetting,
    WrongValue,
    as_written,
    known_scope,
    known_setting,
    one_of,
    parsed,
    shown,
)

__all__ = [
    "CHOSEN",
    "MOST_PROMPT",
    "SETTINGS",
    "FileScopes",
    "FoundValue",
    "Holding",
    "Offered",
    "Persona",
    "ScopeSetting",
    "Scopes",
    "WrongValue",
    "as_written",
    "changed_in_form",
    "known_scope",
    "known_setting",
    "lineage",
    "lineage_for",
    "lines",
    "made_lines",
    "one_of",
    "parsed",
    "settings_form",
    "shown",
]
