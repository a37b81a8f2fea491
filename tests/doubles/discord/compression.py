"""The gateway's transport compression: one stream for a connection, flushed after each message."""

from __future__ import annotations

import zlib
from collections.abc import Callable

Compress = Callable[[bytes], bytes]


def new_compressor(kind: str) -> Compress | None:
    """What compresses the messages of one connection; None: they go as text."""
    if kind == "zstd-stream":
        return _zstd()
    return _zlib() if kind == "zlib-stream" else None


def _zstd() -> Compress:
    # A client asks for it only where it has this library, and then this process may have it too.
    import zstandard

    stream = zstandard.ZstdCompressor().compressobj()
    return lambda data: stream.compress(data) + stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)


def _zlib() -> Compress:
    stream = zlib.compressobj()
    return lambda data: stream.compress(data) + stream.flush(zlib.Z_SYNC_FLUSH)
