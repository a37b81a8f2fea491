"""The embedded model's file, fetched before a command needs it."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

from bot.settings import Settings
from providers.model_file import DEFAULT_PATH, DOWNLOADED, NAME, FetchError, cache, fetch, where


def fetch_embedded(settings: Settings, say: Callable[[str], None]) -> None:
    """Fetches it on first use, and says so; where that fails, the model says the rest.

    A file of the operator's own is never fetched, nor is one that nothing here could load.
    """
    models = {*settings.chain, *settings.models.values()}
    wanted = any(model.partition(":")[0] == "local" for model in models)
    path = settings.local_model_path
    if not wanted or path != DEFAULT_PATH or where(path).exists() or not find_spec("xllamacpp"):
        return
    say(f"Fetching the embedded model, once: {NAME} ({DOWNLOADED} MB) ...")
    try:
        fetch(cache())
    except (FetchError, OSError) as error:
        say(f"It can't be fetched: {error}")
        return
    say(f"It is whole, and kept in {cache()}.")
