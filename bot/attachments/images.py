"""What an image is, by its first bytes."""

from __future__ import annotations

_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


def media_type_of(data: bytes) -> str | None:
    """The media type of a PNG, JPEG, GIF or WebP; None of anything else."""
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    found = (media_type for beginning, media_type in _BEGINNINGS if data.startswith(beginning))
    return next(found, None)
