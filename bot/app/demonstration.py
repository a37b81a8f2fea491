"""A tool call to look at without a key: a model that is a script, and a real server with notes.

The embedded model can't call tools. So where nothing is set, one question is answered by a script,
whose calls go the way of all: through the record, a person's press, and a server's process.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from bot.tools import ServerConfig, Servers
from providers.base import Provider, Request, Turn
from providers.scripted import CallTool, Pause, ScriptedProvider, Step, results

QUESTION = "Show me a tool call."
"""The question that is answered so; the page offers it."""
_NAME = "scripted:demonstration"
_START_S = 20.0
"""Seconds that its answer waits for the server to start."""

_READS, _WRITES = "read", "write"
_SERVER = ServerConfig(
    "notes",
    command=sys.executable,
    args=("-I", str(Path(__file__).with_name("notes_server.py"))),
    tools=(_READS, _WRITES),
    trust=True,
    sha256="demonstration",
)
_NOTE = "Nothing is written unasked"
_BEGINS = (
    "The embedded model can't call tools, so this answer is a script. The rest is real: a server "
    "with notes, the calls, and what you decide.\n\nFirst, the notes that are there."
)
_ASKS = (
    "Reading changes nothing, so nobody had to be asked. Writing does: I'd like to add a note, and "
    "it waits for you."
)
_DONE = (
    "The server says: *{said}* It was asked, allowed, sent once and answered; **Runs** has the "
    "record."
)
_NOT_DONE = "No note, then: {why}. Ask once more to see the other way."
_NO_TOOLS = "Tools are turned off here, or the server with notes can't be started."
_TOKEN = re.compile(r"\S+\s*|\s+")
_TOKEN_S = 0.02


def notes_server() -> Servers:
    """The server of the demonstration: a process, once it is needed."""
    return Servers({_SERVER.name: _SERVER}, wait_s=_START_S)


def played(question: str) -> Provider | None:
    """The model that answers this question; None for all others."""
    return ScriptedProvider(_script, name=_NAME) if question.strip() == QUESTION else None


def _script(request: Request) -> list[Step]:
    told = results(request)
    if not request.tools:
        return list(_said(_NO_TOOLS))
    if not told:
        return [*_said(_BEGINS), _called(request, _READS)]
    if told[-1].name.endswith(f"__{_READS}"):
        return [*_said(_ASKS), _called(request, _WRITES, text=_NOTE)]
    if told[-1].failed:
        return list(_said(_NOT_DONE.format(why=told[-1].text)))
    return list(_said(_DONE.format(said=_inside(told[-1]))))


def _called(request: Request, tool: str, **arguments: str) -> CallTool:
    """A call under the name that the model was told."""
    name = next(each.name for each in request.tools if each.name.endswith(f"__{tool}"))
    return CallTool(name, arguments)


def _inside(result: Turn) -> str:
    """A result without the marks around it."""
    return " ".join(result.text.splitlines()[1:-1])


def _said(text: str) -> Iterator[Step]:
    """A text at the pace of a quick model."""
    for piece in _TOKEN.findall(text):
        yield piece
        yield Pause(_TOKEN_S)
