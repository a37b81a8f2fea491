"""What a cheap test may not do: open a socket to anywhere, or start a process.

An audit hook sees every socket and process of the interpreter, whichever library asks for it; what
libpq opens is seen where its databases are made, in `databases.py`. A pair of sockets that an event
loop wakes itself with is free, and so are sockets of files.
"""

from __future__ import annotations

import platform
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

_SOCKETS = frozenset({"socket.bind", "socket.connect", "socket.sendto"})
_PROCESSES = frozenset({"subprocess.Popen", "os.posix_spawn", "os.fork", "os.forkpty", "os.system"})


class TooDear(RuntimeError):
    """A test that is said to be cheap opens a socket or starts a process."""


class Guard:
    """Raises `TooDear` while it watches, and keeps what it refused: a test may swallow an error."""

    def __init__(self) -> None:
        self.refused: list[str] = []
        self._watching = False
        self._hooked = False

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Refuses sockets and processes for a while."""
        if not self._hooked:
            # What libraries try out once, the first time that they are used or imported.
            platform.processor()
            import_module("urllib3.util.connection")
            sys.addaudithook(self._audit)
            self._hooked = True
        self.refused.clear()
        self._watching = True
        try:
            yield
        finally:
            self._watching = False

    def refuse(self, what: str) -> None:
        """Says that this is a socket or a process. Raises `TooDear` while it watches."""
        if self._watching:
            self.refused.append(what)
            raise TooDear(f"{what}: this belongs under tests/wire or tests/process")

    def _audit(self, event: str, args: tuple[object, ...]) -> None:
        if not self._watching:
            return
        if event in _PROCESSES or (event in _SOCKETS and _leaves(args[0])):
            self.refuse(f"{event}{args[1:]}")


def _leaves(opened: object) -> bool:
    return isinstance(opened, socket.socket) and opened.family != socket.AF_UNIX


GUARD = Guard()
"""The one of this process: an audit hook stays for as long as the process lives."""
