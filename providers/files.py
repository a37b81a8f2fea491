"""Files that models make: in content blocks as LangChain and its classes have them, and in the
items of the Responses API.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from providers.base import MadeFile

_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[^,;]*)*;base64,", re.IGNORECASE)
_KINDS = frozenset({"image", "audio", "video", "file", "image_url", "media", "inline_data"})
_DEFAULTS = {"image": "image/png", "image_url": "image/png", "audio": "audio/wav"}
_FORMATS = {"jpeg": "image/jpeg", "jpg": "image/jpeg", "webp": "image/webp"}


def files_in(content: object) -> Iterator[MadeFile]:
    """The files in a message's content; what is only named by an address is none."""
    for block in content if isinstance(content, list) else ():
        if not isinstance(block, Mapping):
            continue
        if block.get("type") == "image_generation_call":
            yield from image_of(block)
        elif block.get("type") in _KINDS:
            yield from _of_block(block)


def image_of(item: Mapping[str, Any]) -> Iterator[MadeFile]:
    """The image in an item of the Responses API, once it is whole."""
    made = item.get("result")
    if isinstance(made, str) and made:
        media_type = _FORMATS.get(str(item.get("output_format")), "image/png")
        yield MadeFile(media_type, made)


def _of_block(block: Mapping[str, Any]) -> Iterator[MadeFile]:
    kind, name = str(block["type"]), str(block.get("filename") or block.get("name") or "")
    media_type = block.get("mime_type") or block.get("media_type") or _DEFAULTS.get(kind, "")
    inner = block.get("inline_data") if kind == "inline_data" else None
    of = inner if isinstance(inner, Mapping) else block
    address = block.get("image_url")
    url = address.get("url") if isinstance(address, Mapping) else address or block.get("url")
    if isinstance(url, str) and (found := _DATA_URL.match(url)):
        yield MadeFile(found[1] or str(media_type), url[found.end() :], name)
        return
    source = block.get("source")
    for data in (of.get("base64"), of.get("data"), _field(source, "data")):
        if isinstance(data, str) and data and block.get("source_type", "base64") == "base64":
            told = of.get("mime_type") or _field(source, "media_type") or media_type
            yield MadeFile(str(told), data, name)
            return


def _field(part: object, name: str) -> Any:
    return part.get(name) if isinstance(part, Mapping) else None
