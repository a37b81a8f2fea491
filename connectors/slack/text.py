"""Slack's message text as a person reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_CONTROL = re.compile(r"<([^<>]*)>")
"""People's own < and > arrive as entities: what stands in these is always Slack's."""
_PERSON = re.compile(r"<@([^<>|]+)")
_GROUP = re.compile(r"<!(?!date\^)")
_SHORTCODE = re.compile(r":([^\s:]+(?:::skin-tone-[2-6])?):")
_ENTITY = re.compile("&(amp|lt|gt);")
_CHARACTERS = {"amp": "&", "lt": "<", "gt": ">"}
_CODE = re.compile(r"[0-9a-f]{2,5}(?:-[0-9a-f]{2,5}){0,15}")
_DEEPEST = 20
"""Lists and quotes nest in rich text, but not for ever."""


def plain(
    text: str,
    names: Mapping[str, str],
    emoji: Mapping[str, str] | None = None,
    *,
    without: str = "",
) -> str:
    """What a person sees of a text; the mentions of the user `without` are left out.

    `names` are people's by their ids, `emoji` the characters by their shortcodes (`emoji_of`).
    What is in neither stays as Slack writes it.
    """
    mention = rf"[ \t]?<@{re.escape(without)}(?:\|[^<>]*)?>"
    seen = re.sub(mention, "", text) if without else text
    seen = _CONTROL.sub(lambda match: _shown(match[1], names), seen)
    if emoji:
        seen = _SHORTCODE.sub(lambda match: emoji.get(match[1], match[0]), seen)
    # Last of all: an entity that is undone here is a person's own character, and no control.
    return _ENTITY.sub(lambda match: _CHARACTERS[match[1]], seen).strip()


def mentioned(text: str) -> frozenset[str]:
    """The ids of the people whom a text mentions."""
    return frozenset(_PERSON.findall(text))


def calls_a_group(text: str) -> bool:
    """Whether a text calls many at once: @here, @channel, a team."""
    return _GROUP.search(text) is not None


def emoji_of(blocks: object) -> dict[str, str]:
    """The characters of the emoji in a message's rich text, by their shortcodes."""
    found: dict[str, str] = {}
    for name, tone, code in _emoji(blocks, _DEEPEST):
        characters = "".join(chr(int(point, 16)) for point in code.split("-"))
        found.setdefault(name, characters)
        found[f"{name}::skin-tone-{tone}" if tone else name] = characters
    return found


def quoted(text: str) -> str:
    """A text as a quotation in Markdown."""
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def _shown(control: str, names: Mapping[str, str]) -> str:
    target, _, label = control.partition("|")
    match target[:1]:
        case "@":
            return f"@{names.get(target[1:]) or label or target[1:]}"
        case "#":
            return f"#{label or target[1:]}"
        case "!":
            return _special(target[1:], label)
        case _:
            return _link(target, label)


def _special(target: str, label: str) -> str:
    """`here`, `subteam^ID`, or a date with the words that Slack has for old clients."""
    kind, _, rest = target.partition("^")
    if kind == "date":
        return label or rest
    return f"@{label.removeprefix('@') or rest or kind}"


def _link(url: str, label: str) -> str:
    bare = url.partition(":")[2].removeprefix("//")  # Slack links "example.com" by itself
    return f"{label} ({url})" if label and label not in {url, bare} else label or url


def _emoji(node: object, depth: int) -> Iterator[tuple[str, object, str]]:
    """The name, the skin tone and the code ("1f44b-1f3fc") of each emoji below a node."""
    match node:
        case {"type": "emoji", "name": str(name), "unicode": str(code), **more} if _CODE.fullmatch(
            code
        ):
            yield name, more.get("skin_tone"), code
        case {"elements": list(nodes)} | list(nodes) if depth:
            for each in nodes:
                yield from _emoji(each, depth - 1)
