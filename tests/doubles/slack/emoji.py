"""Emoji as Slack names them: a small table, and names made from Unicode for the rest."""

from __future__ import annotations

import unicodedata
from typing import Any

import regex  # type: ignore[import-untyped]  # its stubs are a package of their own

NAMES = {
    "😀": "grinning",
    "😄": "smile",
    "😊": "blush",
    "😂": "joy",
    "🤔": "thinking_face",
    "👍": "+1",
    "👎": "-1",
    "👋": "wave",
    "🙏": "pray",
    "🚀": "rocket",
    "🎉": "tada",
    "🔥": "fire",
    "✅": "white_check_mark",
    "❌": "x",
    "⚠️": "warning",
    "❤️": "heart",
    "⭐": "star",
    "✨": "sparkles",
    "💡": "bulb",
    "🐛": "bug",
    "👀": "eyes",
    "🇩🇪": "flag-de",
    "🏳️‍🌈": "rainbow-flag",
    "👨‍👩‍👧‍👦": "man-woman-girl-boy",
    "👩‍👩‍👧‍👦": "woman-woman-girl-boy",
}
CHARACTERS = {name: character for character, name in NAMES.items()}

_UNIT = r"(?:\p{ExtPict}\p{EMod}|\p{ExtPict}\uFE0F|(?!\p{RI})\p{Emoji_Presentation}\p{EMod}?)"
_JOINED = r"(?:\u200D\p{ExtPict}(?:\p{EMod}|\uFE0F)?)*"
EMOJI = regex.compile(
    rf"\p{{RI}}\p{{RI}}|[0-9#*]\uFE0F\u20E3|\U0001F3F4[\U000E0020-\U000E007F]+|{_UNIT}{_JOINED}"
)
"""One emoji as a reader sees it, of however many code points."""

SHORTCODE = regex.compile(r":([a-z0-9_+'-]+):")

_SKIN_TONES = {chr(0x1F3FB + i): i + 2 for i in range(5)}


def element(character: str) -> dict[str, Any]:
    """The rich text element of an emoji."""
    tone = next((tone for tone in _SKIN_TONES if tone in character[1:]), None)
    bare = character[0] + character[1:].replace(tone, "") if tone else character
    made = {
        "type": "emoji",
        "name": NAMES.get(bare) or _name(bare),
        "unicode": "-".join(f"{ord(each):x}" for each in character),
    }
    return made | ({"skin_tone": _SKIN_TONES[tone]} if tone else {})


def shortcode(character: str) -> str:
    """An emoji as it stands in a message's `text`."""
    return f":{element(character)['name']}:"


def character(element: dict[str, Any]) -> str:
    """What a reader sees of an emoji element."""
    if "unicode" not in element:
        return f":{element['name']}:"
    return "".join(chr(int(point, 16)) for point in element["unicode"].split("-"))


def _name(character: str) -> str:
    return unicodedata.name(character[0], "emoji").lower().replace(" ", "_").replace("-", "_")
