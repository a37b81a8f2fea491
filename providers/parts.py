"""The parts of a response, as the Responses API streams them: what their deltas brought so far.

Each part comes as deltas and then whole, in an event that ends it; the response's own end has all
of them again. A stream may be cut before either, so a delta counts as it comes; and an end may
have more than the deltas did, so what is missing there is made up for. Both ways to read a stream
go by this.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from providers.base import TokenKind
from providers.errors import Answered

DELTAS: dict[str, TokenKind] = {
    "response.output_text.delta": "text",
    "response.refusal.delta": "refusal",
    "response.reasoning_summary_text.delta": "reasoning",
    "response.reasoning_text.delta": "reasoning",
    "response.function_call_arguments.delta": "tool",
}
"""Events whose `delta` is a piece."""

DONE: dict[str, tuple[TokenKind, str]] = {
    "response.output_text.done": ("text", "text"),
    "response.refusal.done": ("refusal", "refusal"),
    "response.reasoning_summary_text.done": ("reasoning", "text"),
    "response.reasoning_text.done": ("reasoning", "text"),
    "response.function_call_arguments.done": ("tool", "arguments"),
}
"""Events that end a part, the kind of its pieces, and the field with all of it."""

ENDS = frozenset({"response.completed", "response.incomplete"})

_CONTENTS: dict[str, tuple[TokenKind, str]] = {
    "output_text": ("text", "text"),
    "refusal": ("refusal", "refusal"),
}

Event = Mapping[str, Any]


class Parts:
    """One response's parts, by their kind."""

    def __init__(self) -> None:
        self._open: defaultdict[tuple[TokenKind, Any, Any], list[str]] = defaultdict(list)
        self._came: defaultdict[TokenKind, list[str]] = defaultdict(list)

    def delta(self, event: Event, kind: TokenKind) -> str:
        """A delta came; returns its text."""
        text: str = event["delta"]
        self._open[_key(event, kind)].append(text)
        self._came[kind].append(text)
        return text

    def done(self, event: Event) -> tuple[TokenKind, str]:
        """A part ended: its kind, and what its deltas did not bring of it."""
        kind, field = DONE[event["type"]]
        rest = _rest(self._open.pop(_key(event, kind), []), event.get(field))
        self._came[kind].append(rest)
        return kind, rest

    def ended(self, output: Any) -> Iterator[tuple[TokenKind, str]]:
        """The response ended with these items: what did not come before of its texts.

        Compared whole, kind by kind: gateways number and name the parts here otherwise than there.
        """
        texts: defaultdict[TokenKind, list[str]] = defaultdict(list)
        for content in _contents(output):
            if known := _CONTENTS.get(str(content.get("type"))):
                kind, field = known
                texts[kind].append(content.get(field) or "")
        for kind, said in texts.items():
            yield kind, _rest(self._came[kind], "".join(said))


def status_of(event: str, response: Any) -> str:
    """How a response ended, by the event that ends it and its own status.

    `response` has the fields `status` and `error`. Raises `Answered` where it failed.
    """
    if response.get("error") or event == "response.failed":
        raise Answered(response.get("error"))
    named = event.removeprefix("response.")
    return named if named != "completed" else str(response.get("status") or named)


def _key(event: Event, kind: TokenKind) -> tuple[TokenKind, Any, Any]:
    index = event.get("content_index", event.get("summary_index"))
    return kind, event.get("item_id"), index


def _rest(came: list[str], whole: Any) -> str:
    """What is left of a text; nothing where it is not what came: that can't be taken back."""
    text = "".join(came)
    return whole[len(text) :] if isinstance(whole, str) and whole.startswith(text) else ""


def _contents(output: Any) -> Iterator[Event]:
    for item in output if isinstance(output, list) else ():
        contents = item.get("content") if isinstance(item, dict) else None
        yield from (each for each in contents or () if isinstance(each, dict))
