"""The servers of a bot: each is started when it is first needed, again with growing pauses after it
failed or died, and ended with the bot.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog

from bot.tools.config import ServerConfig
from bot.tools.connection import CallNotSent, Connect, OnLate, ServerConnection, ServerDown
from bot.tools.policy import ToolInfo
from bot.tools.results import ToolAnswer
from bot.words import Sentence

log = structlog.get_logger(__name__)

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0
_STEADY_S = 60.0
"""Seconds that a server has to last for its next start to be at once."""
WAIT_S = 3.0
"""Seconds that questions wait for a server to start and list its tools, counted from its start:
most take less than two. What is slower is there for a later question.
"""


@dataclass(slots=True)
class _Place:
    """One server: its connection, and how it has done."""

    config: ServerConfig
    starting: asyncio.Lock = field(default_factory=asyncio.Lock)
    attempt: asyncio.Task[ServerConnection] | None = None
    """A start that is under way."""
    connection: ServerConnection | None = None
    tools: list[ToolInfo] | None = None
    look: asyncio.Task[list[ToolInfo]] | None = None
    """A list that questions wait for, and when it was begun."""
    looked: float = 0.0
    failed: bool = False
    """Whether its last start failed or took too long: nobody waits for the next one."""
    started: float = 0.0
    pause_s: float = 0.0
    not_before: float = 0.0


class Servers:
    """Every server of the configuration, by name. Belongs to the running loop."""

    def __init__(
        self,
        configs: Mapping[str, ServerConfig],
        *,
        connect: Connect | None = None,
        on_late: OnLate | None = None,
        wait_s: float = WAIT_S,
        own: Mapping[str, ServerConnection] | None = None,
    ) -> None:
        """`connect` is by default the protocol's own; `on_late` hears of answers that nobody
        waits for any more; `wait_s` is how long questions wait for a start; `own` are
        connections that are there already, by name.
        """
        self._places = {name: _Place(config) for name, config in configs.items()}
        for name, connection in (own or {}).items():
            self._places[name].connection = connection
        self._connect = connect or _by_protocol
        self.on_late = on_late
        self._wait_s = wait_s
        self._closed = False

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the servers."""
        return tuple(self._places)

    def config(self, server: str) -> ServerConfig | None:
        """A server's configuration; None where there is no such server."""
        place = self._places.get(server)
        return None if place is None else place.config

    async def offered(self, server: str, within: float | None = None) -> list[ToolInfo]:
        """The tools of a server that may be called, for a question: none where they aren't known in
        time, while its start or its list goes on for later ones. `within` is in seconds.
        """
        place = self._places[server]
        if place.look is None or place.look.done():
            place.look, place.looked = asyncio.create_task(self.tools(server)), _now()
            place.look.add_done_callback(partial(_looked, place))
        wait_s = self._wait_s if within is None else within
        patience = 0.0 if place.failed else wait_s
        # The first step of a list that is known already takes no time.
        await asyncio.wait({place.look}, timeout=max(place.looked + patience - _now(), 0))
        if place.look.done():
            return [] if place.look.cancelled() or place.look.exception() else place.look.result()
        if not place.failed:
            place.failed = True
            log.warning("tool.server_slow", server=server, seconds=wait_s)
        return []

    async def ready(self, within: float) -> None:
        """Returns once each server has listed its tools, has failed, or has had its seconds."""
        await asyncio.gather(*(self.offered(name, within) for name in self._places))

    async def tools(self, server: str, *, fresh: bool = False) -> list[ToolInfo]:
        """The tools of a server that may be called, as it describes them: with `fresh`, now.

        Raises `ServerDown`.
        """
        may = self._places[server].config.tools
        return [tool for tool in await self.listed(server, fresh=fresh) if tool.name in may]

    async def listed(self, server: str, *, fresh: bool = False) -> list[ToolInfo]:
        """All that it has, whatever may be called. Raises `ServerDown`."""
        place = self._places[server]
        connection = await self._ready(place)
        if fresh or place.tools is None or connection.changed:
            place.tools = await connection.tools()
        return place.tools

    async def tool(self, server: str, name: str, *, fresh: bool = False) -> ToolInfo | None:
        """One of them; None where the server has no such tool. Raises `ServerDown`."""
        found = await self.tools(server, fresh=fresh)
        return next((tool for tool in found if tool.name == name), None)

    async def call(
        self, server: str, token: str, tool: str, arguments: Mapping[str, Any]
    ) -> ToolAnswer:
        """Calls a tool once, over the connection that stands: a server that isn't there is not
        started for it. Raises `CallNotSent`, `CallDeclined` and `CallLost`.
        """
        connection = self._places[server].connection
        if connection is None or connection.ended:
            raise CallNotSent
        return await connection.call(token, tool, arguments)

    async def aclose(self) -> None:
        """Ends every server; none starts any more."""
        self._closed = True
        await asyncio.gather(*(self._end(place) for place in self._places.values()))

    async def _end(self, place: _Place) -> None:
        for task in (place.look, place.attempt):
            if task is not None:
                task.cancel()
        async with place.starting:
            connection, place.connection = place.connection, None
            if connection is not None:
                await connection.aclose()

    async def _ready(self, place: _Place) -> ServerConnection:
        async with place.starting:
            if place.connection is not None and not place.connection.ended:
                return place.connection
            await self._gone(place)
            if self._closed or _now() < place.not_before:
                raise _put_off(place)
            return await self._started(place)

    async def _gone(self, place: _Place) -> None:
        """Ends what is left of a connection that is over."""
        gone, place.connection, place.tools = place.connection, None, None
        if gone is None:
            return
        await gone.aclose()
        if _now() - place.started > _STEADY_S:
            place.pause_s = 0.0
        else:
            _fall_back(place)

    async def _started(self, place: _Place) -> ServerConnection:
        # A task of its own: whoever asked first may give up, and others wait for it too.
        connecting = self._connect(place.config, self._late)
        place.attempt = asyncio.ensure_future(connecting)
        try:
            place.connection = await place.attempt
        except asyncio.CancelledError:
            if self._closed:
                raise _put_off(place) from None
            raise
        except ServerDown as error:
            _fall_back(place)
            log.warning(
                "tool.server_down", server=place.config.name, what=str(error), said=error.said
            )
            raise
        finally:
            place.attempt = None
        place.started = _now()
        log.info("tool.server_started", server=place.config.name)
        return place.connection

    def _late(self, token: str, answer: ToolAnswer) -> None:
        if self.on_late is not None:
            self.on_late(token, answer)


def _looked(place: _Place, look: asyncio.Task[list[ToolInfo]]) -> None:
    """A list has come, or not: what failed was told where it happened."""
    place.failed = look.cancelled() or look.exception() is not None


def _fall_back(place: _Place) -> None:
    place.pause_s = min(max(2 * place.pause_s, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
    place.not_before = _now() + place.pause_s


def _put_off(place: _Place) -> ServerDown:
    named = {"server": place.config.name}
    return ServerDown(Sentence("mcp.put_off", named), Sentence("cure.mcp.put_off"))


async def _by_protocol(config: ServerConfig, on_late: OnLate) -> ServerConnection:
    from bot.tools.session import connect  # the SDK takes most of a second to import

    return await connect(config, on_late)


def _now() -> float:
    return asyncio.get_running_loop().time()
