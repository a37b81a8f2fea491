"""Writes inline nodes as Slack's Markdown: what is no markup of the model's is escaped, or kept
apart by characters without width.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from connectors.markdown import of_inlines, one_line
from connectors.markdown.nodes import (
    Break,
    Code,
    Emph,
    Formula,
    Html,
    ImageLink,
    Inline,
    Link,
    Strike,
    Strong,
    Text,
)

# Characters without width that the bot adds to what it sends to Slack, and takes out again.
#
# U+200B just inside of marks makes them emphasis where Slack would show them, in the middle of
# what looks like a mention or an emoji's name it hides that from Slack and not from the reader.
# One of the model's own is sent between two U+2060, so that it can be told from ours.


JOINT = "\u200b"
"""What is put between two characters."""

_THEIRS = "\u2060\u200b\u2060"
_ADDED = re.compile("\u2060\u200b\u2060|\u200b|%E2%80%8B", re.I)
_MENTION = re.compile(r"(?<![A-Za-z0-9])@(?=[cheCHE])|<[!@#](?=[A-Za-z0-9])")
_EMOJI = re.compile(r":(?=[^\s:]{1,100}:)")
EMOJI_BEGUN = re.compile(r"(?::[^\s:]{1,100})*:[^\s:]{0,100}\Z")
"""The end of words that may go on as the name of an emoji."""


def hidden(text: str) -> str:
    """A text, as code or as words, in which Slack finds no mention.

    Any `@` and `<` that may begin one is parted from what follows, without looking any further: so
    what a text begins with never depends on how it goes on.
    """
    return _MENTION.sub(lambda match: match[0] + JOINT, text.replace(JOINT, _THEIRS))


def in_text(text: str) -> str:
    """Words as a message's `text`: they say what they are, and none is a mention or a link."""
    return hidden(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def drawn(text: str) -> str:
    """What is drawn of a text that Slack answers: all that was added is taken out."""
    return _ADDED.sub(lambda match: JOINT if match[0] == _THEIRS else "", text)


_ESCAPED = re.compile(r"[\\`*_~\[\]#]|:(?=//)")
_ENTITIES = (("&", "&amp;"), ("<", "&lt;"))
_BLOCK = re.compile(r"[-+=>|:]")
_NUMBER = re.compile(r"(\d{1,9})([.)])")
_ADDRESS = re.compile(r"(?:https?://|mailto:)[^\s<>\\|]+", re.I)
_ENTITY = re.compile(r"&(?=#?\w+;)")
_SPACES = re.compile(r"\s+")
_MARKS = {Strong: "**", Emph: "*", Strike: "~~"}


def escaped(text: str, *, starts: bool = False) -> str:
    """Words as they are to be drawn; `starts` where they begin a line."""
    words = _EMOJI.sub(f":{JOINT}", hidden(_SPACES.sub(" ", text)))
    for character, entity in _ENTITIES:
        words = words.replace(character, entity)
    words = _ESCAPED.sub(r"\\\g<0>", words)
    return _started(words.lstrip(" ")) if starts else words


def _started(words: str) -> str:
    """Words at the beginning of a line, which are no block's."""
    if _BLOCK.match(words):
        return f"\\{words}"
    return _NUMBER.sub(r"\1\\\2", words, count=1) if _NUMBER.match(words) else words


def code_span(text: str) -> str:
    """Code in backticks that are more than any run of them in it."""
    runs = {len(run) for run in re.findall("`+", text)}
    ticks = "`" * next(count for count in range(1, len(runs) + 2) if count not in runs)
    edge = text[0] == "`" or text[-1] == "`" or (text[0] == text[-1] == " " and text.strip(" "))
    return f"{ticks} {text} {ticks}" if edge else f"{ticks}{text}{ticks}"


class Spans:
    """Writes inlines one after another.

    `cell` says that they stand in a table's cell, `starts` that they begin a line.
    """

    def __init__(self, *, cell: bool = False, starts: bool = True) -> None:
        self._cell = cell
        self._out: list[str] = []
        self._last = self._seen = ""
        self._starts = starts
        self._ended = False
        self._styles: list[type] = []

    @property
    def text(self) -> str:
        """What was written."""
        return "".join(self._out)

    def write(self, inlines: Sequence[Inline], following: str = "") -> None:
        """Writes inlines; `following` is the character after them."""
        for at, inline in enumerate(inlines):
            after = _first(inlines[at + 1 :]) or following
            self._inline(inline, after)

    def _inline(self, inline: Inline, following: str) -> None:
        match inline:
            case Text(text) | Formula(text) | Html(text):
                self._words(text)
            case Code(text):
                self._mark(self._bar(code_span(hidden(text))))
            case Break():
                self._end()
            case Link() | ImageLink():
                self._link(inline)
            case _:
                self._emphasis(inline, following)

    def _put(self, text: str) -> None:
        if text:
            if self._ended:
                self._out.append("\n")
                self._ended = False
            self._out.append(text)
            self._last, self._starts = text[-1], False
            self._seen = text.rstrip(JOINT)[-1:] or self._seen

    def _mark(self, text: str) -> None:
        """Adds markup, parted from markup before it that would run into it."""
        if self._last == text[0]:
            self._put(JOINT)
        self._put(text)

    def _bar(self, text: str) -> str:
        return text.replace("|", "\\|") if self._cell else text

    def _end(self) -> None:
        if self._cell:
            self._put(" ")
        elif self._out:
            self._ended = self._starts = True
            self._last = ""

    def _words(self, text: str) -> None:
        for at, line in enumerate(text.split("\n")):
            if at:
                self._end()
            self._put(self._bar(escaped(line, starts=self._starts)))

    def _link(self, link: Link | ImageLink) -> None:
        label, address = one_line(link.children), " ".join(link.address.split())
        raw = link.children[0].text if link.children and isinstance(link.children[0], Text) else ""
        if raw[:1].isspace():
            self._words(" ")
        apart = bool(label and address and label != address)
        if not _ADDRESS.fullmatch(address) or not is_prose(link.children):
            self.write(link.children)
            self._words(f" ({address})" if apart else "" if label else address)
            return
        if apart and (not _is_balanced(address) or address == f"mailto:{label}"):
            self._words(f"{label} ({address})")
        elif apart:
            target = _ENTITY.sub("&amp;", address)
            self._put(f"[{self._bar(escaped(label))}]({target})")
        elif address.lower().startswith("mailto:"):
            self._words(address)
        else:
            self._put(f"<{address}>")

    def _emphasis(self, node: Strong | Emph | Strike, following: str) -> None:
        kind = type(node)
        inner = Spans(cell=self._cell, starts=False)
        inner._styles = [*self._styles, kind]
        inner.write(node.children, following)
        # Of code in emphasis beside Chinese, Japanese or Korean, Slack shows the marks.
        fails = "`" in inner.text and (_dense(self._seen) or _dense(following))
        if fails or kind in self._styles or not inner.text.strip():
            self.write(node.children, following)
            return
        mark, text = _MARKS[kind], inner.text
        before = "" if text[0].isalnum() else JOINT
        after = "" if text[-1].isalnum() else JOINT
        self._mark(f"{mark}{before}{text}{after}{mark}")


def _is_balanced(address: str) -> bool:
    """Whether its parentheses pair, as they must in a link's target."""
    depth = 0
    for each in re.findall(r"[()]", address):
        depth += 1 if each == "(" else -1
        if depth < 0:
            return False
    return not depth


def is_prose(inlines: Sequence[Inline]) -> bool:
    """Whether white space in these is nothing but white space, and no line ends there."""
    return all(
        is_prose(each.children)
        if isinstance(each, Strong | Emph | Strike | Link | ImageLink)
        else (isinstance(each, Text | Formula | Html) and "\n" not in each.text)
        or (isinstance(each, Code) and " ".join(each.text.split()) == each.text)
        for each in inlines
    )


def _first(inlines: Sequence[Inline]) -> str:
    """The first character that is seen of inlines."""
    for each in inlines:
        if text := "\n" if isinstance(each, Break) else "".join(of_inlines([each])):
            return text[0]
    return ""


def _dense(character: str) -> bool:
    return bool(character) and unicodedata.east_asian_width(character) in "WF"
