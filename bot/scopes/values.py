"""What can be set for a scope, how each value is written, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from hashlib import sha256
from typing import Any

from bot.identity import Named
from bot.settings import known_kind
from bot.store import ScopeChange, storable
from bot.words import Sentence, english
from connectors.base import Scope
from providers.registry import MASKED_KINDS

MOST_PROMPT = 20_000
"""Characters of a persona's prompt."""
_MOST_NAME = 80
_MOST_LINE = 2_000
_MOST_TOLD = 60
"""Characters of a refused value that are repeated."""
_ALIKE = 0.6
"""From this likeness on (difflib's ratio), a value is taken for a slip of the pen."""
_NONE = "none"


Params = Mapping[str, str | int | float | Sentence]


class WrongValue(Exception):
    """What somebody wants to set can't be set; `said` says why, and what there is.

    `name` is the setting, if it is about one; `changes` are what others have changed meanwhile.
    """

    def __init__(self, said: Sentence, name: str = "", changes: Sequence[ScopeChange] = ()) -> None:
        super().__init__(english(said))
        self.said = said
        self.name = name or str(said.params.get("name", ""))
        self.changes = changes


@dataclass(frozen=True, slots=True)
class Offered:
    """What the operator offers to choose from, by name."""

    models: Sequence[str] = ()
    servers: Sequence[str] = ()
    languages: Sequence[str] = ("en", "zh-CN")


@dataclass(frozen=True, slots=True)
class Persona:
    """A system prompt with a name. In the prompt, `{date}` and `{channel}` are filled in."""

    name: str
    prompt: str

    @property
    def version(self) -> str:
        """The same for the same prompt, and no other."""
        return sha256(self.prompt.encode()).hexdigest()[:8]

    def filled(self, date: str, channel: str) -> str:
        """The prompt with the date, and what the channel is called."""
        named = " ".join(channel.split())[:_MOST_NAME]
        return self.prompt.replace("{date}", date).replace("{channel}", named)


@dataclass(frozen=True, slots=True)
class ScopeSetting:
    """One setting: `parse` makes of what was written the value that is stored, as JSON has it."""

    name: str
    about: str
    parse: Callable[[str, str, Offered], Any]
    """Takes the setting's name, what was written, and what is offered; raises `WrongValue`."""
    options: Callable[[Offered], Sequence[str]] | None = None
    """What there is to choose from; None: it is written."""
    most: int = _MOST_LINE
    """Characters that can be written."""


def one_of(name: str, written: str, known: Collection[str]) -> str:
    """What was written, if it is known; raises `WrongValue` with what there is."""
    if written in known:
        return written
    if not known:
        raise WrongValue(
            Sentence("scope.nothing_to_choose", {"name": name, "value": _short(written)})
        )
    problem = Sentence(
        "scope.no_value", {"name": name, "value": _short(written), "known": ", ".join(known)}
    )
    meant = get_close_matches(written.lower(), [each.lower() for each in known], 1, _ALIKE)
    if meant:
        real = next(each for each in known if each.lower() == meant[0])
        problem = Sentence("scope.meant", {"problem": problem, "meant": real})
    raise WrongValue(problem)


def _models(name: str, written: str, offered: Offered) -> list[str]:
    chain = _split(written)
    for model in chain:
        one_of(name, model, offered.models)
    return list(dict.fromkeys(chain))


def _servers(name: str, written: str, offered: Offered) -> list[str]:
    if written == _NONE:
        return []
    known = (*offered.servers, _NONE)
    return [one_of(name, server, known) for server in dict.fromkeys(_split(written))]


def _choice(*known: str) -> Callable[[str, str, Offered], str]:
    return lambda name, written, _: one_of(name, written.lower(), known)


_ON_OFF = ("on", "off")
_SWITCH = {"on": True, "true": True, "yes": True, "off": False, "false": False, "no": False}


def _switch(name: str, written: str, _: Offered) -> bool:
    if written.lower() in _SWITCH:
        return _SWITCH[written.lower()]
    one_of(name, written.lower(), _ON_OFF)
    raise AssertionError("on and off are known")


def _number(least: int, most: int) -> Callable[[str, str, Offered], int]:
    def parse(name: str, written: str, _: Offered) -> int:
        if re.fullmatch("[0-9]{1,9}", written) and least <= int(written) <= most:
            return int(written)
        values: Params = {"name": name, "least": least, "most": most, "value": _short(written)}
        raise WrongValue(Sentence("scope.no_number", values))

    return parse


_AMOUNT = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?")
_MOST_AMOUNT = 13


def _money(name: str, written: str, _: Offered) -> str:
    """As text: what is stored is the amount itself, and no float near it."""
    if _AMOUNT.fullmatch(written):
        return written
    raise WrongValue(Sentence("scope.no_amount", {"name": name, "value": _short(written)}))


def _language(name: str, written: str, offered: Offered) -> str:
    return one_of(name, written, offered.languages)


def _people(_name: str, written: str, _: Offered) -> list[str]:
    return sorted({str(Named.of(each)) for each in _split(written)})


def _persona(_name: str, written: str, _: Offered) -> str:
    return storable(written)[:_MOST_NAME]


def _masked(name: str, written: str, _: Offered) -> list[str]:
    kinds = list(dict.fromkeys(_split(written)))
    for kind in kinds:
        try:
            known_kind(kind)
        except ValueError:
            one_of(name, kind, MASKED_KINDS)
    return [kind.lower() for kind in kinds]


def _prompt(name: str, written: str, _: Offered) -> str:
    if len(written) > MOST_PROMPT:
        values: Params = {"name": name, "chars": len(written), "most": MOST_PROMPT}
        raise WrongValue(Sentence("scope.too_long", values))
    return storable(written)


_PERSONA = "persona"
PROMPT = "prompt"
"""Written beside `persona`, and stored with it as one value."""


def _chosen(name: str, about: str, *known: str) -> ScopeSetting:
    return ScopeSetting(name, about, _choice(*known), lambda _: known)


def _counted(name: str, about: str, least: int, most: int) -> ScopeSetting:
    return ScopeSetting(name, about, _number(least, most), most=len(str(most)))


SETTINGS: Mapping[str, ScopeSetting] = {
    each.name: each
    for each in (
        ScopeSetting(
            "model",
            "a model's short name, or several to be tried in order",
            _models,
            lambda offered: offered.models,
        ),
        ScopeSetting(
            "persona", "a name for the prompt, which goes with it", _persona, most=_MOST_NAME
        ),
        ScopeSetting(
            PROMPT,
            "what the model is told first; `{date}` and `{channel}`",
            _prompt,
            most=MOST_PROMPT,
        ),
        ScopeSetting(
            "tools",
            "the servers of tools, comma-separated, or `none`",
            _servers,
            lambda offered: (*offered.servers, _NONE) if offered.servers else (),
        ),
        _chosen("reasoning", "`hidden`, `summary` or `shown`", "hidden", "summary", "shown"),
        ScopeSetting(
            "language", "of the bot's own sentences", _language, lambda offered: offered.languages
        ),
        ScopeSetting(
            "follow_ups", "`on` or `off`: answers without being named", _switch, lambda _: _ON_OFF
        ),
        _chosen(
            "conversation_policy",
            "a question while another is answered: `queue`, `replace`, `parallel`",
            "queue",
            "replace",
            "parallel",
        ),
        _counted("max_question_chars", "a longer question is refused", 1, 10**6),
        _counted("max_answer_tokens", "most tokens of an answer", 1, 10**6),
        _counted("history_messages", "earlier messages for the model", 0, 1000),
        _counted("run_seconds", "an answer fails when it takes longer", 1, 86_400),
        _counted("runs_per_day", "answers a day in each channel", 0, 10**6),
        ScopeSetting("usd_per_day", "US dollars a day in each channel", _money, most=_MOST_AMOUNT),
        ScopeSetting("mask", "what is masked here besides `MASK`: `email`, `phone`, …", _masked),
        ScopeSetting("allow_people", "who is answered: ids, comma-separated", _people),
    )
}
"""By name: all that can be set for a scope."""


def parsed(
    written: Mapping[str, str], offered: Offered, known: Mapping[str, Persona]
) -> dict[str, Any]:
    """The values to store for what was written, by setting; raises `WrongValue`.

    `persona` and `prompt` become one value. A persona without a prompt is one of the `known`.
    """
    values: dict[str, Any] = {}
    for name, text in written.items():
        setting = SETTINGS[known_setting(name)]
        if not (stripped := text.strip()):
            raise WrongValue(Sentence("scope.empty", {"name": name}))
        values[name] = setting.parse(name, stripped, offered)
    prompt, called = values.pop(PROMPT, None), values.get("persona")
    if prompt is not None:
        values["persona"] = {"name": called or "custom", "prompt": prompt}
    elif called is not None:
        values["persona"] = _stored(_known_persona(called, known))
    return values


def known_setting(name: str) -> str:
    """The name of a setting; raises `WrongValue` where there is none of this name."""
    if name in SETTINGS:
        return name
    known = ", ".join(SETTINGS)
    problem = Sentence("scope.no_setting", {"name": _short(name), "known": known})
    if meant := get_close_matches(name, SETTINGS, 1, _ALIKE):
        problem = Sentence("scope.meant", {"problem": problem, "meant": meant[0]})
    raise WrongValue(problem)


def known_scope(written: str) -> Scope:
    """The scope that is written so; raises `WrongValue`."""
    try:
        return Scope.parse(written)
    except ValueError:
        raise WrongValue(Sentence("scope.no_scope", {"value": _short(written)})) from None


def _known_persona(name: str, known: Mapping[str, Persona]) -> Persona:
    if name in known:
        return known[name]
    meant = get_close_matches(name, known, 1, _ALIKE)
    there = ", ".join(sorted(known)) or Sentence("scope.nothing")
    problem = Sentence("scope.no_prompt", {"value": _short(name), "known": there})
    raise WrongValue(
        Sentence("scope.meant", {"problem": problem, "meant": meant[0]}) if meant else problem
    )


def _stored(persona: Persona) -> dict[str, str]:
    return {"name": persona.name, "prompt": persona.prompt}


def shown(name: str, value: Any) -> str:
    """A stored value in one line, as it could be written; of a persona its name and version."""
    if value is None:
        return "-"
    if name == "persona":
        persona = Persona(**value)
        return f"{persona.name} ({persona.version})"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ", ".join(value) or _NONE
    return str(value)


def editable(name: str, value: Any, offered: Offered) -> str:
    """A stored value as it can be written again; of a persona its name, or its prompt.

    Of a chain of models only those that are still offered.
    """
    if value is None:
        return ""
    if name in (_PERSONA, PROMPT):
        return str(value["name" if name == _PERSONA else "prompt"])
    if name == "model":
        return ", ".join(model for model in value if model in offered.models)
    return as_written(value)


def stored_as(name: str) -> str:
    """The setting that a value is stored with: a prompt with its persona."""
    return _PERSONA if name == PROMPT else name


def as_written(value: Any) -> str:
    """A value of a file as people would write it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ", ".join(map(as_written, value)) or _NONE
    return str(value)


def _split(written: str) -> list[str]:
    return [part.strip() for part in written.split(",") if part.strip()]


def _short(written: str) -> str:
    return written if len(written) <= _MOST_TOLD else f"{written[:_MOST_TOLD]}…"
