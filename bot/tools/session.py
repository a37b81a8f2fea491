"""The only module that imports the protocol's SDK: a connection to one server.

The SDK speaks the protocol; what carries it is bounded here, so that a server can neither fill the
memory nor have a call made twice (`bot.tools.wire`, `bot.tools.process`). Requests of a server,
for samples, input or roots, are refused; its notifications are not read, but for one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import anyio
import httpx2
import structlog
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.client.session import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp.shared.message import SessionMessage
from mcp_types import (
    METHOD_NOT_FOUND,
    UNSUPPORTED_PROTOCOL_VERSION,
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    ErrorData,
    Implementation,
    InputRequiredResult,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCRequest,
    JSONRPCResponse,
    PaginatedRequestParams,
    Tool,
    jsonrpc_message_adapter,
)
from pydantic import TypeAdapter, ValidationError

from bot.tools.config import ServerConfig
from bot.tools.connection import CallDeclined, CallLost, CallNotSent, OnLate, ServerDown
from bot.tools.policy import ToolInfo
from bot.tools.process import MOST_LINE_BYTES, CantStart, Flooded, ServerProcess
from bot.tools.results import ToolAnswer
from bot.tools.wire import TOKEN, CallOutbox, GuardedClient, Slot, is_call
from bot.words import Sentence

log = structlog.get_logger(__name__)

START_S = 60.0
"""Seconds that a server has to start and say what it is: some are downloaded first."""
_CLOSE_S = 8.0
_PAGES = 50
"""Pages of a list of tools that are read."""
_RESULT: TypeAdapter[CallToolResult | InputRequiredResult] = TypeAdapter(
    CallToolResult | InputRequiredResult
)
_CHANGED = "notifications/tools/list_changed"

_Read: TypeAlias = MemoryObjectReceiveStream[SessionMessage | Exception]
_Write: TypeAlias = MemoryObjectSendStream[SessionMessage]
_Streams: TypeAlias = tuple[_Read, Any]


class ServerSession:
    """A connection by the protocol. Made by `connect`; belongs to the running loop."""

    def __init__(self, config: ServerConfig, on_late: OnLate) -> None:
        self._config = config
        self._on_late = on_late
        self._outbox = CallOutbox()
        self._process: ServerProcess | None = None
        self._client: GuardedClient | None = None
        self._closing = asyncio.Event()
        self._over = asyncio.Event()
        self._flooded = False
        self._ready: asyncio.Future[ClientSession] = asyncio.get_running_loop().create_future()
        self._given_up: set[asyncio.Task[Any]] = set()
        self.changed = False
        """Whether the server has said that its tools are others now."""
        self._task = asyncio.create_task(self._run(), name=f"mcp {config.name}")

    @property
    def ended(self) -> bool:
        """Whether nothing can be called over it any more."""
        return self._over.is_set() or self._closing.is_set() or self._task.done()

    async def opened(self) -> None:
        """Returns once the server has said what it is; raises `ServerDown`."""
        waits: set[asyncio.Future[Any]] = {self._ready, self._task}
        await asyncio.wait(waits, timeout=START_S, return_when="FIRST_COMPLETED")
        error = self._ready.exception() if self._ready.done() else None
        if error is not None or not self._ready.done():
            raise self._down(error)

    async def tools(self) -> list[ToolInfo]:
        """All that the server has now. Raises `ServerDown`."""
        self.changed = False
        try:
            async with asyncio.timeout(self._config.timeout):
                return await self._listed(await asyncio.shield(self._ready))
        except (MCPError, ValidationError, RuntimeError, TimeoutError) as error:
            raise self._down(error) from error

    async def call(self, token: str, tool: str, arguments: Mapping[str, Any]) -> ToolAnswer:
        """Calls a tool once; raises `CallNotSent`, `CallDeclined` and `CallLost`."""
        slot = self._outbox.expect(token)
        session = self._ready.result()
        params = CallToolRequestParams(name=tool, arguments=dict(arguments), _meta={TOKEN: token})
        asking = asyncio.create_task(session.send_request(CallToolRequest(params=params), _RESULT))
        try:
            await asyncio.wait({asking}, timeout=self._config.timeout)
            if not asking.done():
                raise self._unknown(slot, "tool.timeout", seconds=round(self._config.timeout, 1))
            return self._answer(asking, slot)
        finally:
            slot.given_up = not asking.done()
            asking.cancel()
            self._given_up.add(asking)
            asking.add_done_callback(self._forget)
            self._outbox.done(token)

    async def aclose(self) -> None:
        """Ends it, and the server's process with all that it has started."""
        self._closing.set()
        done, _ = await asyncio.wait({self._task}, timeout=_CLOSE_S)
        if not done:
            self._task.cancel()
            await asyncio.wait({self._task})
        if not self._ready.done():
            self._ready.cancel()

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._given_up.discard(task)
        if not task.cancelled():
            task.exception()  # seen: the call has ended otherwise

    # How a call ended.

    def _answer(self, asking: asyncio.Task[Any], slot: Slot) -> ToolAnswer:
        try:
            result = asking.result()
        except MCPError as error:
            raise self._ending(error, slot) from error
        except (ValidationError, RuntimeError, ValueError, OSError) as error:
            log.warning("tool.unreadable", server=self._config.name, error=type(error).__name__)
            raise self._unknown(slot, "tool.unreadable") from error
        if isinstance(result, InputRequiredResult):
            raise CallDeclined("it wants more input, which is not supported")
        return _answer_of(result)

    def _ending(self, error: MCPError, slot: Slot) -> Exception:
        """What an error means: the server's own no, or that nobody knows."""
        if not slot.sent:
            return CallNotSent()
        refused = slot.status is not None and 300 <= slot.status < 500
        if refused and slot.status in (401, 403, 404):
            self._over.set()  # a new session may be let in
        if refused or (slot.answered and self._process is not None):
            return CallDeclined(error.message)
        if slot.status == 200 and error.code not in _OURS_TOO:
            return CallDeclined(error.message)
        return self._unknown(slot, "tool.broke_off")

    def _unknown(self, slot: Slot, happened: str, **more: float) -> Exception:
        if not slot.sent:
            return CallNotSent()
        happened = "tool.flooded" if self._flooded else happened
        return CallLost(Sentence(happened, {"server": self._config.name, **more}))

    # The connection.

    async def _run(self) -> None:
        try:
            way = self._over_process() if self._config.command else self._over_http()
            client = Implementation(name="everytoken", version="0")
            async with way as (read, write), ClientSession(read, write, client_info=client) as it:
                await self._greet(it)
                self._ready.set_result(it)
                await self._until_the_end()
        except CantStart as error:
            self._fail(error)
        except Exception as error:
            if self._ready.done():
                log.exception("tool.connection_failed", server=self._config.name)
            self._fail(error)
        finally:
            self._over.set()

    def _fail(self, error: Exception) -> None:
        if not self._ready.done():
            self._ready.set_exception(error)
            self._ready.exception()  # seen, also where nobody waits for it any more

    async def _greet(self, session: ClientSession) -> None:
        try:
            await session.initialize()
        except MCPError as error:
            if error.code not in (UNSUPPORTED_PROTOCOL_VERSION, METHOD_NOT_FOUND):
                raise
            await session.discover()

    async def _until_the_end(self) -> None:
        waits = [asyncio.create_task(each.wait()) for each in (self._closing, self._over)]
        try:
            await asyncio.wait(waits, return_when="FIRST_COMPLETED")
        finally:
            for each in waits:
                each.cancel()

    @asynccontextmanager
    async def _over_process(self) -> AsyncIterator[_Streams]:
        process = self._process = await ServerProcess.start(self._config)
        incoming, read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        write, outgoing = anyio.create_memory_object_stream[SessionMessage](0)
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._read, process, incoming)
                group.start_soon(self._write, process, outgoing)
                try:
                    yield read, write
                finally:
                    group.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await process.aclose()
            for stream in (incoming, read, write, outgoing):
                stream.close()

    async def _read(
        self, process: ServerProcess, incoming: MemoryObjectSendStream[SessionMessage | Exception]
    ) -> None:
        async with incoming:
            try:
                async for line in process.lines():
                    if (message := _parsed(line)) is not None:
                        await self._take(message, incoming, process)
            except Flooded:
                self._flooded = True
                log.warning("tool.flooded", server=self._config.name)
            except (anyio.BrokenResourceError, OSError) as error:
                log.debug("tool.read_failed", server=self._config.name, error=str(error))
        self._over.set()

    async def _take(
        self,
        message: JSONRPCMessage,
        incoming: MemoryObjectSendStream[SessionMessage | Exception],
        process: ServerProcess,
    ) -> None:
        if isinstance(message, JSONRPCRequest):
            await process.write(_refusal(message).encode())
        elif self._is_wanted(message):
            await incoming.send(SessionMessage(message))

    async def _write(
        self, process: ServerProcess, outgoing: MemoryObjectReceiveStream[SessionMessage]
    ) -> None:
        async with outgoing:
            try:
                async for item in outgoing:
                    line = item.message.model_dump_json(by_alias=True, exclude_unset=True)
                    said = item.message.model_dump(by_alias=True, mode="json", exclude_unset=True)
                    if not is_call(said) or self._outbox.admit(said) is not None:
                        await process.write(line.encode())
            except OSError as error:
                log.debug("tool.write_failed", server=self._config.name, error=str(error))
        self._over.set()

    @asynccontextmanager
    async def _over_http(self) -> AsyncIterator[_Streams]:
        url = self._config.url or ""
        times = httpx2.Timeout(30, read=self._config.timeout + 30)
        client = GuardedClient(self._outbox, headers=dict(self._config.headers), timeout=times)
        self._client = client
        incoming, read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        async with (
            client,
            streamable_http_client(url, http_client=client, max_sse_event_size=MOST_LINE_BYTES) as (
                raw,
                write,
            ),
            anyio.create_task_group() as group,
        ):
            group.start_soon(self._sift, raw, write, incoming)
            try:
                yield read, write
            finally:
                group.cancel_scope.cancel()
                incoming.close()
                read.close()

    async def _sift(
        self, raw: Any, write: Any, incoming: MemoryObjectSendStream[SessionMessage | Exception]
    ) -> None:
        async with incoming:
            try:
                async for item in raw:
                    message = item.message if isinstance(item, SessionMessage) else None
                    if isinstance(message, JSONRPCRequest):
                        answer = jsonrpc_message_adapter.validate_json(_refusal(message))
                        await write.send(SessionMessage(answer))
                    elif message is not None and self._is_wanted(message):
                        await incoming.send(SessionMessage(message))
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                log.debug("tool.read_failed", server=self._config.name)
        self._over.set()

    def _is_wanted(self, message: JSONRPCMessage) -> bool:
        """Whether the session is to see it: answers, and nothing that nobody asked for."""
        if not isinstance(message, JSONRPCResponse | JSONRPCError):
            if getattr(message, "method", "") == _CHANGED:
                self.changed = True
            return False
        token = self._outbox.answered(message.id)
        if token is not None and isinstance(message, JSONRPCResponse):
            self._tell_late(token, message)
        return True

    def _tell_late(self, token: str, message: JSONRPCResponse) -> None:
        try:
            result = CallToolResult.model_validate(message.result, by_name=False)
        except ValidationError:
            log.warning("tool.unreadable", server=self._config.name, error="late")
            return
        self._outbox.done(token)
        self._on_late(token, _answer_of(result))

    async def _listed(self, session: ClientSession) -> list[ToolInfo]:
        found: list[ToolInfo] = []
        cursor: str | None = None
        for _ in range(_PAGES):
            params = None if cursor is None else PaginatedRequestParams(cursor=cursor)
            page = await session.list_tools(params=params)
            found += [_info(self._config.name, tool) for tool in page.tools]
            cursor = page.next_cursor
            if cursor is None:
                break
        return found

    # What is wrong, for the operator.

    def _down(self, error: BaseException | None) -> ServerDown:
        named = {"server": self._config.name}
        if isinstance(error, CantStart):
            cure = Sentence("cure.mcp.start", named)
            return ServerDown(Sentence("mcp.start", named), cure, str(error))
        said = self._process.said if self._process is not None else ""
        if self._client is not None:
            return self._unreached(self._client)
        if self._over.is_set() or self._task.done():
            return ServerDown(Sentence("mcp.exited", named), Sentence("cure.mcp.exited"), said)
        if error is None or isinstance(error, TimeoutError):
            return ServerDown(Sentence("mcp.silent", named), Sentence("cure.mcp.silent"), said)
        said = error.message if isinstance(error, MCPError) else said or type(error).__name__
        return ServerDown(Sentence("mcp.error", named), Sentence("cure.mcp.error"), said)

    def _unreached(self, client: GuardedClient) -> ServerDown:
        named = {"server": self._config.name}
        if client.fault is not None:
            said = f"{type(client.fault).__name__}: {client.fault}"
            cure = Sentence("cure.mcp.unreached", named)
            return ServerDown(Sentence("mcp.unreached", named), cure, said)
        if client.status in (401, 403):
            cure = Sentence("cure.mcp.denied", named)
            return ServerDown(Sentence("mcp.denied", named), cure, f"HTTP {client.status}")
        if client.status is not None:
            cure = Sentence("cure.mcp.address", named)
            return ServerDown(Sentence("mcp.error", named), cure, f"HTTP {client.status}")
        return ServerDown(Sentence("mcp.silent", named), Sentence("cure.mcp.silent"))


_OURS_TOO = (-32000, -32001, -32700, -32600)
"""Codes that the SDK makes up itself where the server has answered nothing that can be read."""


async def connect(config: ServerConfig, on_late: OnLate) -> ServerSession:
    """Starts a server, or reaches it; raises `ServerDown`."""
    session = ServerSession(config, on_late)
    opened = False
    try:
        await session.opened()
        opened = True
    finally:
        if not opened:  # also where nobody waits for it any more
            await session.aclose()
    return session


def _parsed(line: bytes) -> JSONRPCMessage | None:
    """A line's message; None of what is none: some servers print other things too."""
    if not line.lstrip().startswith(b"{"):
        return None
    try:
        return jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValidationError:
        return None


def _refusal(request: JSONRPCRequest) -> str:
    """The answer to whatever a server asks of us."""
    if request.method == "ping":
        answer: JSONRPCMessage = JSONRPCResponse(jsonrpc="2.0", id=request.id, result={})
    else:
        no = ErrorData(code=METHOD_NOT_FOUND, message=f"{request.method[:80]} is not supported")
        answer = JSONRPCError(jsonrpc="2.0", id=request.id, error=no)
    return answer.model_dump_json(by_alias=True, exclude_unset=True)


def _info(server: str, tool: Tool) -> ToolInfo:
    said = tool.annotations
    annotations = (
        {} if said is None else said.model_dump(mode="json", exclude_none=True, by_alias=True)
    )
    return ToolInfo(server, tool.name, tool.description or "", tool.input_schema, annotations)


def _answer_of(result: CallToolResult) -> ToolAnswer:
    said = result.model_dump(mode="json", by_alias=True, exclude_none=True)
    return ToolAnswer(said.get("content", []), said.get("structuredContent"), bool(result.is_error))
