"""What a reader sees of a message's blocks, whom they ping and what can be pressed in them."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.doubles.slack import emoji

Block = Mapping[str, Any]

_ASIDE = {"context", "actions", "context_actions", "divider"}
"""Blocks that are no part of what a message says."""


def text(blocks: Sequence[Block]) -> str:
    """The visible text of an answer, without small print, controls and list marks."""
    said = (_block(block) for block in blocks if block["type"] not in _ASIDE)
    return "\n".join(each for each in said if each)


def pings(blocks: Sequence[Block]) -> list[str]:
    """Whom a message makes Slack notify: user and group ids, and ranges such as `here`."""
    keys = {"user": "user_id", "usergroup": "usergroup_id", "broadcast": "range"}
    return [each[keys[each["type"]]] for each in _elements(blocks) if each.get("type") in keys]


def buttons(blocks: Sequence[Block]) -> list[tuple[str, Mapping[str, Any]]]:
    """Every button with the id of its block."""
    return [
        (block.get("block_id", ""), element)
        for block in blocks
        for element in [*block.get("elements", ()), block.get("accessory", {})]
        if element.get("type") == "button"
    ]


def stops(blocks: Sequence[Block]) -> bool:
    """Whether a message offers to stop its answer."""
    return any(_is_stop(button) for _, button in buttons(blocks))


def _is_stop(button: Mapping[str, Any]) -> bool:
    return "stop" in f"{button.get('action_id', '')} {button['text']['text']}".lower()


def _elements(node: Any) -> Iterator[Mapping[str, Any]]:
    """Every object within a block."""
    if isinstance(node, Mapping):
        yield node
        node = list(node.values())
    if isinstance(node, list | tuple):
        for each in node:
            yield from _elements(each)


def _block(block: Block) -> str:
    match block["type"]:
        case "header":
            return html.unescape(str(block["text"]["text"]))
        case "section":
            texts = [block["text"]] if "text" in block else []
            return "\n".join(each["text"] for each in [*texts, *block.get("fields", ())])
        case "table":
            return "\n".join("\t".join(map(_cell, row)) for row in block["rows"])
        case "rich_text":
            return "\n".join(_rich(each) for each in block["elements"])
        case _:
            return ""


def _cell(cell: Mapping[str, Any]) -> str:
    return str(cell["text"]) if cell["type"] == "raw_text" else _block(cell)


def _rich(element: Mapping[str, Any]) -> str:
    if element["type"] == "rich_text_list":
        return "\n".join(_rich(item) for item in element["elements"])
    return "".join(_run(each) for each in element["elements"])


def _run(element: Mapping[str, Any]) -> str:
    match element["type"]:
        case "text":
            return str(element["text"])
        case "link":
            return str(element.get("text") or element["url"])
        case "emoji":
            return emoji.character(dict(element))
        case "user":
            return f"@{element['user_id']}"
        case "usergroup":
            return f"@{element['usergroup_id']}"
        case "channel":
            return f"#{element['channel_id']}"
        case _:
            return f"@{element['range']}"
