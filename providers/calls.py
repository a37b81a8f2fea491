"""Tool calls from the fragments in which services stream them, and what ends an answer with calls.

Services differ in everything but the order. A call comes whole (Mistral, Gemini, Ollama) or in
pieces; several come one after the other or mixed; id, name and index may be missing, come late, or
be repeated in each chunk. Both readers of streams use this.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid5

from providers.base import Generation, Opaque, Request, ToolCall
from providers.errors import failure

_WORDS = frozenset({"tool_calls", "function_call", "tool_use", "tool_call"})
"""Finish reasons, in lower case, that promise a call."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """What one chunk has of one call; all of it may be missing.

    `index` is the service's own number of the call, and `place` the fragment's position among
    those of its chunk. `arguments` is text; a service that sends an object has it made to JSON.
    """

    index: Any = None
    id: Any = None
    name: Any = None
    arguments: Any = None
    place: int = 0
    extra: Any = None
    """A service's further field of the call, which it wants back."""


@dataclass(slots=True)
class _Begun:
    """A call that has begun."""

    index: Any
    id: str
    named: str = ""
    """The name as the service has sent it so far, before it was made clean."""
    names: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    extra: Any = None

    @property
    def is_whole(self) -> bool:
        """Whether its arguments are a whole JSON value, to which nothing can be added."""
        text = "".join(self.arguments)
        if not text.rstrip().endswith(("}", "]")):
            return False
        try:
            json.loads(text)
        except ValueError:
            return False
        return True


@dataclass(slots=True)
class StreamedCalls:
    """The calls of one answer, in the order in which they begin."""

    _begun: list[_Begun] = field(default_factory=list)
    _early: dict[Any, list[str]] = field(default_factory=dict)
    """Arguments that came before anything that tells whose they are, by index."""

    def __len__(self) -> int:
        return len(self._begun)

    def place(self, fragment: Fragment) -> int | None:
        """The number of the call that a fragment belongs to; begins that call if it is new.

        None if nothing tells whose it is: no name and no id, and an index that has not begun.
        """
        found = self._found(fragment)
        if found is None or self._is_another(self._begun[found], fragment):
            found = self._begin(fragment)
        if found is not None:
            call = self._begun[found]
            call.id = call.id or _text(fragment.id)
            call.extra = fragment.extra or call.extra
        return found

    def repeats(self, fragment: Fragment) -> bool:
        """Whether a fragment is a finished call that the service sends again, with the same id."""
        known, found = _text(fragment.id), self._found(fragment)
        if not known or found is None or not _text(fragment.arguments):
            return False
        call = self._begun[found]
        return call.id == known and call.is_whole and fragment.arguments == "".join(call.arguments)

    def new_name(self, number: int, name: str) -> str:
        """What a fragment adds to a call's name, which some services repeat in each chunk."""
        call = self._begun[number]
        if name.startswith(call.named):
            new = name.removeprefix(call.named)
            call.named = name
            return new
        call.named += name
        return name

    def take(self, number: int, text: str, *, is_name: bool) -> None:
        """Adds a clean piece of a call's name or arguments."""
        call = self._begun[number]
        (call.names if is_name else call.arguments).append(text)

    def finished(self, new_id: Callable[[int], str], taken: set[str]) -> list[ToolCall]:
        """The calls. One without an id, or with an id that is `taken`, gets one by `new_id`."""
        calls = []
        for number, call in enumerate(self._begun):
            known = call.id if call.id and call.id not in taken else new_id(number)
            taken.add(known)
            calls.append(ToolCall(known, "".join(call.names), "".join(call.arguments)))
        return calls

    def extras(self) -> list[tuple[int, Any]]:
        """The further fields of calls, each with its call's number."""
        return [(n, call.extra) for n, call in enumerate(self._begun) if call.extra]

    def _begin(self, fragment: Fragment) -> int | None:
        if not _text(fragment.name) and not _text(fragment.id):
            self._early.setdefault(fragment.index, []).append(_text(fragment.arguments))
            return None
        early = self._early.pop(fragment.index, [])
        self._begun.append(_Begun(fragment.index, _text(fragment.id), arguments=early))
        return len(self._begun) - 1

    def _found(self, fragment: Fragment) -> int | None:
        """The call that a fragment goes on with, if it is not the beginning of another."""
        numbers = range(len(self._begun) - 1, -1, -1)
        last = len(self._begun) - 1 if self._begun else None
        if fragment.index is None:
            known = _text(fragment.id)
            return next((n for n in numbers if known and self._begun[n].id == known), last)
        found = next((n for n in numbers if self._begun[n].index == fragment.index), None)
        if found is None and last is not None and not _text(fragment.name):
            return last if self._begun[last].index is None else None
        return found

    def _is_another(self, call: _Begun, fragment: Fragment) -> bool:
        """Whether a fragment begins another call, although it may look like more of this one.

        Only a call's beginning has a name, or each of its chunks has the same one. So a fragment
        without a name goes on, whatever its id: some servers make up one for each chunk. Of those
        with a name, another id begins another call, and so does what follows whole arguments.
        """
        name, given = _text(fragment.name), _text(fragment.id)
        if not name or not call.named:
            return False
        if given and call.id and given != call.id:
            return True
        if name != call.named and (fragment.index is None or call.arguments):
            return True
        if fragment.index is None and fragment.place > 0:
            return True
        return bool(_text(fragment.arguments)) and call.is_whole


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


@dataclass(slots=True)
class GoesBack:
    """What of one answer has to go back to the model with its calls.

    `model` is as in the setting MODEL; `reasoning`: whether the model wants its thoughts back.
    """

    model: str
    generation: Generation
    calls: StreamedCalls
    reasoning: bool = False
    _thoughts: list[str] = field(default_factory=list)
    _details: list[dict[str, Any]] = field(default_factory=list)
    _items: list[Opaque] = field(default_factory=list)

    def think(self, text: str) -> None:
        """Keeps a piece of the model's reasoning."""
        if self.reasoning:
            self._thoughts.append(text)

    def detail(self, details: Any) -> None:
        """Keeps OpenRouter's `reasoning_details`; the pieces of one are put together."""
        for each in details if isinstance(details, list) else ():
            if not isinstance(each, dict):
                continue
            last = self._details[-1] if self._details else {}
            if any(last.get(name) != each.get(name) for name in ("type", "index")) or not last:
                self._details.append(dict(each))
                continue
            for name, value in each.items():
                grows = name in _GROWING and isinstance(last.get(name), str)
                last[name] = last[name] + value if grows and value else value or last.get(name)

    def add(self, kind: str, item: Any, *, after: int = 0) -> Opaque:
        """Keeps an item that comes at this place in the answer, or `after` so many more calls."""
        chars = len(self.generation.said)
        self._items.append(Opaque(self.model, kind, item, len(self.calls) + after, chars))
        return self._items[-1]

    @property
    def last(self) -> Opaque | None:
        """The item that was kept last."""
        return self._items[-1] if self._items else None

    def all(self) -> list[Opaque]:
        """All that is kept."""
        whole: list[tuple[str, Any]] = [
            ("reasoning", "".join(self._thoughts)), ("reasoning_details", self._details)
        ]  # fmt: skip
        beside = [Opaque(self.model, kind, item) for kind, item in whole if item]
        extras = [Opaque(self.model, "call", item, n) for n, item in self.calls.extras()]
        return [*beside, *self._items, *extras]


_GROWING = frozenset({"text", "summary", "data"})
"""The fields of OpenRouter's `reasoning_details` that come in pieces."""


def settle(generation: Generation, kept: GoesBack, request: Request, run_id: UUID) -> None:
    """Sets the finished calls of an answer that has ended, and its finish reason to `tools`.

    For requests that offer tools. Does nothing where the answer was cut: after a limit or a filter
    even a last call that looks whole may not be. Raises a `ProviderError` if the service says that
    the model calls a tool, and no call came.
    """
    if generation.finish_reason != "stop":
        return
    turns = request.turns
    taken = {call.id for turn in turns for call in turn.calls}

    def new_id(number: int) -> str:
        return f"call_{uuid5(run_id, f'{len(turns)}.{number}').hex[:24]}"

    finished = kept.calls.finished(new_id, taken)
    if not all(call.name for call in finished) or (
        not finished and generation.finish_word.lower() in _WORDS
    ):
        generation.finish_reason = None
        raise failure("call_missing")
    if finished:
        generation.finish_reason = "tools"
        generation.calls[:] = finished
        generation.opaque[:] = kept.all()
