"""The embedded model: a small one that runs in this process, without a key or a network.

It is for demonstrations: fluent, and often wrong. `providers.model_file` downloads its file.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from providers.base import BadRequest, Generation, Provider, Request, Turn
from providers.messages import without_tools
from providers.model_file import DEFAULT_PATH

if TYPE_CHECKING:
    from langchain_core.callbacks import AsyncCallbackHandler

SYSTEM_PROMPT = "You are a helpful assistant. Give short, clear answers."
"""The system message if a request has none: without one, the model rambles."""

SLOTS = 2
"""How many answers it can give at the same time; further ones wait."""

ROOM = 2048
"""Context window of a slot in tokens. A token takes 23 kB; reading a full slot takes about 15 s."""

MAX_TOKENS = 768
"""Most tokens of an answer if the request sets no limit: a small model may never stop."""

_RECONNECTS = 2
"""Retries of the HTTP client: in about one of fifty requests llama.cpp's server has just closed
the kept connection that the request is sent over."""

MAX_THREADS = 4
"""Most threads; more don't make it faster."""


class LocalProvider:
    """`local:NAME`: a GGUF file, run by llama.cpp in threads of this process.

    It is started on first use, and asked over HTTP on a loopback port. `room` is the context
    window of each answer in tokens; `langchain` is whether its stream is read through LangChain.
    """

    def __init__(
        self,
        path: Path = DEFAULT_PATH,
        *,
        name: str = "local:smollm2-135m",
        room: int = ROOM,
        stall_seconds: float = 60.0,
        first_seconds: float | None = None,
        sees: bool | None = None,
        langchain: bool = False,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.room = room
        self.sees = sees or False
        self.tools = False
        """It is too small to call any; see `TakesTools`."""
        self._path = path
        self._bounds = {"stall_seconds": stall_seconds, "first_seconds": first_seconds}
        self._langchain = langchain
        self._options = options
        self._starting = asyncio.Lock()
        self._servers: list[Any] = []
        self._chat: Provider | None = None

    async def start(self) -> None:
        """Loads the model once, which takes about a second; raises `BadRequest` if it can't."""
        await self._started()

    async def generate(
        self,
        request: Request,
        *,
        run_id: UUID,
        callbacks: Sequence[AsyncCallbackHandler],
        generation: Generation,
    ) -> None:
        """See `Provider.generate`."""
        chat = await self._started()
        await chat.generate(
            _with_system(without_tools(request)),
            run_id=run_id,
            callbacks=callbacks,
            generation=generation,
        )

    async def aclose(self) -> None:
        """Stops the model and frees its memory; using it again starts it again."""
        async with self._starting:
            chat, self._chat = self._chat, None
            if chat is not None:
                await chat.aclose()
            # Dropping the last reference joins the server's threads, which would block the loop.
            await asyncio.to_thread(self._servers.clear)

    async def _started(self) -> Provider:
        async with self._starting:
            if self._chat is None:
                self._chat = await self._start()
            return self._chat

    async def _start(self) -> Provider:
        # In a thread: reading the file and importing a client take about two seconds.
        server, chat = await asyncio.to_thread(self._load)
        # Kept in a list, so that `aclose` can drop the only reference in a thread.
        self._servers.append(server)
        return chat

    def _load(self) -> tuple[Any, Provider]:
        # A new key for each start, which never leaves this process.
        key = secrets.token_urlsafe()
        server = _serve(self._path, self.name, key, self.room)
        chat = self._compatible()(
            self.name,
            base_url=f"{server.listening_address}/v1",
            api_key=key,
            usage=True,
            **self._bounds,
            room=self.room,
            retries=_RECONNECTS,
            options=self._options,
        )
        return server, chat

    def _compatible(self) -> Callable[..., Provider]:
        """The function that makes the client; LangChain is imported only if it is used."""
        if self._langchain:
            from providers.openai import compatible_provider

            return compatible_provider
        from providers import openai_stream

        return openai_stream.compatible_provider


def local_provider(model: str, *, path: Path = DEFAULT_PATH, **known: Any) -> LocalProvider:
    """`local:MODEL`, the model in a file; `known` as `LocalProvider` takes it."""
    return LocalProvider(path, name=f"local:{model}", **known)


def _with_system(request: Request) -> Request:
    if any(turn.role == "system" for turn in request.turns):
        return request
    turns = (Turn("system", SYSTEM_PROMPT), *request.turns)
    return Request(turns, request.max_tokens)


def _serve(path: Path, name: str, key: str, room: int) -> Any:
    """Loads the model and serves it on a loopback port; blocks until it listens."""
    _check(path)
    library = _library()
    try:
        return library.Server(_params(library, path, name, key, room))
    except RuntimeError as error:
        raise BadRequest(cause="model_file_no_chat", params={"path": str(path)}) from error


def _check(path: Path) -> None:
    """Checks the file first: the library raises the same error for every failure."""
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise BadRequest(cause="model_file_missing", params={"path": str(path)}) from error
    if magic != b"GGUF":
        raise BadRequest(cause="model_file_damaged", params={"path": str(path)})


def _library() -> Any:
    try:
        return import_module("xllamacpp")
    except ModuleNotFoundError as error:
        raise BadRequest(cause="local_missing") from error
    except ImportError as error:
        raise BadRequest(cause="local_library_missing") from error


def _params(library: Any, path: Path, name: str, key: str, room: int) -> Any:
    params = library.CommonParams()
    params.model.path = str(path)
    params.model_alias = {name}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    # Every user of this machine, and every web page in their browsers, can reach a loopback port.
    params.api_keys = [key]
    params.cors_origins = "http://127.0.0.1"
    params.n_parallel = SLOTS
    params.n_ctx = SLOTS * room
    params.n_predict = MAX_TOKENS
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = _threads()
    params.cache_ram_mib = 0
    params.sampling.temp = 0.2
    params.sampling.top_k = 4
    params.sampling.penalty_repeat = 1.1
    params.ui = False
    params.endpoint_slots = False
    params.offline = True
    params.verbosity = 0
    return params


def _threads() -> int:
    """All cores but one, at most `MAX_THREADS`: sharing a core with the bot slows it tenfold."""
    if sys.platform == "linux":
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return max(1, min(MAX_THREADS, cores - 1))
