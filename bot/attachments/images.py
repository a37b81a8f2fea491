"""Images by their first bytes: what type they are, and how many pixels they would take.

Nothing is decoded: a small file may unpack to gigabytes.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass

_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
MOST_PIXELS = 50_000_000
"""More than any common camera makes; services decode an image, and so pay for its pixels."""
_SIZED = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""JPEG's markers of the segments that tell the size."""
_ALONE = frozenset({0x01, *range(0xD0, 0xDA)})
"""JPEG's markers without a segment."""


@dataclass(frozen=True, slots=True)
class AttachedImage:
    """An image for a model; `data` is base64."""

    media_type: str
    data: str


@dataclass(frozen=True, slots=True)
class Pixels:
    """The size of an image."""

    width: int
    height: int

    @property
    def too_many(self) -> bool:
        """Whether it is larger than is taken."""
        return self.width * self.height > MOST_PIXELS


def as_image(data: bytes) -> AttachedImage | None:
    """An image for a model; None if the bytes are none, or have too many pixels."""
    media_type, size = media_type_of(data), pixels_of(data)
    if media_type is None or (size is not None and size.too_many):
        return None
    return AttachedImage(media_type, b64encode(data).decode("ascii"))


def media_type_of(data: bytes) -> str | None:
    """The media type of a PNG, JPEG, GIF or WebP, by its first bytes; None for anything else."""
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    found = (media_type for beginning, media_type in _BEGINNINGS if data.startswith(beginning))
    return next(found, None)


def pixels_of(data: bytes) -> Pixels | None:
    """The size that an image says it has; None where it doesn't say."""
    match media_type_of(data):
        case "image/png" if data[12:16] == b"IHDR":
            return _sized(_big(data[16:20]), _big(data[20:24]))
        case "image/gif":
            return _sized(_little(data[6:8]), _little(data[8:10]))
        case "image/jpeg":
            return next(_of_jpeg(data), None)
        case "image/webp":
            return _of_webp(data)
    return None


def _sized(width: int, height: int) -> Pixels | None:
    return Pixels(width, height) if width and height else None


def _of_jpeg(data: bytes) -> Iterator[Pixels]:
    """The sizes that a JPEG's segments tell, up to its pixels."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xDA:  # the pixels begin
            return
        if marker == 0xFF:  # padding
            at += 1
            continue
        if marker in _ALONE:
            at += 2
            continue
        if marker in _SIZED:
            yield Pixels(_big(data[at + 7 : at + 9]), _big(data[at + 5 : at + 7]))
        at += 2 + max(2, _big(data[at + 2 : at + 4]))


def _of_webp(data: bytes) -> Pixels | None:
    match data[12:16]:
        case b"VP8X":
            return _sized(_little(data[24:27]) + 1, _little(data[27:30]) + 1)
        case b"VP8L":
            bits = _little(data[21:25])
            return _sized((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
        case b"VP8 ":
            return _sized(_little(data[26:28]) & 0x3FFF, _little(data[28:30]) & 0x3FFF)
    return None


def _big(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")
