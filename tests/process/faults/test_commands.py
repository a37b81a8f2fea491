"""Discord's commands while processes are killed: their tokens outlive the process."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from tests.doubles.commands import Shell, asks, whole
from tests.doubles.discord import (
    DiscordServer,
    Interaction,
    MessageFlag,
    Permission,
    discord_server,
)
from tests.doubles.openai import Answer, Freeze, OpenAIServer, text
from tests.process.commands.test_discord import on

pytestmark = [pytest.mark.real_time, pytest.mark.timeout(300)]

NOTHING = Permission.VIEW_CHANNEL | Permission.SEND_MESSAGES | Permission.READ_MESSAGE_HISTORY
"""What the bot may not do where people brought it along themselves."""
CUT = Answer([*text("Half ", "an "), Freeze()])
WHY = "The bot was stopped before the answer was whole."


async def _ask(shell: Shell, server: DiscordServer) -> Interaction:
    await shell.until(lambda: server.gateway.connected and server.platform.commands[None])
    return server.people.command("ask", {"question": "Why?"})


def _response(server: DiscordServer, given: Interaction) -> str:
    """What the response to a command shows; empty while it only is promised."""
    message = server.platform.messages.get(given.original_id or "")
    if message is None or MessageFlag.LOADING in message.now.flags:
        return ""
    return message.content


@pytest.mark.parametrize("secret", ["", "a secret of thirty-two characters"])
async def test_an_answer_by_a_commands_token_is_ended_by_the_next_process(
    tmp_path: Path, secret: str
) -> None:
    """With the operator's key, and with the database's own."""
    async with discord_server() as server, OpenAIServer(CUT) as model:
        server.people.deny(NOTHING)
        shell = Shell(tmp_path, asks(model) | on(server) | {"SECRET_KEY": secret})
        async with shell.bot() as bot:
            given = await _ask(shell, server)
            await shell.until(lambda: "an" in _response(server, given))
            bot.child.send(signal.SIGKILL)
            await bot.child.process.wait()
        (kept,) = shell.query("SELECT message_id, sealed FROM grants")
        assert kept[0] == given.id
        assert given.token not in kept[1]
        async with shell.bot():
            await shell.until(lambda: WHY in _response(server, given))
            await shell.recorded(1)
    assert _response(server, given) == f"-# 💬 Why?\nHalf an\n\n*{WHY}*"
    assert server.record.messages(by_bot=True) == [
        server.platform.messages[given.original_id or ""]
    ]
    assert given.token.encode() not in (tmp_path / "everytoken.db").read_bytes()


async def test_a_question_whose_answer_was_promised_is_answered_by_the_next_process(
    tmp_path: Path,
) -> None:
    silent = Answer([Freeze()])
    async with discord_server() as server, OpenAIServer(silent, whole("So ", "it is.")) as model:
        server.people.deny(NOTHING)
        shell = Shell(tmp_path, asks(model) | on(server))
        async with shell.bot() as bot:
            given = await _ask(shell, server)
            await given.callback()
            await shell.until(lambda: model.exchanges)
            bot.child.send(signal.SIGKILL)
            await bot.child.process.wait()
        assert _response(server, given) == ""
        async with shell.bot():
            await shell.until(lambda: _response(server, given))
            await shell.recorded(1)
    assert _response(server, given) == "-# 💬 Why?\nSo it is."
    assert shell.query("SELECT outcome, verdict FROM runs") == [("complete", "verified")]
    assert len(server.record.messages(by_bot=True)) == 1


async def test_a_token_is_forgotten_once_it_opens_nothing(tmp_path: Path) -> None:
    async with discord_server() as server, OpenAIServer(whole("So.")) as model:
        shell = Shell(tmp_path, asks(model) | on(server))
        async with shell.bot():
            given = await _ask(shell, server)
            await shell.recorded(1)
        ((until_us,),) = shell.query("SELECT until_us FROM grants")
        assert until_us == pytest.approx((given.at + 900) * 1e6, abs=5e6)
        shell.query("UPDATE grants SET until_us = 1")
        async with shell.bot():
            await shell.until(lambda: shell.query("SELECT * FROM grants") == [])


async def test_without_a_key_that_fits_the_operator_is_told(tmp_path: Path) -> None:
    async with discord_server() as server, OpenAIServer(CUT) as model:
        server.people.deny(NOTHING)
        shell = Shell(tmp_path, asks(model) | on(server))
        async with shell.bot() as bot:
            given = await _ask(shell, server)
            await shell.until(lambda: "an" in _response(server, given))
            bot.child.send(signal.SIGKILL)
            await bot.child.process.wait()
        async with shell.bot(SECRET_KEY="another secret of thirty-two characters") as bot:
            await bot.child.said("sealed with a key that is not known here")
        assert not re.search(given.token, bot.child.err)
