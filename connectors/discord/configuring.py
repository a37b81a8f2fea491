"""The commands for a channel's settings: `/settings`, `/pause` and `/resume`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

from connectors.base import (
    Configured,
    FormField,
    Manages,
    MessageRef,
    Person,
    ScopeKind,
    SettingsForm,
)
from connectors.words import Language, Sentence, english

SETTINGS, PAUSE, RESUME = "settings", "pause", "resume"
"""The commands' names."""
_NAME, _VALUE, _WHERE = "name", "value", "where"
UNSET = "unset"
"""The value that takes a setting out."""

_SLASH, _STRING = 1, 3
_LONGEST = 4_000
FORM = "everytoken:settings"
"""What the ids of forms begin with: the scope, the setting and the change that was seen follow."""
_PERSONA = ("persona", "prompt")
_PART = "#"
_ADMINISTRATOR, _MANAGE_CHANNELS, _MANAGE_GUILD = 1 << 3, 1 << 4, 1 << 5
_ROW, _INPUT, _SHORT, _LONG = 1, 4, 1, 2
_MOST_CHOICES, _MOST_CHOICE, _MOST_INPUTS = 25, 100, 5
_MOST_TITLE = _MOST_LABEL = 45
_EVERYWHERE = {"contexts": [0, 1], "integration_types": [0]}
_CHOSEN = (
    "model", "persona", "prompt", "tools", "reasoning", "language", "follow_ups",
    "conversation_policy", "max_question_chars", "max_answer_tokens", "history_messages",
    "run_seconds", "runs_per_day", "usd_per_day", "mask", "allow_people",
)  # fmt: skip
_SERVER = {"workspace": "server", "default": "everywhere"}


def described(said: Sentence) -> dict[str, Any]:
    """A description in all languages, as Discord's menus show it."""
    elsewhere = (each for each in Language if each is not Language.ENGLISH)
    return {
        "description": english(said),
        "description_localizations": {each.tag: said.to(each).text for each in elsewhere},
    }


def _where() -> Mapping[str, Any]:
    kinds: Sequence[ScopeKind] = get_args(ScopeKind)
    choices = [{"name": _SERVER.get(kind, kind), "value": kind} for kind in kinds]
    about = described(Sentence("command.settings.where"))
    return {"name": _WHERE, "type": _STRING, **about, "choices": choices}


COMMANDS: Sequence[Mapping[str, Any]] = (
    {
        "name": SETTINGS,
        "type": _SLASH,
        **described(Sentence("command.settings")),
        "options": [
            {
                "name": _NAME,
                "type": _STRING,
                **described(Sentence("command.settings.name")),
                "choices": [{"name": name, "value": name} for name in _CHOSEN],
            },
            {
                "name": _VALUE,
                "type": _STRING,
                **described(Sentence("command.settings.value", {"unset": UNSET})),
                "max_length": _LONGEST,
                "autocomplete": True,
            },
            _where(),
        ],
        **_EVERYWHERE,
    },
    *(
        {
            "name": name,
            "type": _SLASH,
            **described(said),
            "options": [_where()],
            **_EVERYWHERE,
        }
        for name, said in ((PAUSE, Sentence("command.pause")), (RESUME, Sentence("command.resume")))
    ),
)


def configured(data: Mapping[str, Any], ref: MessageRef, person: Person) -> Configured | None:
    """What a command wants of the settings; None where it is another one.

    With the name of a setting alone it wants a form for that.
    """
    if data["name"] not in (SETTINGS, PAUSE, RESUME):
        return None
    options = _options(data)
    where, name, value = _scope(options), options.get(_NAME), options.get(_VALUE, "")
    if data["name"] != SETTINGS:
        return Configured(ref, person, "pause" if data["name"] == PAUSE else "resume", where)
    if name is None:
        return Configured(ref, person, "show", where)
    if not value.strip():
        return Configured(ref, person, "form", where, {name: None})
    written = {name: None if value.strip().casefold() == UNSET else value}
    return Configured(ref, person, "set", where, written)


def manages(interaction: Mapping[str, Any]) -> Manages:
    """What somebody manages in a server, by the permissions that Discord says with what they do."""
    allowed = int((interaction.get("member") or {}).get("permissions") or 0)
    if allowed & (_ADMINISTRATOR | _MANAGE_GUILD):
        return "workspace"
    return "channel" if allowed & _MANAGE_CHANNELS else ""


def _options(data: Mapping[str, Any]) -> dict[str, str]:
    return {each["name"]: str(each["value"]) for each in data.get("options") or ()}


def _scope(options: Mapping[str, str]) -> ScopeKind:
    where: ScopeKind = options.get(_WHERE, "channel")  # type: ignore[assignment]  # Discord's choice
    return where


# What is offered while somebody writes a value.


def completed(data: Mapping[str, Any], ref: MessageRef, person: Person) -> Configured:
    """What has to be known of a place to complete what somebody writes there."""
    return Configured(ref, person, "form", _scope(_options(data)))


def choices(data: Mapping[str, Any], form: SettingsForm) -> list[str]:
    """What the value that is being written can become: the last of several, after a comma."""
    options = _options(data)
    fields = [each for each in form.fields if each.name == options.get(_NAME)]
    if not fields:
        return []
    before, comma, written = options.get(_VALUE, "").rpartition(",")
    found = [each for each in fields[0].options if written.strip().casefold() in each.casefold()]
    offered = [f"{before}{comma} {each}".strip() for each in found]
    if fields[0].value and not comma:
        offered.append(UNSET)
    return [each for each in offered if len(each) <= _MOST_CHOICE][:_MOST_CHOICES]


# The form for one setting; for a persona and its prompt there is one form.


Say = Callable[[Sentence], str]
"""A sentence in the language of who looks at the form."""


def modal(form: SettingsForm, name: str, say: Say) -> dict[str, Any] | Sentence:
    """The form, or why there can be none."""
    wanted = _PERSONA if name in _PERSONA else (name,)
    fields = [each for each in form.fields if each.name in wanted]
    inputs = [made for field in fields for made in _inputs(field, say)]
    if not fields:
        values: dict[str, str | Sentence] = {"name": name, "value": Sentence("scope.nothing")}
        return Sentence("scope.nothing_to_choose", values)
    if len(inputs) > _MOST_INPUTS:
        return Sentence("settings.too_long", {"name": name, "scope": form.scope})
    change = next((form.seen[each] for each in wanted if each in form.seen), 0)
    return {
        "custom_id": f"{FORM}:{form.where}:{wanted[0]}:{change}",
        "title": _cut(say(Sentence("settings.title")), _MOST_TITLE),
        "components": [{"type": _ROW, "components": [each]} for each in inputs],
    }


def submitted(data: Mapping[str, Any], ref: MessageRef, person: Person) -> Configured:
    """What was sent off with the form."""
    where: ScopeKind
    where, name, change = data["custom_id"].removeprefix(f"{FORM}:").split(":")
    parts: dict[str, list[str]] = {}
    for component in data["components"]:
        for field in component.get("components") or [component.get("component") or {}]:
            parts.setdefault(field["custom_id"].partition(_PART)[0], []).append(field["value"])
    written: dict[str, str | None] = {
        key: "\n".join(each for each in values if each) for key, values in parts.items()
    }
    seen = {name: int(change)} if int(change) else {}
    return Configured(ref, person, "set", where, written, seen)


def _inputs(field: FormField, say: Say) -> list[dict[str, Any]]:
    """A field's inputs: a prompt may need several."""
    label, hint = say(field.label), say(field.without or Sentence("settings.usual"))
    pieces = _pieces(field.value)
    return [
        {
            "type": _INPUT,
            "custom_id": f"{field.name}{_PART}{number}",
            "style": _LONG if field.kind == "text" else _SHORT,
            "label": _cut(_counted(label, number, len(pieces)), _MOST_LABEL),
            "placeholder": _cut(hint, _MOST_CHOICE),
            "max_length": min(field.most, _LONGEST),
            "required": False,
            **({"value": piece} if piece else {}),
        }
        for number, piece in enumerate(pieces)
    ]


def _counted(label: str, number: int, of: int) -> str:
    return f"{label} ({number + 1}/{of})" if of > 1 else label


def _pieces(text: str) -> list[str]:
    """A text in parts that fit an input, each up to the end of a line or word if there is one."""
    pieces: list[str] = []
    while len(text) > _LONGEST:
        cut = max(text.rfind("\n", 0, _LONGEST), 0) or max(text.rfind(" ", 0, _LONGEST), 0)
        cut = cut or _LONGEST
        pieces.append(text[:cut].strip())
        text = text[cut:].strip()
    return [*pieces, text]


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
