"""What the operator is told of a model's failure: what happened, and what cures it."""

from __future__ import annotations

from bot.settings import meant, setting_names
from bot.words import Sentence, english, parameters
from providers.base import ProviderError


def happened(error: ProviderError) -> str:
    """What happened, in one line; nothing that the service said."""
    if not error.named:
        return str(error)
    return english(Sentence(f"cause.{error.cause}", error.params))


def cure(error: ProviderError) -> str:
    """What to do about it, in one line."""
    return english(remedy(error))


def remedy(error: ProviderError) -> Sentence:
    """What to do about it, with the settings of the model that failed."""
    id_ = f"cure.{error.cause}"
    key, address = setting_names(error.model.partition(":")[0])
    known = {**error.params, "key": key, "address": address}
    return Sentence(id_, {name: known.get(name, "") for name in parameters(id_)})


def in_full(error: ProviderError) -> str:
    """What happened, what the service said of it, and the cure: lines for a terminal."""
    said = f'\nIt said: "{error.said}"' if error.said else ""
    return f"{happened(error)}{said}\nCure: {cure(error)}"


def misspelt(name: str) -> Sentence | None:
    """What cures a name in `.env` that is most like a setting; None where it is like none."""
    other = meant(name)
    if other is None:
        return None
    return Sentence("cure.settings.misspelt", {"meant": other, "name": name})


def unknown_setting(name: str) -> Sentence:
    """What is said of a name in `.env` that is no setting."""
    if (other := meant(name)) is not None:
        return Sentence("settings.misspelt", {"name": name, "meant": other})
    return Sentence("settings.unknown", {"name": name})
