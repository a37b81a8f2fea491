"""Reads a PDF's text, as a script in a process of its own: only a process can always be stopped.

Its arguments are the most pages, characters and seconds of CPU time; the PDF comes on standard
input. It writes one JSON object per line: the `count` of pages, the text of each `page` as it is
read (null if it can't be read), and at last `done` or the `problem`.

It imports nothing of this project, to start fast and take little memory.
"""

from __future__ import annotations

import json
import logging
import sys
import warnings
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
    pages, characters, seconds = map(int, sys.argv[1:])
    _bound(seconds)
    try:
        _read(BytesIO(sys.stdin.buffer.read()), pages, characters)
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


def _read(file: BytesIO, most_pages: int, characters: int) -> None:
    reader = PdfReader(file)
    count = len(reader.pages)
    _say(count=count)
    for number in range(min(count, most_pages)):
        text = _page(reader, number)
        # One character above the limit tells the reader that there is more.
        _say(page=text if text is None else text[: characters + 1])
        characters -= len(text or "")
        if characters < 0:
            break
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


def _say(**line: Any) -> None:
    print(json.dumps(line), flush=True)  # noqa: T201 - this is what the process is for


if __name__ == "__main__":
    main()
