"""Puts values back while an answer streams: of a placeholder that is cut over tokens nothing shows
before it is whole, and what only looks like one passes as it is.
"""

from __future__ import annotations

from typing import NamedTuple

from providers.base import ANSWER_KINDS, TokenKind
from providers.masking.masks import BEGINNING, LONGEST, Masks

_FIRST = BEGINNING[0]


class Restorer:
    """Restores one text that comes in pieces. `in_json`: it is JSON, as arguments of calls are."""

    def __init__(self, masks: Masks, *, in_json: bool = False) -> None:
        self.held = ""
        """What may be the beginning of a placeholder."""
        self._masks = masks
        self._in_json = in_json

    def take(self, text: str) -> str:
        """What can be passed on now, which may be nothing."""
        if not self.held and _FIRST not in text:
            return text
        text = self.held + text
        passed, end = [], 0
        for found in self._masks.issued.finditer(text):
            value = self._masks.value_of(found[0], in_json=self._in_json)
            passed += [text[end : found.start()], value]
            end = found.end()
        begun = self._begun(text, end)
        self.held = text[begun:]
        return "".join([*passed, text[end:begun]])

    def flush(self) -> str:
        """What is left at the end of the text.

        Nothing of a placeholder that was cut off there: it stands for something, and is no text.
        """
        held, self.held = self.held, ""
        return "" if held.startswith(BEGINNING) else held

    def _begun(self, text: str, start: int) -> int:
        """Where a placeholder begins that the text's end may have cut; else the text's end."""
        at = text.find(_FIRST, max(start, len(text) - LONGEST))
        while at >= 0:
            rest = text[at:]
            if BEGINNING.startswith(rest) or (
                rest.startswith(BEGINNING)
                and any(placeholder.startswith(rest) for placeholder in self._masks.values)
            ):
                return at
            at = text.find(_FIRST, at + 1)
        return len(text)


class Restored(NamedTuple):
    """Some restored text: its kind, and the number of the tool call that it belongs to, if any."""

    kind: TokenKind
    text: str
    call: int | None = None


class Restoring:
    """Restores the tokens of one answer, each kind and each call for itself."""

    def __init__(self, masks: Masks) -> None:
        self._masks = masks
        self._texts: dict[tuple[TokenKind, int | None], Restorer] = {}
        self._answer = Restorer(masks)

    def take(self, text: str, kind: TokenKind, call: int | None = None) -> str:
        """What of a token, and of those before it, can be passed on now."""
        return self._of(kind, call).take(text)

    def flush(self) -> list[Restored]:
        """What is left at the end."""
        left = [Restored("text", self._answer.flush())]
        left += [Restored(kind, each.flush(), call) for (kind, call), each in self._texts.items()]
        return [each for each in left if each.text]

    def _of(self, kind: TokenKind, call: int | None) -> Restorer:
        if kind in ANSWER_KINDS:
            return self._answer
        known = self._texts.get((kind, call))
        if known is None:
            known = self._texts[kind, call] = Restorer(self._masks, in_json=kind == "tool")
        return known
