"""The provider of lines keeps the providers' contract: its service is a script on loopback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import pytest

from providers.scripted import Alive, Cut, Finish, Hang, Pause
from tests.contract.howto.lines import lines_provider
from tests.contract.provider import (
    LONG_STALL,
    ErrorPart,
    Garbage,
    ProviderContract,
    Severed,
    Stage,
    WireStep,
)

pytestmark = [pytest.mark.real_time, pytest.mark.sockets]


class TestLines(ProviderContract):
    """Each step of a script is what the service does next."""

    @asynccontextmanager
    async def opened(
        self, *script: WireStep, stall_seconds: float = LONG_STALL
    ) -> AsyncIterator[Stage]:
        left, answering = asyncio.Event(), set[asyncio.Task[None]]()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            playing = asyncio.create_task(play(script, writer))
            with suppress(ConnectionError):
                await reader.read()  # until the bot has closed the connection
            playing.cancel()
            writer.close()
            left.set()

        def came(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            answering.add(asyncio.create_task(answer(reader, writer)))

        server = await asyncio.start_server(came, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        provider = lines_provider("x", base_url=f"{host}:{port}", stall_seconds=stall_seconds)
        yield Stage(provider, left.wait)
        await provider.aclose()
        server.close()
        await asyncio.gather(*answering)


async def play(script: Sequence[WireStep], writer: asyncio.StreamWriter) -> None:
    """Sends a script; one that doesn't say how it ends finishes with `stop`."""
    for step in (*script, Finish()):
        match step:
            case Pause():
                await asyncio.sleep(step.seconds)
            case Hang():
                return
            case Cut():
                writer.write_eof()
                return
            case Severed():
                writer.transport.abort()
                return
            case _:
                writer.write(line(step))
                await writer.drain()


def line(step: WireStep) -> bytes:
    """What the service sends for a step."""
    match step:
        case str():
            said: dict[str, object] = {"text": step}
        case (kind, text):
            said = {kind: text}
        case Finish():
            said = {"finish": step.reason}
            if step.usage is not None:
                said["input_tokens"] = step.usage.input_tokens
                said["output_tokens"] = step.usage.output_tokens
        case ErrorPart():
            said = {"error": "no room"}
        case Garbage():
            return b"<html>\n"
        case Alive():
            return b"\n"
        case _:
            raise ValueError(step)
    return json.dumps(said).encode() + b"\n"
