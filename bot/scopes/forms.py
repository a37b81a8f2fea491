"""The settings of a scope as a form: what it shows, and what somebody has changed in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bot.scopes.lookup import FoundValue, Holding
from bot.scopes.values import PROMPT, SETTINGS, Offered, editable, shown, stored_as
from bot.store import ScopeChange
from bot.words import Sentence
from connectors.base import FieldKind, FormField, Scope, ScopeKind, SettingsForm

_PERSONA = "persona"


def settings_form(
    scope: Scope, where: ScopeKind, own: Holding, wider: Holding, offered: Offered
) -> SettingsForm:
    """What somebody is shown who may change a scope: `own` is what is set for it alone.

    `wider` is what holds without that. What a file sets can't be changed here, so it counts as
    wider.
    """
    values = {name: one for name, one in own.values.items() if one.change is not None}
    filed = {name: one for name, one in own.values.items() if one.change is None}
    others = {**wider.values, **filed}
    fields = [_field(name, values, others, offered) for name in SETTINGS]
    seen = {name: one.change for name, one in values.items() if one.change is not None}
    kept = [each for each in fields if each.kind in ("line", "text") or each.options]
    return SettingsForm(where, str(scope), kept, seen)


def changed_in_form(
    written: Mapping[str, str | None], before: Sequence[ScopeChange], offered: Offered
) -> dict[str, str | None]:
    """What somebody changed in a form whose values were those that the changes `before` set.

    Spaces and line breaks alone are no change: platforms give fields back in their own way.
    """
    stored = {each.name: each.after for each in before}
    texts = {name: (text or "").replace("\r\n", "\n").strip() for name, text in written.items()}
    changed = {
        name: text or None
        for name, text in texts.items()
        if _flat(text) != _flat(editable(name, stored.get(stored_as(name)), offered))
    }
    return (
        changed | dict(_persona(texts, changed)) if {_PERSONA, PROMPT} & changed.keys() else changed
    )


def _persona(
    texts: Mapping[str, str], changed: Mapping[str, str | None]
) -> Iterator[tuple[str, str | None]]:
    """A name and a prompt are one value: where one changes, what the other says goes with it."""
    name, prompt = texts.get(_PERSONA, ""), texts.get(PROMPT, "")
    if prompt:
        yield PROMPT, prompt
        if name:
            yield _PERSONA, name
    elif name and _PERSONA in changed:  # one that is set elsewhere
        yield _PERSONA, name
    else:
        yield _PERSONA, None


def _field(
    name: str,
    values: Mapping[str, FoundValue],
    others: Mapping[str, FoundValue],
    offered: Offered,
) -> FormField:
    setting, stored = SETTINGS[name], stored_as(name)
    mine, other = values.get(stored), others.get(stored)
    value = "" if mine is None else editable(name, mine.value, offered)
    without = None
    if other is not None:
        known = {"value": shown(stored, other.value), "scope": other.source}
        without = Sentence("settings.without", known)
    label = Sentence(f"setting.{name}")
    if setting.options is None:
        kind: FieldKind = "text" if name == PROMPT else "line"
        return FormField(name, label, kind, value, without, most=setting.most)
    several = name == "tools"
    # A chain of models is one choice more.
    options = dict.fromkeys((*setting.options(offered), *([] if several or not value else [value])))
    return FormField(name, label, "choices" if several else "choice", value, without, (*options,))


def _flat(text: str) -> str:
    return " ".join(text.split())
