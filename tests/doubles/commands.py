"""The commands as processes of their own, in an environment and a folder of their own."""

from __future__ import annotations

import asyncio
import json
import os
import re
import resource
import signal
import socket
import sqlite3
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from connectors.web.access import PURPOSE, VISITOR_COOKIE
from connectors.web.signing import signed
from tests.doubles.databases import migrated
from tests.doubles.openai import Answer, OpenAIServer, finish, text
from tests.doubles.preloaded import preloading

ROOT = Path(__file__).parent.parent.parent
MODEL = ROOT / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf"
SECRET_KEY = "the key that all visitors of the page are signed with"
_ANSWERING = ("run", "ask", "chat")
_SECONDS = 90
"""The longest that anything here may take: the machine may be busy."""

needs_model = pytest.mark.skipif(
    not MODEL.exists(), reason="the embedded model is not there: run `make setup`"
)


def asks(server: OpenAIServer) -> dict[str, str]:
    """The settings of a bot whose model is a server like OpenAI's."""
    return {"MODEL": "compatible:x", "OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "sk-secret"}


def words(count: int) -> list[str]:
    """Tokens that can be told apart."""
    return [f"w{n} " for n in range(count)]


def whole(*tokens: str) -> Answer:
    """An answer from its first token to its end."""
    return Answer([*text(*tokens), *finish()])


@dataclass(frozen=True)
class Ran:
    """A command that has ended. None may ever print a traceback."""

    code: int
    writes: list[str]
    """Standard output, as it came."""
    err: str

    def __post_init__(self) -> None:
        assert "Traceback" not in self.out + self.err, self
        assert "sk-secret" not in self.out + self.err, self

    @property
    def out(self) -> str:
        """All of standard output."""
        return "".join(self.writes)

    @property
    def json(self) -> Any:
        """The one JSON document that is all of standard output."""
        assert self.out, self
        return json.loads(self.out)


@dataclass
class Child:
    """A command that runs: what it has said on standard error, line by line, so far."""

    process: asyncio.subprocess.Process
    lines: list[str] = field(default_factory=list)
    _more: asyncio.Event = field(default_factory=asyncio.Event)
    _silent: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def err(self) -> str:
        """All of it."""
        return "".join(self.lines)

    async def listen(self) -> None:
        """Reads standard error to its end."""
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.lines.append(line.decode())
            self._more.set()
        self._silent.set()

    async def said(self, words: str) -> None:
        """Waits until a line has these words."""
        async with asyncio.timeout(_SECONDS):
            while not any(words in line for line in self.lines):
                self._more.clear()
                await self._more.wait()

    async def read(self, most: int = 65536) -> str:
        """The next of standard output as it comes; empty at its end."""
        assert self.process.stdout is not None
        return (await asyncio.wait_for(self.process.stdout.read(most), _SECONDS)).decode()

    def close_output(self) -> None:
        """Nobody reads standard output any more."""
        self.process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]  # asyncio has no other way

    def send(self, number: signal.Signals) -> None:
        """Sends a signal."""
        self.process.send_signal(number)

    async def ended(self, seconds: float = _SECONDS) -> int:
        """Waits for the end; the exit code. None may ever print a traceback."""
        async with asyncio.timeout(seconds):
            code = await self.process.wait()
            await self._silent.wait()
        assert "Traceback" not in self.err, self.err
        return code


def _prepare(files: int | None) -> None:
    """A shell starts what it runs in the background, and that its own, deaf to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if files is not None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))


@dataclass(frozen=True)
class Shell:
    """Runs commands in a folder, which is the data's too, with no setting but these."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    files: int | None = None
    """The most files that a command may have open; None: as many as the test."""
    preloaded: bool = sys.platform == "linux"
    """Whether a command begins with the bot's modules imported: see `preloaded.py`."""
    typed: str = ""
    """What standard input has."""

    async def run_each(
        self, *arguments: str, settings: dict[str, dict[str, str]]
    ) -> dict[str, Ran]:
        """Runs a command with each of the settings, side by side: most of its time is its start."""
        ran = await asyncio.gather(*(self.run(*arguments, **given) for given in settings.values()))
        return dict(zip(settings, ran, strict=True))

    async def run(self, *arguments: str, **settings: str) -> Ran:
        """Runs a command to its end."""
        async with self.started(*arguments, **settings) as child:
            writes = []
            while read := await child.read():
                writes.append(read)
            code = await child.ended()
        return Ran(code, writes, child.err)

    @asynccontextmanager
    async def started(self, *arguments: str, **settings: str) -> AsyncIterator[Child]:
        """Starts a command; it is killed where it has not ended by then."""
        if self.preloaded and arguments[0] in _ANSWERING:
            await self._prepare({**self.settings, **settings})
        preloaded = preloading(self.files) if self.preloaded else nullcontext()
        with preloaded, tempfile.TemporaryFile() as typed:
            typed.write(self.typed.encode())
            typed.seek(0)
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bot", *arguments,
                cwd=self.folder,  # where no .env can be read
                env=self._environment() | self.settings | settings,
                stdin=typed,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                preexec_fn=partial(_prepare, self.files),
            )  # fmt: skip
        child = Child(process)
        listening = asyncio.create_task(child.listen())
        try:
            yield child
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            await listening

    @asynccontextmanager
    async def bot(self, **settings: str) -> AsyncIterator[Bot]:
        """Starts the bot on a free port, and waits until it is ready."""
        address = f"127.0.0.1:{free_port()}"
        host, _, port = address.partition(":")
        async with self.started("run", HOST=host, PORT=port, **settings) as child:
            await child.said("is ready")
            yield Bot(child, address)

    async def _prepare(self, settings: dict[str, str]) -> None:
        """Lets the migrations be run for the first command alone that begins without a database."""
        file = self.folder / "everytoken.db"
        if not (file.exists() or {"DATABASE_URL", "DATA_DIR"} & settings.keys()):
            await migrated(file)

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "SECRET_KEY": SECRET_KEY,
            "PYTHONPATH": str(ROOT),
            "HOME": str(self.folder),
            "DATA_DIR": str(self.folder),
            "PIP_NO_INDEX": "1",  # nothing is fetched
        }

    # The database, past the bot.

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Reads or changes the database by hand."""
        with closing(sqlite3.connect(self.folder / "everytoken.db")) as connection, connection:
            return connection.execute(statement, values).fetchall()

    async def recorded(self, count: int) -> None:
        """Waits until so many runs have their end in the database: readers see it earlier."""
        ended = "SELECT count(*) FROM runs WHERE ended_us IS NOT NULL"
        await self.until(lambda: self.query(ended) == [(count,)])

    def copied_to(self, folder: Path) -> Shell:
        """A shell with a copy of this one's database, of which the bot knows nothing."""
        with (
            closing(sqlite3.connect(self.folder / "everytoken.db")) as ours,
            closing(sqlite3.connect(folder / "everytoken.db")) as copy,
        ):
            ours.backup(copy)
        return Shell(folder, self.settings, self.files, self.preloaded)

    async def until(self, seen: Callable[[], Any]) -> None:
        """Waits until something is so that can only be asked for."""
        async with asyncio.timeout(_SECONDS):
            while not seen():  # noqa: ASYNC110 - another process changes it
                await asyncio.sleep(0.01)


@dataclass(frozen=True)
class Bot:
    """A bot that runs, and its page."""

    child: Child
    address: str

    @asynccontextmanager
    async def page(
        self, conversation: str = "conversation-1", person: str = "somebody-at-all"
    ) -> AsyncIterator[Page]:
        """Opens a conversation as the page does, in a person's browser."""
        origin: Any = f"http://{self.address}"
        visitor = signed(SECRET_KEY, PURPOSE, person)
        cookie = {"Cookie": f"{VISITOR_COOKIE}={visitor}"}
        async with connect(
            f"ws://{self.address}/ws", origin=origin, proxy=None, additional_headers=cookie
        ) as connection:
            await connection.send(json.dumps({"type": "open", "conversation": conversation}))
            yield Page(connection)


@dataclass(frozen=True)
class Page:
    """One open page."""

    connection: ClientConnection

    async def ask(self, question: str, name: str = "question-1") -> None:
        """Asks, and returns once the bot has kept the question."""
        await self.connection.send(json.dumps({"type": "ask", "id": name, "text": question}))
        await self.told(lambda frame: frame["type"] == "accepted")

    async def press(self, message_id: str, control: str) -> None:
        """Presses a control under a message."""
        frame = {"type": "press", "message": message_id, "control": control}
        await self.connection.send(json.dumps(frame))

    async def shown(self, seen: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """Waits until a message of the bot's is so; the message as the page is told it."""

        def found(frame: dict[str, Any]) -> Any:
            message = frame.get("message", {})
            return message.get("by_bot") and seen(message)

        return dict((await self.told(found))["message"])

    async def told(self, seen: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """Waits for a frame."""
        async with asyncio.timeout(_SECONDS):
            while True:
                frame = json.loads(await self.connection.recv())
                if seen(frame):
                    return dict(frame)


def free_port() -> int:
    """A port of loopback for a server that starts now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@asynccontextmanager
async def dead_port() -> AsyncIterator[int]:
    """A port of loopback that refuses all, and that no other test's server can take meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield int(bound.getsockname()[1])


def lines(out: str) -> list[str]:
    """What was printed, without empty lines."""
    return [line for line in out.splitlines() if line.strip()]


def run_id_in(out: str) -> str:
    """The run's id that a command has printed."""
    found = re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", out)
    assert found is not None, out
    return found[0]
