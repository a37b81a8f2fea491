"""What the slash command can say of a channel's settings: `settings`, `pause` and `resume`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from connectors.base import (
    Configured,
    FormField,
    MessageRef,
    Person,
    Place,
    ScopeKind,
    SettingsForm,
)
from connectors.words import Sentence

_WHERE: Mapping[str, ScopeKind] = {
    "channel": "channel", "here": "channel", "workspace": "workspace", "all": "default",
}  # fmt: skip
_PAIR = re.compile(r"([a-z_]+)=(.*?)(?=\s+[a-z_]+=|$)", re.DOTALL)
_PROMPT = re.compile(r"(?:^|\s)prompt=(.*)$", re.DOTALL)


def configured(text: str, ref: MessageRef, person: Person) -> Configured | None:
    """What a command's text wants of the settings; None where it is about something else.

    `settings [where]` wants the form, `settings show` the list. `settings [channel|workspace|all]
    model=deep persona=Lawyer prompt=…` (a prompt comes last), `settings [where] unset model tools`,
    `pause [where]`, `resume [where]`.
    """
    first, *rest = text.split(maxsplit=1)
    said = rest[0].strip() if rest else ""
    match first.casefold():
        case "pause" | "resume" as wanted:
            where = _WHERE.get(said.casefold() or "channel")
            return None if where is None else Configured(ref, person, wanted, where)
        case "settings":
            return _settings(said, ref, person)
    return None


def _settings(said: str, ref: MessageRef, person: Person) -> Configured | None:
    first, _, after = said.partition(" ")
    where = _WHERE.get(first.casefold())
    said = said if where is None else after.strip()
    if said.casefold() in ("", "show"):
        return Configured(ref, person, "show" if said else "form", where or "channel")
    written = unset_in(said) or set_in(said)
    if not written:
        return None
    return Configured(ref, person, "set", where or "channel", written)


def unset_in(said: str) -> dict[str, str | None]:
    """The settings of `unset model tools`; empty where that isn't said."""
    first, *names = said.split()
    return dict.fromkeys(names) if first.casefold() == "unset" else {}


def set_in(said: str) -> dict[str, str | None]:
    """The values of `model=deep persona=Lawyer prompt=…`; empty where it is something else."""
    prompt = _PROMPT.search(said)
    before = said if prompt is None else said[: prompt.start()]
    pairs = _PAIR.findall(before)
    if _PAIR.sub("", before).strip():
        return {}
    written: dict[str, str | None] = {name: value.strip() for name, value in pairs}
    return written if prompt is None else written | {"prompt": prompt[1].strip()}


# The form: a modal, whose blocks are the fields.


MODAL = "everytoken_settings"
"""The callback_id of the modal."""
_SCOPE = "everytoken_scope"
_USUAL = "-"
"""The choice that takes a setting out: Slack knows no empty one."""
_PART = "#"

# Slack's limits, in characters and numbers.
_MOST_INPUT = 3_000
_MOST_HINT = 2_000
_MOST_OPTION = 75
_MOST_OPTION_VALUE = 150
_MOST_OPTIONS = 100
_MOST_TITLE = 24

Say = Callable[[Sentence], str]
"""A sentence in the language of who looks at the form."""


def view(form: SettingsForm, place: Place, say: Say) -> dict[str, Any]:
    """The modal for a form."""
    metadata = [place.workspace, place.channel, place.thread, form.where, dict(form.seen)]
    intro = say(Sentence("settings.form", {"scope": form.scope}))
    blocks = [
        {"type": "section", "block_id": _SCOPE, "text": _plain(intro, _MOST_INPUT)},
        *(block for field in form.fields for block in _blocks(field, say)),
    ]
    return {
        "type": "modal",
        "callback_id": MODAL,
        "private_metadata": json.dumps(metadata),
        "title": _plain(say(Sentence("settings.title")), _MOST_TITLE),
        "submit": _plain(say(Sentence("settings.save")), _MOST_TITLE),
        "close": _plain(say(Sentence("ask.cancel")), _MOST_TITLE),
        "blocks": blocks,
    }


def submitted(body: Mapping[str, Any], person: Person) -> Configured:
    """What was sent off with the modal."""
    sent = body["view"]
    team, channel, thread, where, seen = json.loads(sent["private_metadata"])
    parts: dict[str, list[str]] = {}
    for block, actions in sent["state"]["values"].items():
        name, _, _part = block.partition(_PART)
        parts.setdefault(name, []).append(_value(actions[name]))
    written: dict[str, str | None] = {
        name: "\n".join(filter(None, values)) for name, values in parts.items()
    }
    ref = MessageRef(Place("slack", team, channel, thread), sent["id"])
    return Configured(ref, person, "set", where, written, seen)


def block_of(body: Mapping[str, Any], name: str) -> str:
    """The modal's block where an error about a setting is said: the first where it has none."""
    inputs = [b["block_id"] for b in body["view"]["blocks"] if b["type"] == "input"]
    found: str = next((each for each in inputs if each.partition(_PART)[0] == name), inputs[0])
    return found


def _blocks(field: FormField, say: Say) -> Iterator[dict[str, Any]]:
    """A field's block, or several: one input has room for a part of a prompt only."""
    label = say(field.label)
    without = say(field.without or Sentence("settings.usual"))
    hint = {"hint": _plain(without, _MOST_HINT)}
    if _can_choose(field):
        element, hint = _select(field, without), hint if field.kind == "choices" else {}
        yield _input(field.name, field.name, label, element) | hint
        return
    pieces = _pieces(field.value, field.most)
    for number, piece in enumerate(pieces):
        element = {
            "type": "plain_text_input",
            "multiline": field.kind == "text",
            "max_length": min(field.most, _MOST_INPUT),
        }
        if piece:
            element["initial_value"] = piece
        counted = f"{label} ({number + 1}/{len(pieces)})" if len(pieces) > 1 else label
        block = _input(f"{field.name}{_PART}{number}", field.name, counted, element)
        yield block if number else block | hint


def _input(block: str, name: str, label: str, element: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "input",
        "block_id": block,
        "optional": True,
        "label": _plain(label, _MOST_HINT),
        "element": element | {"action_id": name},
    }


def _can_choose(field: FormField) -> bool:
    fits = all(len(each) <= _MOST_OPTION_VALUE for each in field.options)
    return bool(field.options) and fits and len(field.options) < _MOST_OPTIONS


def _select(field: FormField, without: str) -> dict[str, Any]:
    options = [_option(each, each) for each in field.options]
    if field.kind == "choices":
        chosen = [each for each in options if each["value"] in field.value.split(", ")]
        initial = {"initial_options": chosen} if chosen else {}
        return {"type": "multi_static_select", "options": options, **initial}
    options.insert(0, _option(without, _USUAL))
    initial_option = next((o for o in options if o["value"] == field.value), options[0])
    return {"type": "static_select", "options": options, "initial_option": initial_option}


def _option(text: str, value: str) -> dict[str, Any]:
    return {"text": _plain(text, _MOST_OPTION), "value": value}


def _plain(text: str, most: int) -> dict[str, Any]:
    said = text if len(text) <= most else f"{text[: most - 1]}…"
    return {"type": "plain_text", "text": said}


def _pieces(text: str, most: int) -> list[str]:
    """A text in parts that fit an input, each up to the end of a line or word if there is one.

    There is one part more where more could be written.
    """
    pieces: list[str] = []
    while len(text) > _MOST_INPUT:
        cut = max(text.rfind("\n", 0, _MOST_INPUT), 0) or max(text.rfind(" ", 0, _MOST_INPUT), 0)
        cut = cut or _MOST_INPUT
        pieces.append(text[:cut].strip())
        text = text[cut:].strip()
    pieces.append(text)
    return [*pieces, ""] if len(text) > _MOST_INPUT // 2 and most > _MOST_INPUT else pieces


def _value(state: Mapping[str, Any]) -> str:
    """What an element of the modal has now, as it would be written."""
    if "selected_options" in state:
        return ", ".join(each["value"] for each in state["selected_options"] or ())
    if "selected_option" in state:
        chosen = (state["selected_option"] or {}).get("value", "")
        return "" if chosen == _USUAL else str(chosen)
    return str(state.get("value") or "")
