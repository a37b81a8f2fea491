"""A model that speaks OpenAI's chat completions at a steady pace, as a process of its own.

Each answer is `--tokens` words, `--rate` of them a second; token n is due at n / rate.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from contextlib import suppress

from aiohttp import web


def words(count: int) -> list[str]:
    """The tokens of an answer; every fiftieth begins a new paragraph."""
    return [f"{chr(10) * 2 if n and n % 50 == 0 else ' '}word{n:04}" for n in range(count)]


def _chunk(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {"id": "b", "object": "chat.completion.chunk", "model": "paced", "choices": [choice]}
    return f"data: {json.dumps(body)}\n\n".encode()


class Model:
    """Streams the same answer to everybody."""

    def __init__(self, tokens: int, rate: float) -> None:
        self._chunks = [_chunk({"content": word}) for word in words(tokens)]
        self._rate = rate

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One answer, each token when it is due, for as long as somebody listens."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        loop = asyncio.get_running_loop()
        began = loop.time()
        with suppress(ConnectionResetError):
            for number, chunk in enumerate(self._chunks):
                await asyncio.sleep(max(0.0, began + number / self._rate - loop.time()))
                await response.write(chunk)
            await response.write(_chunk({}, "stop") + b"data: [DONE]\n\n")
        return response


async def _serve(tokens: int, rate: float) -> None:
    app = web.Application()
    app.router.add_post("/v1/chat/completions", Model(tokens, rate).answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    sys.stdout.write(json.dumps({"url": f"http://127.0.0.1:{port}/v1"}) + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


def main() -> None:
    """Serves until it is ended; prints its address as one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.model_server", description=__doc__)
    parser.add_argument("--tokens", type=int, default=1500)
    parser.add_argument("--rate", type=float, default=50.0, help="tokens a second")
    given = parser.parse_args()
    asyncio.run(_serve(given.tokens, given.rate))


if __name__ == "__main__":
    main()
