"""What a provider finds out about its model: the context window, and whether it takes images.

Asked of the server at the start (`facts_of`), and learned from answers and refusals (`Knowing`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypedDict
from urllib.parse import urlsplit, urlunsplit

import structlog

from providers.base import Generation, ProviderError
from providers.context_window import ContextWindow
from providers.thinking import closes_alone

ASK_SECONDS = 5.0
"""Seconds for all requests of `facts_of` together; after that the bot starts without the facts."""
STALL_SECONDS = 60.0
"""Seconds of silence that a provider allows by default."""

_ROOM_KEYS = (
    "max_model_len", "context_length", "context_window", "max_context_length", "max_input_tokens",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about a model: its context window in tokens, whether it takes images, and
    whether it can call tools.

    None means unknown.
    """

    room: int | None = None
    sees: bool | None = None
    tools: bool | None = None


class NotAsked(Exception):
    """The service could not be reached, or it was not understood."""


class Get(Protocol):
    """Asks a service, without retries."""

    async def __call__(self, path: str, body: Any = None, /) -> Any:
        """What is at a path below the API's root, or at a whole address; with a body it is posted.

        JSON where it is some. None if the service answers with an error status. Raises `NotAsked`.
        """
        ...


async def facts_of(get: Get, url: str, model: str) -> Facts:
    """What the server at `url` says about a model.

    Empty if it can't be reached or has no such endpoint.
    """
    try:
        async with asyncio.timeout(ASK_SECONDS):
            return await _asked(get, url, model)
    except (NotAsked, TimeoutError, OSError):
        return Facts()


async def _asked(get: Get, url: str, model: str) -> Facts:
    # `/models` is all dialects' (vLLM and gateways tell the context there), `/props` is
    # llama.cpp's, `/api/…` Ollama's.
    facts = _of_models(await get("/models"), model)
    if facts.room is None:
        facts = _either(facts, _of_props(await get(_beside(url, "/props"))))
    if facts.room is None:
        running = await get(_beside(url, "/api/ps"))
        if isinstance(running, Mapping) and "models" in running:
            facts = _either(facts, _of_ollama(running, model))
            shown = await get(_beside(url, "/api/show"), {"model": model})
            facts = _either(facts, _of_show(shown))
    return facts


def _beside(url: str, path: str) -> str:
    """An address on the same server, outside its `/v1`."""
    base = urlsplit(url)
    below = base.path.rstrip("/").removesuffix("/v1")
    return urlunsplit((base.scheme, base.netloc, below + path, "", ""))


def _either(first: Facts, second: Facts) -> Facts:
    return Facts(
        second.room if first.room is None else first.room,
        second.sees if first.sees is None else first.sees,
        second.tools if first.tools is None else first.tools,
    )


def _of_models(told: Any, model: str) -> Facts:
    listed = told.get("data") if isinstance(told, Mapping) else None
    entries = [entry for entry in listed or () if isinstance(entry, Mapping)]
    entry = next((entry for entry in entries if entry.get("id") == model), None)
    if entry is None:
        return Facts()
    return Facts(_number(entry, *_ROOM_KEYS), _sees(entry), _takes_tools(entry))


def _sees(entry: Mapping[str, Any]) -> bool | None:
    architecture, capabilities = entry.get("architecture"), entry.get("capabilities")
    if isinstance(architecture, Mapping) and isinstance(
        kinds := architecture.get("input_modalities"), list
    ):
        return "image" in kinds
    if isinstance(capabilities, Mapping) and isinstance(sees := capabilities.get("vision"), bool):
        return sees
    return None


def _takes_tools(entry: Mapping[str, Any]) -> bool | None:
    """OpenRouter lists the fields that a model takes, Mistral what it can do."""
    fields, capabilities = entry.get("supported_parameters"), entry.get("capabilities")
    if isinstance(fields, list) and fields:
        return "tools" in fields
    calls = capabilities.get("function_calling") if isinstance(capabilities, Mapping) else None
    return calls if isinstance(calls, bool) else None


def _of_props(told: Any) -> Facts:
    if not isinstance(told, Mapping):
        return Facts()
    settings, kinds = told.get("default_generation_settings"), told.get("modalities")
    room = _number(settings, "n_ctx") if isinstance(settings, Mapping) else None
    sees = kinds.get("vision") if isinstance(kinds, Mapping) else None
    return Facts(room, sees if isinstance(sees, bool) else None)


def _of_ollama(running: Mapping[str, Any], model: str) -> Facts:
    """The context window of a loaded model: Ollama decides its size when it loads the model."""
    names = {model, f"{model}:latest"}
    loaded = [entry for entry in running["models"] or () if isinstance(entry, Mapping)]
    entry = next((entry for entry in loaded if entry.get("name") in names), {})
    return Facts(_number(entry, "context_length"))


def _of_show(told: Any) -> Facts:
    if not isinstance(told, Mapping):
        return Facts()
    chosen = str(told.get("parameters")).split()
    room = chosen[chosen.index("num_ctx") + 1 :][:1] if "num_ctx" in chosen else []
    abilities = told.get("capabilities")
    known = abilities if isinstance(abilities, list) else None
    sees, tools = (None if known is None else name in known for name in ("vision", "tools"))
    return Facts(int(room[0]) if room and room[0].isdigit() else None, sees, tools)


def _number(entry: Mapping[str, Any], *keys: str) -> int | None:
    values = (entry.get(key) for key in keys)
    return next((value for value in values if isinstance(value, int) and value > 0), None)


# What every provider knows about its model, and learns as it runs.


log = structlog.get_logger(__name__)

Ask = Callable[[], Awaitable["Facts"]]
"""Asks the service for the facts about a model."""


class SharedOptions(TypedDict, total=False):
    """What every provider takes by keyword, whatever its model is; see `Knowing`.

    `stall_seconds` bounds silence, and `first_seconds` that before the answer's first piece;
    None: alike. `room` is in tokens; `sees`: whether the model takes images.
    """

    stall_seconds: float
    first_seconds: float | None
    room: int | None
    sees: bool | None


class Knowing:
    """Base class of providers: a model's name, its context window, and whether it takes images.

    `room` (in tokens) and `sees` are the operator's settings; where they are None, the values are
    looked up, asked for with `ask`, or learned. `guess` is the assumption about images until the
    service says; `url` is the server's address where only that identifies the service.
    """

    def __init__(
        self,
        name: str,
        *,
        room: int | None = None,
        sees: bool | None = None,
        guess: bool = False,
        ask: Ask | None = None,
        url: str | None = None,
    ) -> None:
        self.name = name
        self._known = ContextWindow(name, room, url)
        self.room = self._known.tokens
        self.sees = guess if sees is None else sees
        self._sees_is_set = sees is not None
        self._ask = ask
        self._told = False
        self.tools = True
        """Whether the model can call tools, as far as is known."""

    async def start(self) -> None:
        """Asks the service about its model if it can; logs the context window and its source."""
        if self._ask is not None and self._known.source != "set":
            facts = await self._ask()
            self._known.take(facts.room, "told")
            if facts.sees is not None and not self._sees_is_set:
                self.sees = facts.sees
            if facts.tools is not None:
                self.tools = facts.tools
        self.room = self._known.tokens
        self._known.say()

    def _learn(self, generation: Generation, error: BaseException | None = None) -> None:
        """Learns from an answer: the model's real name, or the limit that a refusal names.

        Warns once if an answer began with reasoning without an opening tag, since readers saw it.
        """
        self._known.named(generation.model)
        if not self._told and closes_alone(generation.text):
            self._told = True
            log.warning("model.thoughts_shown", model=self.name, cure="MODEL_BEGINS_THINKING=true")
        if error is not None:
            self._known.refused(error)
            if isinstance(error, ProviderError) and error.cause == "tools_refused":
                self.tools = False
        self.room = self._known.tokens
