"""What a person reads of a message's blocks, line by line: the double's own eyes.

It knows nothing of how the bot writes or reads: no code is shared with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import unescape
from typing import Any

from tests.doubles.slack import emoji

Node = Mapping[str, Any]

_BELOW = {"context", "actions", "context_actions"}


def lines(blocks: Sequence[Node]) -> list[str]:
    """The lines of the answer: runs of white space are one, those of code are as they are.

    Characters without width that only part others are not seen.
    """
    read: list[str] = []
    for block in blocks:
        if block["type"] in _BELOW:
            break
        read += _lines(block)
    return read


def _lines(block: Node) -> Iterator[str]:
    if block["type"] == "header":
        yield from _tidy(_seen(unescape(block["text"]["text"])))
    elif block["type"] == "table":
        for row in block["rows"]:
            cells = [_cell(cell) for cell in row]
            if any(cells):
                yield "\t".join(cells).rstrip("\t")
    elif block["type"] == "rich_text":
        for element in block["elements"]:
            yield from _element(element)


def _element(element: Node) -> Iterator[str]:
    if element["type"] == "rich_text_preformatted":
        yield from _seen("".join(part["text"] for part in element["elements"])).split("\n")
    elif element["type"] == "rich_text_list":
        number = int(element.get("offset", 0))
        for item in element["elements"]:
            number += 1
            said = list(_tidy(*_parts(item["elements"])))
            if element["style"] == "ordered":
                first = f"{number}. {said[0]}" if said else f"{number}."
                said = [first, *said[1:]]
            yield from said
    else:
        yield from _tidy(*_parts(element["elements"]))


def _cell(cell: Node) -> str:
    if cell["type"] == "raw_text":
        return " ".join(_tidy(_seen(cell["text"])))
    sections = (section["elements"] for section in cell["elements"])
    return " ".join(line for section in sections for line in _tidy(*_parts(section)))


def _parts(elements: Iterable[Node]) -> Iterator[str | tuple[str]]:
    """Words, and code in a tuple: its white space is its own."""
    for element in elements:
        match element["type"]:
            case "text" if element.get("style", {}).get("code"):
                yield (_seen(element["text"]),)
            case "text":
                yield _seen(element["text"])
            case "link":
                yield _link(element)
            case "emoji":
                yield emoji.character(dict(element))
            case kind:
                yield f"<{kind}>"


def _link(element: Node) -> str:
    url, label = _seen(element["url"]), _seen(element.get("text") or "")
    if not label or label == url or url == f"mailto:{label}":
        return label or url
    return f"{label} ({url})"


def _tidy(*parts: str | tuple[str]) -> Iterator[str]:
    """Lines without white space that nobody sees; one that is empty is none."""
    line, space = "", False
    for part in parts:
        if isinstance(part, tuple):
            line, space = line + " " * (space and bool(line)) + part[0], False
            continue
        for at, piece in enumerate(part.split("\n")):
            if at:
                if line.strip():
                    yield line
                line, space = "", False
            words = " ".join(piece.split())
            space = space or piece[:1].isspace()
            if words:
                line += " " * (space and bool(line)) + words
                space = piece[-1].isspace()
    if line.strip():
        yield line


def _seen(text: str) -> str:
    """Without U+200B; one between two U+2060 was there before and is kept."""
    return "\u200b".join(each.replace("\u200b", "") for each in text.split("\u2060\u200b\u2060"))
