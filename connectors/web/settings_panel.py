"""The page's panel for what is set: read and changed over HTTP by who may."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args
from uuid import uuid4

from connectors.base import Configured, Incoming, Inflow, MessageRef, Person, Place, ScopeKind
from connectors.words import Language, Sentence

MOST_BYTES = 200_000
"""Of a request that changes settings: a prompt has 20,000 characters at the most."""


class NotUnderstood(Exception):
    """No page of ours sends that."""


@dataclass(frozen=True, slots=True)
class PanelAnswer:
    """What the page is answered: a status of HTTP, and JSON."""

    status: int
    content: Mapping[str, Any]


class SettingsPanel:
    """Hands the bot what somebody wants with the settings."""

    def __init__(self, inflow: Inflow) -> None:
        self._inflow = inflow

    async def form(self, place: Place, person: Person, where: str, to: Language) -> PanelAnswer:
        """What can be set in a place, for who may change it. Raises `NotUnderstood`."""
        wants = Configured(_ref(place), person, "form", _kind(where))
        incoming = self._inflow.put(wants)
        kept = await incoming.kept()
        if not kept or incoming.form is None:
            return _refused(incoming, to)
        form = incoming.form
        fields = [
            {
                "name": each.name,
                "label": each.label.to(to).text,
                "kind": each.kind,
                "value": each.value,
                "without": (each.without or Sentence("settings.usual")).to(to).text,
                "options": list(each.options),
                "most": each.most,
            }
            for each in form.fields
        ]
        told = Sentence("settings.form", {"scope": form.scope}).to(to).text
        seen = dict(form.seen)
        return PanelAnswer(200, {"where": where, "told": told, "fields": fields, "seen": seen})

    async def change(self, place: Place, person: Person, body: bytes, to: Language) -> PanelAnswer:
        """Changes what was written in the form. Raises `NotUnderstood`."""
        where, written, seen = _read(body)
        wants = Configured(_ref(place), person, "set", where, written, seen)
        incoming = self._inflow.put(wants)
        if not await incoming.kept() or incoming.declined:
            return _refused(incoming, to)
        return PanelAnswer(200, {})


def _ref(place: Place) -> MessageRef:
    return MessageRef(place, uuid4().hex)


def _refused(incoming: Incoming, to: Language) -> PanelAnswer:
    told = incoming.told or Sentence("told.not_now").to(to)
    status = 409 if incoming.declined else 503
    return PanelAnswer(status, {"problem": told.text, "at": incoming.at})


def _kind(where: str) -> ScopeKind:
    if where not in get_args(ScopeKind):
        raise NotUnderstood(where)
    return where  # type: ignore[return-value]  # looked up just now


def _read(body: bytes) -> tuple[ScopeKind, Mapping[str, str], Mapping[str, int]]:
    try:
        said = json.loads(body)
        where, written, seen = said["where"], said["written"], said["seen"]
        texts = {str(name): str(value) for name, value in written.items()}
        numbers = {str(name): int(number) for name, number in seen.items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise NotUnderstood("no form") from error
    return _kind(str(where)), texts, numbers
