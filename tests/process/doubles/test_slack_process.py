"""The double as a process of its own, driven over HTTP."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from tests.doubles.slack.testing import PATIENCE, button, markdown, refused

pytestmark = pytest.mark.real_time


@asynccontextmanager
async def process(*arguments: str) -> AsyncIterator[dict[str, str]]:
    """The double with these arguments, and what it says of itself."""
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.doubles.slack", *arguments, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert running.stdout is not None
        async with asyncio.timeout(PATIENCE * 3):
            yield json.loads(await running.stdout.readline())
    finally:
        running.terminate()
        assert await running.wait() == 0


async def test_another_process_asks_and_presses_and_reads_the_report() -> None:
    async with process("--unmetered") as told, aiohttp.ClientSession() as session:
        client = AsyncWebClient(
            token=told["bot_token"], base_url=told["url"], session=session, retry_handlers=[]
        )

        async def control(name: str, **said: Any) -> Any:
            async with session.post(f"{told['control']}{name}", json=said) as answer:
                assert answer.status == 200, await answer.text()
                return await answer.json()

        content = base64.b64encode(b"inside").decode()
        asked = await control("ask", text="Hello", files=[{"name": "a.txt", "content": content}])
        posted = await client.chat_postMessage(
            channel=asked["channel"],
            thread_ts=asked["ts"],
            text="x",
            blocks=[markdown("one"), button("stop", "1")],
        )
        pressed = await control("press", ts=posted["ts"], control="stop")
        assert pressed == {"channel": asked["channel"], "ts": posted["ts"]}
        await control("faults", method="chat.update", kind="says", error="fatal_error", times=2)
        for _ in range(2):
            call = client.chat_update(channel=asked["channel"], ts=posted["ts"], text="y")
            assert (await refused(call))["error"] == "fatal_error"
        await client.chat_update(channel=asked["channel"], ts=posted["ts"], text="one, two")
        await control("limits", update_text=5)
        call = client.chat_update(channel=asked["channel"], ts=posted["ts"], text="one, two")
        assert (await refused(call))["error"] == "msg_too_long"
        assert await control("sockets", drop=True) == {"now": 0, "opened": 0}
        await control("delete", ts=asked["ts"])

        async with session.get(f"{told['control']}report") as answer:
            report = await answer.json()
        async with session.get(f"{told['control']}message?ts={posted['ts']}") as answer:
            message = await answer.json()

    errors = [call["error"] for call in report["calls"]["chat.update"]]
    assert errors == ["fatal_error", "fatal_error", "", "msg_too_long"]
    assert report["writing"] == report["rate_limited"] == report["pinged"] == []
    assert [each["deleted"] for each in report["messages"]] == [True, False]
    assert "visible" not in report["messages"][0]["versions"][0]
    assert [version["visible"] for version in message["versions"]] == ["one", "one, two"]
    assert [version["stop"] for version in message["versions"]] == [True, False]
