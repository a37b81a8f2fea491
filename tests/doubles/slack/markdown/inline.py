"""Markdown's inline tokens as elements of rich text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markdown_it.token import Token

from tests.doubles.slack.markdown.elements import (
    PLAIN,
    Element,
    Style,
    link,
    merged,
    recognised,
    text,
)

_STYLES = {"strong": "bold", "em": "italic", "s": "strike"}


def elements(tokens: Sequence[Token] | None, style: Style = PLAIN) -> list[Element]:
    """The elements that inline tokens become; what looks like a mention in them is one.

    Escaped characters and entities are literal text. So is code, where nothing is recognised.
    """
    return merged(_Reader(style).read(tokens or ()))


def plain(tokens: Sequence[Token] | None) -> str:
    """The text alone, as a header block has it."""
    parts = []
    for token in tokens or ():
        if token.type == "image":
            parts.append(token.content)
        elif token.type in {"softbreak", "hardbreak"}:
            parts.append(" ")
        else:
            parts.append(token.content)
    return "".join(parts)


class _Reader:
    """Walks inline tokens once, with the styles that are open."""

    def __init__(self, style: Style) -> None:
        self._base = style
        self._open: list[str] = []
        self._address = ""
        self._label = ""

    def read(self, tokens: Sequence[Token]) -> list[Element]:
        return [element for token in tokens for element in self._one(token)]

    @property
    def _style(self) -> Style:
        return self._base | frozenset(self._open)

    def _one(self, token: Token) -> list[Element]:
        kind, _, edge = token.type.rpartition("_")
        if kind in _STYLES:
            self._turn(_STYLES[kind], opens=edge == "open")
            return []
        if kind == "link":
            return self._link(token, opens=edge == "open")
        if self._address:
            self._label += _label(token)
            return []
        return self._leaf(token)

    def _leaf(self, token: Token) -> list[Element]:
        match token.type:
            case "text":
                return list(recognised(token.content, self._style))
            case "code_inline":
                return [text(token.content, self._style | {"code"})]
            case "softbreak" | "hardbreak":
                return [text("\n", self._style)]
            case "image":
                return [link(_attribute(token, "src"), token.content, self._style)]
            case _:
                return [text(token.content, self._style)]

    def _turn(self, style: str, *, opens: bool) -> None:
        if opens:
            self._open.append(style)
        else:
            self._open.remove(style)

    def _link(self, token: Token, *, opens: bool) -> list[Element]:
        if opens:
            self._address, self._label = _attribute(token, "href"), ""
            return []
        made = link(self._address, self._label, self._style)
        self._address = ""
        return [made]


def _label(token: Token) -> str:
    """What a token within a link adds to what the link says; of a picture that is its name."""
    if token.type in {"softbreak", "hardbreak"}:
        return "\n"
    return token.content or (_attribute(token, "src") if token.type == "image" else "")


def _attribute(token: Token, name: str) -> str:
    value: Any = token.attrGet(name)
    return str(value or "")
