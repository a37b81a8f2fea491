"""Discord's double as a process of its own."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from typing import Any

import aiohttp
import pytest

pytestmark = pytest.mark.real_time


async def test_a_process_of_its_own_is_driven_by_its_control_api() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.doubles.discord",
        "--channels",
        "2",
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    about = json.loads(await process.stdout.readline())
    try:
        async with aiohttp.ClientSession() as http:

            async def control(action: str, **arguments: Any) -> Any:
                async with http.post(f"{about['control']}/{action}", json=arguments) as answer:
                    return await answer.json()

            asked = (await control("say", text="hi", channel=about["channels"][1]))["result"]
            await control("fault", kind="refuse", outcome={"status": 500}, method="GET")
            url = f"{about['rest']}/channels/{about['channels'][1]}/messages"
            secret = {"Authorization": f"Bot {about['token']}"}
            async with http.get(url, headers=secret) as answer:
                assert answer.status == 500
            async with http.get(url, headers=secret) as answer:
                assert [each["id"] for each in await answer.json()] == [asked]
            report = (await control("report"))["result"]
            assert report["statuses"] == {"500": 1, "200": 1}
            assert "no button" in (await control("press", message_id=asked, button="Stop"))["error"]
            assert (await control("messages", by_bot=False))["result"][0]["content"] == "hi"
    finally:
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
