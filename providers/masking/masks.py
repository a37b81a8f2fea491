"""The map of one run: the values that must not leave, and the placeholders that stand for them.

A placeholder has no character that Markdown, JSON, HTML or an address gives a meaning to, and ends
with a nonce that nobody could know before: what only looks like one is ordinary text.
"""

from __future__ import annotations

import json
import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from providers.base import Opaque, Request, Tool, ToolCall, Turn
from providers.errors import failure
from providers.masking.kinds import Finders, TooSlow

BEGINNING = "MASKED-"
"""How every placeholder begins."""
_NONCE_LETTERS = "ABCDEFGHJKLNPQRSTUVWXYZ23456789"
_NONCE_CHARACTERS = 6
LONGEST = 64
"""Characters that no placeholder exceeds."""
_MOST_VALUES = 100_000
_ROUNDS = 8
"""How often what is left of a text is looked through again, at most."""
_TOLD_OF_TOOLS = frozenset({"description", "title", "default", "examples", "enum", "const"})
"""The fields of a tool's schema whose texts are masked: the others are its grammar."""
_LONE = re.compile("[\ud800-\udfff]")
_STAND_IN = re.compile("([\ud800-\udbff][\udc00-\udfff])")
_PAGE = 1024

NOTE = (
    "Some data is replaced by placeholders, such as {example}. You are not shown what they stand "
    "for. Write them exactly as they are wherever you would write the data."
)
"""What a model is told that is given placeholders."""

Change = Callable[[str], str]


class Masks:
    """Masks the requests of one run, each value always by the same placeholder.

    `nonce` and `values` (by placeholder) are those of a run that this one goes on with.
    """

    def __init__(
        self, finders: Finders, nonce: str = "", values: Mapping[str, str] | None = None
    ) -> None:
        self.nonce = nonce
        self.issued = _like(nonce)
        """What looks like a placeholder of this run."""
        self.values: dict[str, str] = dict(values or {})
        """By placeholder: what was issued."""
        self.used: set[str] = set()
        """The placeholders that were in a request of this run."""
        self._finders = finders
        self._numbers = {value: n for n, value in enumerate(self.values.values())}
        self._placeholders = list(self.values)
        self._longest: list[str] = []
        self._learned: set[str] = set()
        self._checked: set[str] = set()
        self._model_made: set[str] = set()
        """Values that the model itself said, before anybody else did."""

    @property
    def counts(self) -> dict[str, int]:
        """By label, how many values the requests of this run had placeholders for."""
        return dict(sorted(Counter(placeholder.split("-")[1] for placeholder in self.used).items()))

    def request(self, request: Request) -> Request:
        """The request with placeholders for all values, checked.

        Raises `ProviderError` where it would still hold one, or where that can't be known.
        """
        self._choose_nonce(request)
        try:
            for turn in request.turns:
                _of_turn(replace(turn, opaque=()), self._learner(bool(turn.opaque)))
            for tool in request.tools:
                _of_tool(tool, self._learner())
            masked = _changed(request, self.replaced)
            self._check(masked)
        except TooSlow as error:
            raise failure("mask_slow", {"pattern": error.label}) from None
        return masked

    def arguments(self, arguments: str) -> str:
        """A call's arguments with placeholders for all values. Raises `ProviderError`."""
        turn = Turn("assistant", "", calls=(ToolCall("", "", arguments),))
        return self.request(Request((turn,))).turns[0].calls[0].arguments

    def replaced(self, text: str) -> str:
        """The text with placeholders for the values that are known so far."""
        text = self._stood_in(text)
        for value in self._by_length():
            if value in text:
                text = text.replace(value, _stand_in(self._numbers[value]))
        if _LONE.search(text):
            text = _STAND_IN.sub(lambda found: self._placeholders[_number(found[0])], text)
        return text

    def restored(self, text: str, *, in_json: bool = False) -> str:
        """The text with the values for the placeholders that were issued."""
        if BEGINNING not in text:
            return text
        return self.issued.sub(lambda found: self.value_of(found[0], in_json=in_json), text)

    def value_of(self, placeholder: str, *, in_json: bool = False) -> str:
        """The value of a placeholder; what was not issued stands for itself."""
        value = self.values.get(placeholder)
        if value is None:
            return placeholder
        return json.dumps(value, ensure_ascii=False)[1:-1] if in_json else value

    # Learning values.

    def _choose_nonce(self, request: Request) -> None:
        while not self.nonce or (not self.values and _holds(request, self.nonce)):
            letters = (secrets.choice(_NONCE_LETTERS) for _ in range(_NONCE_CHARACTERS))
            self.nonce = "".join(letters)
            self.issued = _like(self.nonce)

    def _learner(self, model_made: bool = False) -> Change:
        def learn(text: str) -> str:
            if text and text not in self._learned:
                self._learn(text, model_made=model_made)
                self._learned.add(text)
            return text

        return learn

    def _learn(self, text: str, *, model_made: bool) -> None:
        """Issues a placeholder for each value of a text, until nothing is found between them."""
        left = self._stood_in(text)
        for _ in range(_ROUNDS):
            pieces = [piece for piece in _STAND_IN.split(left)[::2] if piece]
            new = {
                piece[span.start : span.end]: span.label
                for piece in pieces
                for span in self._finders(piece)
            }
            if not new:
                return
            for value in sorted(new, key=len, reverse=True):
                self._issue(value, new[value], model_made=model_made)
                left = left.replace(value, _stand_in(self._numbers[value]))

    def _issue(self, value: str, label: str, *, model_made: bool) -> None:
        if value in self._numbers:
            return
        if len(self.values) >= _MOST_VALUES:
            raise failure("value_held")
        placeholder = f"{BEGINNING}{label}-{len(self.values) + 1}-{self.nonce}"
        self._numbers[value] = len(self._placeholders)
        self._placeholders.append(placeholder)
        self.values[placeholder] = value
        if model_made:
            self._model_made.add(value)

    def _by_length(self) -> list[str]:
        if len(self._longest) != len(self._numbers):
            self._longest = sorted(self._numbers, key=len, reverse=True)
        return self._longest

    def _stood_in(self, text: str) -> str:
        """The text with a stand-in for each placeholder that is in it already.

        Two lone surrogates, which no other text has: so nothing is found in a placeholder.
        """
        text = _LONE.sub("\ufffd", text)
        if BEGINNING not in text:
            return text
        return self.issued.sub(self._stand_in_for, text)

    def _stand_in_for(self, found: re.Match[str]) -> str:
        value = self.values.get(found[0])
        return found[0] if value is None else _stand_in(self._numbers[value])

    # The check of the request itself, which knows nothing of how it was made.

    def _check(self, request: Request) -> None:
        texts = list(_texts(request))
        pieces = [piece for text in texts for piece in self._between(text)]
        whole = "\ud800".join(pieces)
        if any(value in whole for value in self._numbers):
            raise failure("value_held")
        for piece in pieces:
            if piece not in self._checked:
                if self._finders(piece):
                    raise failure("value_held")
                self._checked.add(piece)
        self._check_opaque(request)

    def _between(self, text: str) -> Iterator[str]:
        """The text without the placeholders that were issued, which are noted as used."""
        start = 0
        for found in self.issued.finditer(text) if BEGINNING in text else ():
            if found[0] in self.values:
                self.used.add(found[0])
                yield text[start : found.start()]
                start = found.end()
        yield text[start:]

    def _check_opaque(self, request: Request) -> None:
        """What a model wants back unchanged was made from placeholders: it has no other's value."""
        kept = [json.dumps(each.item, ensure_ascii=False) for each in _opaque(request)]
        foreign = [value for value in self._numbers if value not in self._model_made]
        if any(value in text for text in kept for value in foreign):
            raise failure("value_held")


def _like(nonce: str) -> re.Pattern[str]:
    return re.compile(rf"{BEGINNING}[A-Z0-9]+-\d+-{nonce or '(?!)'}")


def _stand_in(number: int) -> str:
    return chr(0xD800 + number // _PAGE % _PAGE) + chr(0xDC00 + number % _PAGE)


def _number(stand_in: str) -> int:
    return (ord(stand_in[0]) - 0xD800) * _PAGE + ord(stand_in[1]) - 0xDC00


# The texts of a request.


def _changed(request: Request, change: Change) -> Request:
    turns = tuple(_of_turn(turn, change) for turn in request.turns)
    return replace(request, turns=turns, tools=tuple(_of_tool(t, change) for t in request.tools))


def _of_turn(turn: Turn, change: Change) -> Turn:
    calls = tuple(replace(c, arguments=_of_json(c.arguments, change)) for c in turn.calls)
    opaque = tuple(_moved(each, turn.text, change) for each in turn.opaque)
    return replace(turn, text=change(turn.text), calls=calls, opaque=opaque)


def _moved(opaque: Opaque, text: str, change: Change) -> Opaque:
    """The same at its place in the changed text."""
    return replace(opaque, chars=len(change(text[: opaque.chars])) if opaque.chars else 0)


def _of_json(text: str, change: Change) -> str:
    """A text that may be JSON with its strings, keys and numbers changed, else as a text."""
    try:
        told = json.loads(text)
        new = _of_value(told, change)
    except (ValueError, RecursionError):
        return change(text)
    return text if new == told else json.dumps(new, ensure_ascii=False)


def _of_value(value: Any, change: Change) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        written = json.dumps(value)
        new = change(written)
        return value if new == written else new
    if isinstance(value, Mapping):
        return {change(key): _of_value(each, change) for key, each in value.items()}
    if isinstance(value, Sequence):
        return [_of_value(each, change) for each in value]
    return value


def _of_tool(tool: Tool, change: Change) -> Tool:
    schema = _of_schema(tool.schema, change)
    return replace(tool, description=change(tool.description), schema=schema)


def _of_schema(schema: Any, change: Change) -> Any:
    """A schema with its texts changed; names and grammar stay."""
    if isinstance(schema, Mapping):
        return {
            key: _of_value(each, change)
            if key in _TOLD_OF_TOOLS and not isinstance(each, Mapping)
            else _of_schema(each, change)
            for key, each in schema.items()
        }
    if isinstance(schema, list | tuple):
        return [_of_schema(each, change) for each in schema]
    return schema


def _texts(request: Request) -> Iterator[str]:
    """All texts of a request that are looked through."""
    found: list[str] = []

    def note(text: str) -> str:
        found.append(text)
        return text

    for turn in request.turns:
        _of_turn(replace(turn, opaque=()), note)
    for tool in request.tools:
        _of_tool(tool, note)
    yield from found


def _opaque(request: Request) -> Iterator[Opaque]:
    for turn in request.turns:
        yield from turn.opaque


def _holds(request: Request, nonce: str) -> bool:
    return any(nonce in text for text in _texts(request))
