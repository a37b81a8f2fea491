"""What is said to be cheap is: the guard finds each way to a socket and to a process."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.conftest import HERE, is_cheap
from tests.doubles.databases import postgres_schema
from tests.doubles.guard import GUARD, TooDear

_ANYWHERE = ("127.0.0.1", 9)


def _connect() -> None:
    with socket.socket() as opened:
        opened.connect(_ANYWHERE)


def _send() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as opened:
        opened.sendto(b"", _ANYWHERE)


def _bind() -> None:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))


async def _listen() -> None:
    await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)


async def _start() -> None:
    await asyncio.create_subprocess_exec(sys.executable, "-c", "")


BREACHES: dict[str, Callable[[], object]] = {
    "a connection": _connect,
    "a datagram": _send,
    "a server": _bind,
    "a server of an event loop": lambda: asyncio.run(_listen()),
    "a process": lambda: subprocess.run([sys.executable, "-c", ""], check=False),
    "a process of an event loop": lambda: asyncio.run(_start()),
    "a shell": lambda: os.system("true"),  # noqa: S605
    "a copy of this process": os.fork,
    "a database": lambda: postgres_schema().__enter__(),
}


@pytest.mark.parametrize("breach", BREACHES.values(), ids=BREACHES.keys())
def test_a_planted_breach_is_refused(breach: Callable[[], object]) -> None:
    with pytest.raises(TooDear, match="belongs under tests/wire or tests/process"):
        breach()
    assert len(GUARD.refused) == 1
    GUARD.refused.clear()


def test_a_breach_that_the_code_goes_on_without_is_remembered() -> None:
    """It fails the test in the end."""
    with suppress(Exception):
        _connect()
    assert GUARD.refused == ["socket.connect(('127.0.0.1', 9),)"]
    GUARD.refused.clear()


async def test_an_event_loop_and_its_own_pair_of_sockets_are_free() -> None:
    ours, theirs = socket.socketpair()
    ours.send(b"x")
    assert theirs.recv(1) == b"x"
    ours.close()
    theirs.close()


@pytest.mark.parametrize(
    ("folder", "marked", "cheap"),
    [
        ("unit/store", False, True),
        ("unit", True, True),
        ("contract", False, True),
        ("contract/store", True, False),
        ("wire/slack", False, False),
        ("simulation", False, False),
    ],
)
def test_the_folder_and_a_mark_say_what_is_watched(
    folder: str, marked: bool, cheap: bool, request: pytest.FixtureRequest
) -> None:
    """No mark makes a unit test dear: it belongs elsewhere then."""
    item = pytest.Function.from_parent(request.node.parent, name="planted", callobj=lambda: None)
    item.path = HERE / folder / "test_planted.py"
    if marked:
        item.add_marker(pytest.mark.sockets)
    assert is_cheap(item) == cheap
