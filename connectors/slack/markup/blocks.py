"""What can be seen of the blocks that Slack says a message has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from connectors.slack.markup.markdown import visible, without_task
from connectors.slack.markup.normal import Piece, emoji, normalised

Node = Mapping[str, Any]

_OURS = {"actions", "context", "context_actions"}
"""Blocks that we put below the answer's text: small print and buttons."""


def seen(blocks: Sequence[Node]) -> str:
    """What a reader sees of an answer's text, in the form that `visible` has for its Markdown."""
    return normalised(piece for block in _above(blocks) for piece in _block(block))


def _above(blocks: Sequence[Node]) -> Iterator[Node]:
    for block in blocks:
        if block.get("type") in _OURS:
            return
        yield block


def _block(block: Node) -> Iterator[Piece]:
    match block.get("type"):
        case "rich_text":
            for element in block["elements"]:
                yield from _rich(element)
        case "header" | "section":
            yield from map(_text, [block.get("text"), *block.get("fields", ())])
        case "table":
            for cell in chain.from_iterable(block["rows"]):
                yield from _cell(cell)
        case "image":
            yield Piece(block.get("alt_text") or block.get("image_url", ""))
        case "markdown":
            yield Piece(visible(block["text"]))


def _text(composed: Node | None) -> Piece:
    return Piece(composed["text"] if composed else "")


def _cell(cell: Node) -> Iterator[Piece]:
    if cell.get("type") == "rich_text":
        yield from _block(cell)
    else:
        yield Piece(str(cell.get("text", "")))


def _rich(element: Node) -> Iterator[Piece]:
    match element["type"]:
        case "rich_text_list":
            for item in element["elements"]:
                yield Piece(without_task(_words(item)))
        case "rich_text_preformatted":
            yield Piece(_words(element), code=True)
        case _:
            yield Piece(_words(element))


def _words(element: Node) -> str:
    return "".join(_run(run) for run in element["elements"])


def _run(run: Node) -> str:
    match run["type"]:
        case "text":
            return str(run["text"])
        case "link":
            return str(run.get("text") or run["url"])
        case "emoji":
            return emoji(str(run.get("name", "")), str(run.get("unicode", "")))
        case "user" | "usergroup":
            return f"@{run.get('user_id') or run.get('usergroup_id')}"
        case "channel":
            return f"#{run['channel_id']}"
        case "broadcast":
            return f"@{run['range']}"
        case "date":
            return str(run.get("fallback", ""))
        case _:
            return str(run.get("text") or run.get("value", ""))
