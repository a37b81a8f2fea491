"""The files of an answer, as others made them: their names made harmless, their kinds by name."""

from __future__ import annotations

import base64
import binascii
import mimetypes
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from connectors.base import AnswerFile

ANY_TYPE = "application/octet-stream"
_LONGEST_NAME = 100
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,60}")
_UNSAFE = re.compile(r'[\\/:*?"<>|`@#~$%\s]+')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
_EXTENSIONS = {"image/jpeg": ".jpg", "text/plain": ".txt", "audio/mpeg": ".mp3", ANY_TYPE: ".bin"}


@dataclass(frozen=True, slots=True)
class AnswerFileLimits:
    """How many files one answer may have, and how large each may be, in bytes.

    A block of code or a table of more than `block_messages` messages comes as a file besides; 0:
    none does.
    """

    most: int = 10
    most_bytes: int = 20_000_000
    block_messages: int = 3


def media_type_of(claimed: object) -> str:
    """A media type as others name it, without parameters; what is none is any."""
    plain = str(claimed or "").partition(";")[0].strip().lower()
    return plain if _MEDIA_TYPE.fullmatch(plain) else ANY_TYPE


def named(suggested: str, media_type: str) -> str:
    """A file's name that no platform, no file system and no line of an answer takes for more.

    Without an extension it gets that of its kind.
    """
    visible = "".join(c for c in suggested if unicodedata.category(c)[0] not in "CZ" or c == " ")
    name = _UNSAFE.sub("_", visible).strip("._- ")
    if _RESERVED.match(name):
        name = f"file_{name}"
    stem, dot, extension = name.rpartition(".")
    if not (dot and stem and re.fullmatch(r"\w{1,10}", extension)):
        stem, extension = name or "file", _extension(media_type)
    return f"{stem[: _LONGEST_NAME - len(extension) - 1]}.{extension}"


def _extension(media_type: str) -> str:
    known = _EXTENSIONS.get(media_type) or mimetypes.guess_extension(media_type) or ".bin"
    return known.removeprefix(".")


def decoded(data: object) -> bytes | None:
    """What base64 says; None where it is none."""
    try:
        return base64.b64decode(str(data), validate=True)
    except (binascii.Error, ValueError):
        return None


def files_in(content: Sequence[Mapping[str, Any]], tool: str) -> Iterator[AnswerFile]:
    """The files in a tool's result: images, sounds, and resources that are no text.

    What it only names by an address is not fetched.
    """
    for block in content:
        resource = block.get("resource")
        of = resource if isinstance(resource, Mapping) else block
        data = decoded(of.get("blob") if of is resource else of.get("data"))
        if block.get("type") not in ("image", "audio", "resource") or "text" in of:
            continue
        if not data or ("blob" not in of and "data" not in of):
            continue
        media_type = media_type_of(of.get("mimeType"))
        path = unquote(urlsplit(str(of.get("uri") or "")).path).rpartition("/")[2]
        yield AnswerFile.of(named(path or tool, media_type), media_type, data)
