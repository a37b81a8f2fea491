"""The `text` of a message: how Slack escapes what people type, and its blocks for plain text."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

from tests.doubles.slack import emoji
from tests.doubles.slack.markdown.elements import link, merged, recognised, text

_TOKEN = re.compile(
    r"<(?:@[UW][A-Z0-9]+|#[CGD][A-Z0-9]+|!(?:here|channel|everyone|subteam\^S[A-Z0-9]+)"
    r"|https?://[^>|\s]+)(?:\|[^>]*)?>"
)
_URL = re.compile(r"https?://[^\s<>|]*[^\s<>|.,;:!?'\"()*_~\]]")
_LINK = re.compile(r"<(https?://[^>|\s]+)(?:\|([^>]*))?>")


def typed(words: str) -> str:
    """What stands in `text` when a person types this: escaped, addresses and emoji in tokens."""
    return _around(words, _TOKEN, _escaped_word)


def escaped(words: str) -> str:
    """What stands in `text` when an app sends this: bare `&`, `<` and `>` are escaped."""
    return _around(words, _TOKEN, lambda part: html.escape(html.unescape(part), quote=False))


def rich_text(words: str) -> dict[str, Any]:
    """The block that Slack shows for a message's `text`."""
    elements: list[dict[str, Any]] = []
    at = 0
    for match in _LINK.finditer(words):
        elements += recognised(html.unescape(words[at : match.start()]))
        elements.append(link(match[1], html.unescape(match[2] or "")))
        at = match.end()
    elements += recognised(html.unescape(words[at:]))
    section = {"type": "rich_text_section", "elements": merged(elements) or [text(" ")]}
    return {"type": "rich_text", "elements": [section]}


def _escaped_word(part: str) -> str:
    named = emoji.EMOJI.sub(lambda found: emoji.shortcode(found[0]), part)
    return _around(named, _URL, lambda rest: html.escape(rest, quote=False), lambda url: f"<{url}>")


def _around(
    words: str,
    kept: re.Pattern[str],
    change: Callable[[str], str],
    keep: Callable[[str], str] = str,
) -> str:
    """Changes what stands between the matches of a pattern."""
    parts, at = [], 0
    for match in kept.finditer(words):
        parts += [change(words[at : match.start()]), keep(match[0])]
        at = match.end()
    return "".join([*parts, change(words[at:])])
