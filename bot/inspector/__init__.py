"""The inspector: web pages with the list of runs, each run's steps and chart, and an overview."""

from bot.inspector.calls import call_as_dict, call_line
from bot.inspector.pages import Inspector, Options, Sight
from bot.inspector.story import Story, tell
from bot.inspector.views import one_file

__all__ = [
    "Inspector",
    "Options",
    "Sight",
    "Story",
    "call_as_dict",
    "call_line",
    "one_file",
    "tell",
]
