"""The elements of rich text: runs of text with a style, and what is recognised in plain text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from tests.doubles.slack import emoji

Element = dict[str, Any]
Style = frozenset[str]

PLAIN: Style = frozenset()

_MENTIONS = (
    (re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>"), "user", "user_id"),
    (re.compile(r"<#([CGD][A-Z0-9]+)(?:\|[^>]*)?>"), "channel", "channel_id"),
    (re.compile(r"<!subteam\^(S[A-Z0-9]+)(?:\|[^>]*)?>"), "usergroup", "usergroup_id"),
    (re.compile(r"<!(channel|here|everyone)(?:\|[^>]*)?>"), "broadcast", "range"),
    (re.compile(r"(?<!\w)@(channel|here|everyone)\b"), "broadcast", "range"),
)
_URL = re.compile(r"https?://[^\s<>|]*[^\s<>|.,;:!?'\"()*_~\]]")


def styled(element: Element, style: Style) -> Element:
    """The element in a style, as Slack writes it: no `style` where there is none."""
    return element | ({"style": dict.fromkeys(sorted(style), True)} if style else {})


def text(content: str, style: Style = PLAIN) -> Element:
    """A run of text, taken literally."""
    return styled({"type": "text", "text": content}, style)


def link(url: str, label: str = "", style: Style = PLAIN) -> Element:
    """A link; its label only where it differs from the address."""
    named = {"text": label} if label and label != url else {}
    return styled({"type": "link", "url": url} | named, style)


def recognised(content: str, style: Style = PLAIN) -> Iterator[Element]:
    """Plain text with its mentions, addresses and emoji found."""
    at = 0
    for start, end, element in _findings(content):
        if start < at:
            continue
        if start > at:
            yield text(content[at:start], style)
        yield styled(element, style)
        at = end
    if at < len(content):
        yield text(content[at:], style)


def merged(elements: Iterable[Element]) -> list[Element]:
    """The same with neighbouring runs of one style made one."""
    whole: list[Element] = []
    for each in elements:
        last = whole[-1] if whole else None
        if last and last["type"] == each["type"] == "text" and _style(last) == _style(each):
            last["text"] += each["text"]
        elif each.get("text") != "":
            whole.append(dict(each))
    return whole


def stripped(elements: Iterable[Element]) -> list[Element]:
    """Merged, without white space at both ends."""
    whole = merged(elements)
    if whole and whole[0]["type"] == "text":
        whole[0]["text"] = whole[0]["text"].lstrip()
    if whole and whole[-1]["type"] == "text":
        whole[-1]["text"] = whole[-1]["text"].rstrip()
    return [each for each in whole if each.get("text") != ""]


def _style(element: Element) -> Any:
    return element.get("style")


def _findings(content: str) -> list[tuple[int, int, Element]]:
    found = [
        (match.start(), match.end(), {"type": kind, key: match[1]})
        for pattern, kind, key in _MENTIONS
        for match in pattern.finditer(content)
    ]
    found += [(m.start(), m.end(), link(m[0])) for m in _URL.finditer(content)]
    found += [(m.start(), m.end(), emoji.element(m[0])) for m in emoji.EMOJI.finditer(content)]
    for match in emoji.SHORTCODE.finditer(content):
        if match[1] in emoji.CHARACTERS:
            found.append((match.start(), match.end(), emoji.element(emoji.CHARACTERS[match[1]])))
    return sorted(found, key=lambda finding: finding[:2])
