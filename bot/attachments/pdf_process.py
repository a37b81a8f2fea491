"""Reads a PDF's text in a process of its own: nothing else can be stopped at any time.

Run as a script. It takes the most pages, characters and seconds of CPU as arguments and the PDF
on its standard input, and writes JSON, one object a line: the `count` of pages, each `page`'s text
as it is read (null: it can't be read), and at last that it is `done`, or the `problem`.
It imports nothing of this project, and loads only what it needs.
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
_MOST_UNPACKED = 20_000_000  # bytes of one stream
_MOST_OPERATIONS = 1_000_000  # of one page; takes about 100 MB


def main() -> None:
    """Reads, and says so line by line."""
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
    """Quiet, and limited by the system too: the bot may be gone when the file turns out a trap."""
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
        # One character more than is wanted tells that there is more.
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
    # Joins split surrogate pairs; a half alone, and NUL, are no text.
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return joined.replace("\x00", "\ufffd")


def _say(**line: Any) -> None:
    print(json.dumps(line), flush=True)  # noqa: T201 - this is what the process is for


if __name__ == "__main__":
    main()
