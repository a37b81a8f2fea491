"""The parts of a response, as the Responses API streams them.

Each part comes three times: as deltas, whole in the event that ends it, and whole again in the
event that ends the response. A stream may break before the last two, so deltas count as they
come; and the last two may have more text than the deltas had, so they fill in what is missing.
Both readers of streams use this.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from providers.base import TokenKind
from providers.calls import Fragment
from providers.errors import Answered

DELTAS: dict[str, TokenKind] = {
    "response.output_text.delta": "text",
    "response.refusal.delta": "refusal",
    "response.reasoning_summary_text.delta": "reasoning",
    "response.reasoning_text.delta": "reasoning",
    "response.function_call_arguments.delta": "tool",
}
"""Events with a `delta`, and the kind of its text."""

DONE: dict[str, tuple[TokenKind, str]] = {
    "response.output_text.done": ("text", "text"),
    "response.refusal.done": ("refusal", "refusal"),
    "response.reasoning_summary_text.done": ("reasoning", "text"),
    "response.reasoning_text.done": ("reasoning", "text"),
    "response.function_call_arguments.done": ("tool", "arguments"),
}
"""Events that end a part: the kind of its text, and the field that has all of it."""

ENDS = frozenset({"response.completed", "response.incomplete"})

_CONTENTS: dict[str, tuple[TokenKind, str]] = {
    "output_text": ("text", "text"),
    "refusal": ("refusal", "refusal"),
}

Event = Mapping[str, Any]


class Parts:
    """What has come of each part of one response."""

    def __init__(self) -> None:
        self._open: defaultdict[tuple[TokenKind, Any, Any], list[str]] = defaultdict(list)
        self._came: defaultdict[TokenKind, list[str]] = defaultdict(list)
        self._calls: dict[Any, list[str]] = {}
        """The arguments of each tool call that has begun."""
        self._named: set[Any] = set()
        """The tool calls of which the name has come."""
        self._places: dict[Any, Any] = {}

    def delta(self, event: Event, kind: TokenKind) -> str:
        """Notes a delta and returns its text."""
        text: str = event["delta"]
        self._open[_key(event, kind)].append(text)
        self._note(event, kind, text)
        return text

    def done(self, event: Event) -> tuple[TokenKind, str]:
        """A part ended: its kind, and the text at its end that no delta had."""
        kind, field = DONE[event["type"]]
        rest = _rest(self._open.pop(_key(event, kind), []), event.get(field))
        self._note(event, kind, rest)
        return kind, rest

    def fragment(self, event: Event, arguments: str) -> Fragment:
        """The fragment of a tool call in an event with some of its arguments."""
        return Fragment(self._number(event, event.get("item_id")), arguments=arguments)

    def item(self, event: Event) -> Fragment | None:
        """What an item that begins or ends has of a tool call: all that has not come before."""
        item = event["item"]
        if item.get("type") != "function_call":
            return None
        number = self._number(event, item.get("id"))
        came = self._calls.setdefault(number, [])
        rest = _rest(came, item.get("arguments"))
        came.append(rest)
        if number in self._named:
            return Fragment(number, arguments=rest) if rest else None
        self._named.add(number)
        return Fragment(number, item.get("call_id") or item.get("id"), item.get("name"), rest)

    def ended(self, output: Any) -> Iterator[tuple[TokenKind, str]]:
        """The response ended with these items: the text, by kind, that has not come before.

        All text of a kind is compared at once: gateways give the parts other ids and numbers here.
        """
        texts: defaultdict[TokenKind, list[str]] = defaultdict(list)
        for content in _contents(output):
            if known := _CONTENTS.get(str(content.get("type"))):
                kind, field = known
                texts[kind].append(content.get(field) or "")
        for kind, said in texts.items():
            yield kind, _rest(self._came[kind], "".join(said))

    def calls_of(self, output: Any) -> Iterator[Event]:
        """The tool calls of a response that ended, each as an event, if none came before."""
        if not self._named:
            for place, item in enumerate(_items(output)):
                if item.get("type") == "function_call":
                    yield {"item": item, "output_index": place}

    def _note(self, event: Event, kind: TokenKind, text: str) -> None:
        self._came[kind].append(text)
        if kind == "tool":
            number = self._number(event, event.get("item_id"))
            self._calls.setdefault(number, []).append(text)

    def _number(self, event: Event, item_id: Any) -> Any:
        """What tells a tool call from the others: its place, or its item's id if it has no place.

        A later event of the same item may have another place; the first one counts.
        """
        place = event.get("output_index")
        if not item_id:
            return place
        return self._places.setdefault(item_id, item_id if place is None else place)


def reasoning_in(item: Event) -> dict[str, Any] | None:
    """An item with the model's reasoning, as it goes back to the service; None for other items."""
    if item.get("type") != "reasoning":
        return None
    return {name: value for name, value in item.items() if value is not None}


def status_of(event: str, response: Any) -> str:
    """How a response ended, by its last event and its own status.

    `response` has the fields `status` and `error`. Raises `Answered` if it failed.
    """
    if response.get("error") or event == "response.failed":
        raise Answered(response.get("error"))
    named = event.removeprefix("response.")
    return named if named != "completed" else str(response.get("status") or named)


def _key(event: Event, kind: TokenKind) -> tuple[TokenKind, Any, Any]:
    index = event.get("content_index", event.get("summary_index"))
    return kind, event.get("item_id"), index


def _rest(came: list[str], whole: Any) -> str:
    """What follows in `whole` after what came.

    Empty if it differs from what came: that was shown already, and can't be taken back.
    """
    text = "".join(came)
    return whole[len(text) :] if isinstance(whole, str) and whole.startswith(text) else ""


def _items(output: Any) -> Iterator[Event]:
    yield from (item for item in (output or ()) if isinstance(item, dict))


def _contents(output: Any) -> Iterator[Event]:
    for item in _items(output):
        yield from (each for each in item.get("content") or () if isinstance(each, dict))
