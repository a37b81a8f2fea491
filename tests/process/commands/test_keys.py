"""`keys`: rotated and retired beside a bot that runs, whose visitors stay who they are."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from connectors.web.access import VISITOR_COOKIE
from tests.doubles.commands import Shell, asks, lines, whole
from tests.doubles.openai import OpenAIServer

pytestmark = pytest.mark.real_time


async def visit(address: str, cookie: str = "") -> str:
    """Opens the page with a cookie; the one that the browser has then."""
    sent = {"Cookie": f"{VISITOR_COOKIE}={cookie}"} if cookie else {}
    url = f"http://{address}/"
    async with aiohttp.ClientSession() as session, session.get(url, headers=sent) as answer:
        assert answer.status == 200
        given = answer.cookies.get(VISITOR_COOKIE)
    return given.value if given else cookie


def who(cookie: str) -> str:
    """The visitor's id in a cookie."""
    return cookie.partition(".")[0]


async def numbers(shell: Shell) -> list[int]:
    """The keys as programs are told of them."""
    listed: Any = (await shell.run("keys", "list", "--json", SECRET_KEY="")).json
    return [key["number"] for key in listed]


async def test_keys_are_rotated_and_retired_while_the_bot_runs(shell: Shell) -> None:
    async with OpenAIServer(whole("Because.")) as model:
        async with shell.bot(**asks(model), SECRET_KEY="") as bot:
            old = await visit(bot.address)
            assert "A new key signs" in (await shell.run("keys", "rotate", SECRET_KEY="")).out
            assert await numbers(shell) == [2, 1]
            assert who(await visit(bot.address, old)) == who(old)
        # A process that starts knows all of it at once; one that runs, within a minute.
        async with shell.bot(**asks(model), SECRET_KEY="") as bot:
            new = await visit(bot.address, old)
            assert new != old
            assert who(new) == who(old)
        assert (await shell.run("keys", "retire", SECRET_KEY="")).code == 1, "nobody said yes"
        retired = await shell.run("keys", "retire", "--yes", SECRET_KEY="")
        assert retired.out.startswith("1 older keys are gone")
        assert await numbers(shell) == [2]
        async with shell.bot(**asks(model), SECRET_KEY="") as bot:
            assert who(await visit(bot.address, old)) != who(old)
            assert await visit(bot.address, new) == new
    (line,) = lines((await shell.run("keys", "list", SECRET_KEY="")).out)
    assert line.endswith("signs")
    ((key,),) = shell.query("SELECT key FROM web_keys")
    assert key not in line


async def test_where_the_operator_set_the_keys_the_commands_say_what_to_do(shell: Shell) -> None:
    for command in (["rotate"], ["retire", "--yes"], ["list"]):
        ran = await shell.run("keys", *command, SECRET_KEY="k" * 40)
        assert ran.code == 1
        assert "SECRET_KEY=new,old" in ran.err
