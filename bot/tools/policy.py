"""Who has to allow a call: a pure function of the configuration and what is known of the tool."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from bot.identity import Account
from bot.store import CallBinding, ToolRule, storable
from bot.tools.config import ServerConfig, canonical, sha256_of
from bot.words import Sentence

_MOST_LEVELS = 64
"""Of lists and objects in each other, in arguments."""
_MOST_SAID = 160
"""Characters of a call's arguments in a line for people."""


@dataclass(frozen=True, slots=True)
class ToolInfo:
    """A tool as its server describes it."""

    server: str
    name: str
    description: str
    schema: dict[str, Any]
    """JSON Schema of its arguments."""
    annotations: dict[str, Any]
    """What the server says of it: `readOnlyHint`, `destructiveHint` and the like."""

    @property
    def sha256(self) -> str:
        """Of all that the server says of it: another description is another tool."""
        return sha256_of(canonical([self.name, self.description, self.schema, self.annotations]))


@dataclass(frozen=True, slots=True)
class Wanted:
    """A call, and what there is to know when it is decided."""

    tool_name: str
    arguments: str
    """As the model wrote them."""
    server: ServerConfig | None
    """None where there is no such server."""
    tool: ToolInfo | None
    """None where the server has no such tool."""
    doubted: bool = False
    """Whether an earlier call of this tool in the run is uncertain."""
    rule: ToolRule | None = None
    """The rule that holds for it, if there is one."""
    off: bool = False
    """Whether tools are turned off."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a call that was asked for, and why."""

    state: Literal["refused", "waiting", "approved"]
    reason: Sentence
    rule_id: str | None = None


def decide(wanted: Wanted) -> Decision:
    """Whether a call is refused, waits for a person, or may be made."""
    name = {"name": wanted.tool_name}
    server, tool = wanted.server, wanted.tool
    if wanted.off:
        return Decision("refused", Sentence("tool.off"))
    if server is None or wanted.tool_name not in server.tools:
        return Decision("refused", Sentence("tool.not_allowed", name))
    if tool is None:
        return Decision("refused", Sentence("tool.unknown", name))
    if arguments_of(wanted.arguments) is None:
        return Decision("refused", Sentence("tool.arguments", name))
    if wanted.doubted:
        return Decision("waiting", Sentence("tool.doubted", name))
    return _approval(server, tool, wanted.rule)


def _approval(server: ServerConfig, tool: ToolInfo, rule: ToolRule | None) -> Decision:
    name = {"name": tool.name}
    if server.approve == "never":
        return Decision("approved", Sentence("tool.never", {"server": server.name}))
    if server.approve == "writes" and server.trust and only_reads(tool):
        return Decision("approved", Sentence("tool.reads", name))
    if rule is not None and tool.name in server.remember and _covers(rule, server, tool):
        return Decision("approved", Sentence("tool.rule", name), rule.id)
    if server.approve == "always":
        return Decision("waiting", Sentence("tool.always", name))
    return Decision("waiting", Sentence("tool.writes", name))


def only_reads(tool: ToolInfo) -> bool:
    """Whether the server says that the tool changes nothing, and nothing to the contrary."""
    said = tool.annotations
    return said.get("readOnlyHint") is True and said.get("destructiveHint") is not True


def may_decide(by: Account, asker: Account, *, admin: bool) -> bool:
    """Whether somebody may allow or deny a call: the asker, or an admin."""
    return admin or by == asker


def arguments_of(text: str) -> dict[str, Any] | None:
    """A call's arguments, as they are sent: people are shown these, not the text. None where they
    are no JSON object, or hold what can't be sent as it is. No text at all is no arguments.
    """
    try:
        found = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and _can_be_sent(found, _MOST_LEVELS) else None


def in_words(arguments: str) -> str:
    """A call's arguments in a line for people, cut where that would be long."""
    found = arguments_of(arguments) or {}
    line = ", ".join(f"{name}: {_said(value)}" for name, value in found.items())
    return line if len(line) <= _MOST_SAID else f"{line[: _MOST_SAID - 1]}…"


def _said(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def binding_of(arguments: str, server: ServerConfig, tool: ToolInfo) -> CallBinding:
    """What an approval of this call holds for."""
    return CallBinding(hash_of_arguments(arguments), server.sha256, tool.sha256)


def hash_of_arguments(text: str) -> str:
    """The hash of arguments in canonical form; of the text itself where they are no object."""
    found = arguments_of(text)
    return sha256_of(text if found is None else canonical(found))


def _covers(rule: ToolRule, server: ServerConfig, tool: ToolInfo) -> bool:
    scope = rule.scope
    same = (scope.server, scope.tool) == (server.name, tool.name)
    hashes = (scope.config_sha256, scope.tool_sha256)
    return same and hashes == (server.sha256, tool.sha256)


def _can_be_sent(value: Any, levels: int) -> bool:
    """Whether a value arrives as it is: no number without an end, no half of a surrogate pair."""
    if isinstance(value, str):
        return value.isascii() or storable(value.replace("\x00", "")) == value.replace("\x00", "")
    if isinstance(value, dict):
        parts: Iterable[Any] = (part for pair in value.items() for part in pair)
    elif isinstance(value, list):
        parts = value
    else:
        return not isinstance(value, float) or math.isfinite(value)
    return levels > 0 and all(_can_be_sent(part, levels - 1) for part in parts)
