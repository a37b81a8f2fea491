"""Reads a PDF's text, as a script in a process of its own: only a process can always be stopped.

Its arguments are the most pages, characters, seconds of CPU time and images; the PDF comes on
standard input. It writes one JSON object per line: the `count` of pages, the text of each `page` as
it is read (null if it can't be read), and at last `done` or the `problem`. Of a scan, which has
`pictures` instead of text, it writes each `image` in base64.

It imports nothing of this project, to start fast and take little memory.
"""

from __future__ import annotations

import json
import logging
import struct
import sys
import warnings
import zlib
from base64 import b64encode
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from pypdf import PdfReader, overwrite_configuration
from pypdf.errors import FileNotDecryptedError

_MEMORY_BYTES = 400_000_000
"""Limit of the process's address space (on Linux)."""
_MOST_UNPACKED = 20_000_000
"""Most bytes that one compressed stream may unpack to."""
_MOST_OPERATIONS = 1_000_000
"""Most operations of one page; so many take about 100 MB."""


def main() -> None:
    """Reads the PDF and writes what it finds, line by line."""
    pages, characters, seconds, images = map(int, sys.argv[1:])
    _bound(seconds)
    try:
        _read(BytesIO(sys.stdin.buffer.read()), pages, characters, images)
    except FileNotDecryptedError:
        _say(problem="encrypted")
    except MemoryError:
        _say(problem="too_much")
    except Exception:  # noqa: BLE001 - a broken file raises anything
        _say(problem="broken")


def _bound(seconds: int) -> None:
    """Silences warnings, and sets the operating system's limits.

    With these a malicious PDF stays bounded even if the bot, which enforces the deadline, is gone.
    """
    logging.disable()
    warnings.simplefilter("ignore")
    overwrite_configuration(
        zlib_maximum_output_length=_MOST_UNPACKED,
        lzw_maximum_output_length=_MOST_UNPACKED,
        run_length_maximum_output_length=_MOST_UNPACKED,
        array_based_stream_maximum_output_length=_MOST_UNPACKED,
        stream_parsing_work_maximum_count=_MOST_OPERATIONS,
        jbig2dec_binary=None,
    )
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        if sys.platform == "linux":
            resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))


def _read(file: BytesIO, most_pages: int, characters: int, images: int) -> None:
    reader = PdfReader(file)
    count = len(reader.pages)
    _say(count=count)
    blank = []
    for number in range(min(count, most_pages)):
        text = _page(reader, number)
        # One character above the limit tells the reader that there is more.
        _say(page=text if text is None else text[: characters + 1])
        characters -= len(text or "")
        if characters < 0:
            break
        if text == "":
            blank.append(number)
    else:
        if blank and len(blank) == min(count, most_pages):
            _scan(reader, count, blank[:images])
    _say(done=True)


def _page(reader: PdfReader, number: int) -> str | None:
    try:
        text = reader.pages[number].extract_text().strip()
    except (FileNotDecryptedError, MemoryError):
        raise
    except Exception:  # noqa: BLE001 - one broken page, and the others may be whole
        return None
    # Joins surrogate pairs that pypdf left split; lone surrogates and NUL can't be stored.
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return joined.replace("\x00", "\ufffd")


# Scans: the largest image of each page, if it can be passed on without being drawn.


_LEAST_SIDE = 200
"""Pixels; smaller images are ornaments."""
_MOST_IMAGE_BYTES = 10_000_000
_CHANNELS = {"/DeviceGray": 1, "/CalGray": 1, "/DeviceRGB": 3, "/CalRGB": 3}
_PNG_COLOURS = {1: 0, 3: 2}


def _scan(reader: PdfReader, count: int, numbers: list[int]) -> None:
    scanned, left = 0, _MOST_IMAGE_BYTES
    for number in numbers:
        try:
            largest = max(_images(reader.pages[number]), key=_area, default=None)
            if largest is None:
                continue
            scanned += 1
            image = _passed_on(largest)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001, S112 - one broken page, and the others may be whole
            continue
        if image is not None and (left := left - len(image)) >= 0:
            _say(image=b64encode(image).decode("ascii"))
    # The pages that were not looked at are taken to be like these.
    _say(pictures=count if scanned == len(numbers) else scanned)


def _images(page: Any) -> Iterator[Any]:
    for reference in page["/Resources"].get("/XObject", {}).values():
        found = reference.get_object()
        if found.get("/Subtype") == "/Image" and _area(found) >= _LEAST_SIDE**2:
            yield found


def _area(image: Any) -> int:
    return int(image["/Width"]) * int(image["/Height"])


def _passed_on(image: Any) -> bytes | None:
    """An image as a JPEG or PNG; None if it would have to be decoded first, as faxes have."""
    filters = image.get("/Filter", [])
    names = list(filters) if isinstance(filters, list) else [filters]
    if names[-1:] == ["/DCTDecode"]:
        packed: bytes = image._data
        return packed if len(names) == 1 else _inflated(packed) if names[0] in _ZLIB else None
    if not set(names) <= _ZLIB:
        return None
    colours, bits = _channels(image.get("/ColorSpace")), int(image.get("/BitsPerComponent", 8))
    if colours is None or bits not in (1, 8) or (bits == 1 and colours != 1):
        return None
    return _png(int(image["/Width"]), int(image["/Height"]), colours, bits, image.get_data())


_ZLIB = frozenset({"/FlateDecode", "/Fl"})


def _inflated(packed: bytes) -> bytes:
    return zlib.decompressobj().decompress(packed, _MOST_IMAGE_BYTES)


def _channels(space: Any) -> int | None:
    space = space.get_object() if hasattr(space, "get_object") else space
    if isinstance(space, list) and space and space[0] == "/ICCBased":
        told = int(space[1].get_object().get("/N", 0))
        return told if told in _PNG_COLOURS else None
    name = space[0] if isinstance(space, list) and space else space
    return _CHANNELS.get(name)


def _png(width: int, height: int, colours: int, bits: int, pixels: bytes) -> bytes | None:
    stride = (width * colours * bits + 7) // 8
    if len(pixels) < stride * height:
        return None
    rows = b"".join(b"\0" + pixels[y * stride : (y + 1) * stride] for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, bits, _PNG_COLOURS[colours], 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )


def _say(**line: Any) -> None:
    print(json.dumps(line), flush=True)  # noqa: T201 - this is what the process is for


if __name__ == "__main__":
    main()
