"""How large an image says that it is."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Literal

import pytest
from PIL import Image

from bot.attachments import DocumentReader, FileLimits
from bot.attachments.images import Pixels, pixels_of
from connectors.base import File
from tests.doubles.said import Told


def _made(form: Literal["PNG", "JPEG", "GIF", "WEBP"], **options: bool) -> bytes:
    out = BytesIO()
    Image.new("RGB", (37, 19)).save(out, form, **options)
    return out.getvalue()


def _png(width: int, height: int) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + head + bytes(4)


@pytest.mark.parametrize(
    "data",
    [
        _made("PNG"),
        _made("JPEG"),
        _made("JPEG", progressive=True),
        _made("GIF"),
        _made("WEBP"),
        _made("WEBP", lossless=True),
    ],
    ids=["png", "jpeg", "progressive", "gif", "webp", "lossless webp"],
)
def test_the_size_of_an_image_is_told_without_unpacking_it(data: bytes) -> None:
    assert pixels_of(data) == Pixels(37, 19)
    for cut in range(len(data)):
        pixels_of(data[:cut])


async def test_an_image_of_too_many_pixels_is_refused() -> None:
    file = File("1", "huge.png", "image/png", 33)
    reading = await DocumentReader(FileLimits()).read(file, _png(30_000, 30_000))
    told = "huge.png: 30,000 x 30,000 pixels, I take at most 50 million of them"
    assert Told.of(reading) == Told(refusal=told)
    assert (await DocumentReader(FileLimits()).read(file, _png(8_000, 6_000))).images
