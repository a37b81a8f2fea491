"""Characters without width that the bot adds to what it sends to Slack, and takes out again.

U+200B just inside of marks makes them emphasis where Slack would show them, in the middle of what
looks like a mention or an emoji's name it hides that from Slack and not from the reader. One of
the model's own is sent between two U+2060, so that it can be told from ours.
"""

from __future__ import annotations

import re

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


def without_emoji(text: str) -> str:
    """Words in which Slack finds no name of an emoji either."""
    return _EMOJI.sub(f":{JOINT}", text)


def drawn(text: str) -> str:
    """What is drawn of a text that Slack answers: all that was added is taken out."""
    return _ADDED.sub(lambda match: JOINT if match[0] == _THEIRS else "", text)
