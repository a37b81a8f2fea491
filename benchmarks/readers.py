"""Ways to read a model's stream, from the barest to the whole way with log and platform.

Each reads as many streams at once as it is told, from a server in a process of its own, and
returns how many tokens it got.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from providers.base import Generation, Provider, Request, Turn

MESSAGES = [{"role": "user", "content": "Go on."}]
STREAMS_PER_WORKSPACE = 5

Reader = Callable[[str, int, Path], Awaitable[int]]
"""Takes the server's URL, the number of streams, and a folder for a database."""


async def _all(read: Callable[[], Awaitable[int]], streams: int) -> int:
    return sum(await asyncio.gather(*(read() for _ in range(streams))))


async def sdk(url: str, streams: int, _folder: Path, **options: Any) -> int:
    """The openai SDK's own loop over a stream, and nothing else."""
    import openai

    async with openai.AsyncOpenAI(api_key="sk-x", base_url=url, **options) as client:

        async def read() -> int:
            create: Any = client.chat.completions.create
            stream = await create(model="paced", messages=MESSAGES, stream=True)
            return sum([1 async for c in stream if c.choices and c.choices[0].delta.content])

        return await _all(read, streams)


async def sdk_aiohttp(url: str, streams: int, folder: Path) -> int:
    """The same, over the SDK's aiohttp transport."""
    import openai

    return await sdk(url, streams, folder, http_client=openai.DefaultAioHttpClient())


async def langchain(url: str, streams: int, _folder: Path) -> int:
    """LangChain's `astream` with two handlers that do nothing."""
    import openai
    from langchain_core.callbacks import AsyncCallbackHandler
    from langchain_openai import ChatOpenAI
    from pydantic import SecretStr

    class Empty(AsyncCallbackHandler):
        run_inline = True

        async def on_llm_new_token(self, *_args: Any, **_kwargs: Any) -> None:
            pass

        async def on_chat_model_start(self, *_args: Any, **_kwargs: Any) -> None:
            pass

    async with openai.AsyncOpenAI(api_key="sk-x", base_url=url) as client:
        chat = ChatOpenAI(
            model="paced",
            api_key=SecretStr("sk-x"),
            base_url=url,
            root_async_client=client,
            async_client=client.chat.completions,
            stream_chunk_timeout=None,
        )

        async def read() -> int:
            config: Any = {"callbacks": [Empty(), Empty()]}
            return sum([1 async for c in chat.astream("Go on.", config=config) if c.content])

        return await _all(read, streams)


async def floor(url: str, streams: int, _folder: Path) -> int:
    """aiohttp and orjson, with no client, no retries and no care: what can't be undercut."""
    import aiohttp
    import orjson

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def read() -> int:
            tokens = 0
            body = {"model": "paced", "messages": MESSAGES, "stream": True}
            async with session.post(f"{url}/chat/completions", json=body) as response:
                async for line in response.content:
                    if line.startswith(b"data: {"):
                        choice = orjson.loads(line[6:])["choices"][0]
                        tokens += bool(choice["delta"].get("content"))
            return tokens

        return await _all(read, streams)


async def lean_alone(url: str, streams: int, _folder: Path) -> int:
    """Our lean provider, with nobody to tell."""
    from providers.openai_stream import compatible_provider

    provider = compatible_provider("paced", base_url=url)

    async def read() -> int:
        generation = Generation()
        request = Request((Turn("user", "Go on."),))
        await provider.generate(request, run_id=uuid4(), callbacks=[], generation=generation)
        return generation.tokens

    tokens = await _all(read, streams)
    await provider.aclose()
    return tokens


async def lean_way(url: str, streams: int, folder: Path) -> int:
    """The whole way, read lean: recorded in SQLite, shown by the in-memory platform, proved."""
    from providers.openai_stream import compatible_provider

    return await _whole_way(compatible_provider("paced", base_url=url), streams, folder)


async def masked_way(url: str, streams: int, folder: Path) -> int:
    """The same, with placeholders for what is asked."""
    from providers.openai_stream import compatible_provider

    provider = compatible_provider("paced", base_url=url)
    return await _whole_way(provider, streams, folder, mask=("email", "phone", "card"))


async def unmasked_way(url: str, streams: int, folder: Path) -> int:
    """The same, where masking is there and off."""
    from providers.openai_stream import compatible_provider

    return await _whole_way(compatible_provider("paced", base_url=url), streams, folder, mask=())


async def langchain_way(url: str, streams: int, folder: Path) -> int:
    """The whole way, read through LangChain."""
    from providers.openai import compatible_provider

    return await _whole_way(compatible_provider("paced", base_url=url), streams, folder)


def _maker(store: Any, mask: tuple[str, ...]) -> Any:
    """What masks these kinds of values."""
    from bot.app.masking import SettingsMasker
    from bot.app.models import OfferedModels
    from bot.runs import Maker
    from bot.scopes import Offered, Scopes
    from bot.settings import Settings
    from bot.tools import Servers

    settings = Settings(
        _env_file=None, mask=mask, secret_key=("of a benchmark, and of nothing else",)
    )
    masker = SettingsMasker(settings, store, Servers({}))
    models = OfferedModels(settings)
    return Maker(Scopes(store.scopes, Offered()), models, time.time_ns, masker=masker)


async def _whole_way(
    provider: Provider, streams: int, folder: Path, mask: tuple[str, ...] | None = None
) -> int:
    from bot.pacing import Pacing
    from bot.runs import RequestOptions, RunOptions, Runs
    from bot.store import open_store, upgrade
    from connectors.memory import MemoryConnector

    file = folder / "everytoken.db"
    if not file.exists():  # only the first time: a bot does it when it starts
        await upgrade(f"sqlite:///{file}")
    store = open_store(f"sqlite:///{file}")
    options = RunOptions(RequestOptions("Be brief.", 0, None))
    runs = Runs(
        provider=provider,
        store=store,
        pacing=Pacing(),
        options=options,
        now_us=lambda: time.time_ns() // 1000,
        maker=None if mask is None else _maker(store, mask),
    )
    connector = MemoryConnector()
    try:
        return sum(
            await asyncio.gather(*(_answer(runs, connector, number) for number in range(streams)))
        )
    finally:
        await connector.aclose()
        await store.aclose()
        await provider.aclose()


async def _answer(runs: Any, connector: Any, number: int) -> int:
    from bot.runs import Question
    from connectors.base import Asked, Place
    from connectors.memory import ALICE, Version

    place = Place("memory", f"W{number // STREAMS_PER_WORKSPACE}", f"C{number}")
    ref = connector.platform.new_ref(place)
    text = f"Go on, person{number}@example.com."
    asked = Version(asyncio.get_running_loop().time(), text)
    connector.platform.add(ref, ALICE, asked, time.time_ns() // 1000)
    result = await runs.answer(Question(Asked(ref, ALICE, text)), connector)
    if result.receipt.verdict != "verified":
        raise RuntimeError(f"{result.outcome}, {result.receipt}: {result.error}")
    tokens: int = result.tokens
    return tokens


READERS: dict[str, Reader] = {
    reader.__name__: reader
    for reader in (
        sdk,
        sdk_aiohttp,
        langchain,
        floor,
        lean_alone,
        langchain_way,
        lean_way,
        masked_way,
        unmasked_way,
    )
}
