"""The form in which somebody asks about a message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.words import Language, Sentence

Json = Mapping[str, Any]

_QUESTION = "question"
_LONGEST = 4_000
_ROW, _INPUT, _PARAGRAPH = 1, 4, 2


def written(components: list[Json]) -> str:
    """The one field of the form, in whatever it is laid out."""
    for component in components:
        inner = component.get("components") or [component.get("component") or {}]
        for field in inner:
            if field.get("custom_id") == _QUESTION:
                return str(field.get("value") or "").strip()
    return ""


def modal(form: str, language: Language) -> Json:
    """The form; its id is `form`."""
    field = {
        "type": _INPUT,
        "style": _PARAGRAPH,
        "custom_id": _QUESTION,
        "label": Sentence("ask.question").to(language).text,
        "max_length": _LONGEST,
        "required": True,
    }
    row = {"type": _ROW, "components": [field]}
    title = Sentence("ask.about").to(language).text
    return {"custom_id": form, "title": title, "components": [row]}
