"""The real bot on Discord, started by its settings alone."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import pytest

from tests.doubles.commands import Shell, asks, whole
from tests.doubles.discord import DiscordServer, Hang, Intent, Permission, discord_server
from tests.doubles.openai import Answer, Freeze, OpenAIServer, Until, finish, text
from tests.doubles.waiting import PATIENCE_S

pytestmark = pytest.mark.real_time

ANSWER = ["Because ", "of **this**", "."]


def on(server: DiscordServer) -> dict[str, str]:
    """The settings of a bot that logs in there."""
    return {
        "DISCORD_TOKEN": server.token,
        "DISCORD_API_URL": server.url,
        "DISCORD_GATEWAY_URL": server.gateway_url,
    }


async def _ended(shell: Shell, count: int) -> list[Any]:
    """The runs as `runs list` has them, once so many have ended."""
    verdicts = "SELECT count(*) FROM runs WHERE verdict IS NOT NULL"
    await shell.until(lambda: shell.query(verdicts) == [(count,)])
    return list((await shell.run("runs", "list", "--json")).json)


async def test_all_ways_to_ask_are_answered_and_verified(shell: Shell) -> None:
    async with discord_server() as server, OpenAIServer(whole(*ANSWER)) as model:
        settings = asks(model) | on(server)
        people = server.people
        async with shell.bot(**settings):
            await server.record.until(lambda: server.gateway.connected)
            first = people.say(f"{people.mention} One?")
            await _ended(shell, 1)
            people.say("Two?", reply_to=server.record.messages(by_bot=True)[0].id)
            people.dm("Three?")
            thread = people.open_thread(first)
            people.say(f"{people.mention} Four?", thread=thread)
            await _ended(shell, 4)
            people.say("Five?", thread=thread)
            people.command("ask", {"question": "Six?"})
            runs = await _ended(shell, 6)
        assert sorted(run["question"] for run in runs) == sorted(
            ["One?", "Two?", "Three?", "Four?", "Five?", "Six?"]
        )
        assert {run["verdict"] for run in runs} == {"verified"}
        again = await shell.run("runs", "verify", runs[-1]["run_id"], "--json", **settings)
        assert again.json["verdict"] == "verified"
        assert server.record.writing() == []
        assert server.record.pinged() == []
        assert server.record.rate_limited == []


async def test_every_way_to_stop_closes_the_models_connection_within_a_second(
    shell: Shell,
) -> None:
    endless = Answer([*text("For ", "ever "), Freeze()])

    def press_stop(_asked: str) -> None:
        server.people.press(server.record.writing()[0].id, "Stop")

    def delete_the_answer(_asked: str) -> None:
        server.people.delete(server.record.writing()[0].id)

    def delete_the_question(asked: str) -> None:
        server.people.delete(asked)

    async with (
        discord_server() as server,
        OpenAIServer(endless) as model,
        shell.bot(**asks(model), **on(server)),
    ):
        await server.record.until(lambda: server.gateway.connected)
        for count, stop in enumerate((press_stop, delete_the_answer, delete_the_question)):
            asked = server.people.say(f"{server.people.mention} Go on?")
            await shell.until(server.record.writing)
            stop(asked)
            async with asyncio.timeout(PATIENCE_S):
                await model.exchanges[count].left.wait()
            await shell.until(lambda: not server.record.writing())
        await _ended(shell, 3)
    assert shell.query("SELECT DISTINCT outcome FROM runs") == [("stopped",)]


async def test_a_button_works_after_a_restart(shell: Shell) -> None:
    cut = Answer([*text("Half"), Freeze()])
    async with discord_server() as server, OpenAIServer(cut, whole(*ANSWER)) as model:
        settings = asks(model) | on(server)
        async with shell.bot(**settings):
            await server.record.until(lambda: server.gateway.connected)
            server.people.say(f"{server.people.mention} Go on?")
            await shell.until(server.record.writing)
            server.people.press(server.record.writing()[0].id, "Stop")
            await _ended(shell, 1)
        async with shell.bot(**settings):
            await shell.until(lambda: server.gateway.connected)
            server.people.press(server.record.messages(by_bot=True)[0].id, "Retry")
            runs = await _ended(shell, 2)
    assert {run["kind"] for run in runs} == {"ask", "retry"}
    assert server.record.messages(by_bot=True)[-1].content == "Because of **this**."


async def test_a_post_whose_answer_the_bot_did_not_live_to_hear_is_not_doubled(
    shell: Shell,
) -> None:
    slow = Answer([*text("Half ", "an "), Freeze()])
    async with discord_server() as server, OpenAIServer(slow) as model:
        settings = asks(model) | on(server)
        async with shell.bot(**settings) as bot:
            await shell.until(lambda: server.gateway.connected)
            server.faults.add(Hang(), "POST", "/channels/*/messages", applied=True)
            server.people.say(f"{server.people.mention} Why?")
            await shell.until(lambda: server.record.messages(by_bot=True))
            bot.child.send(signal.SIGKILL)
            await bot.child.process.wait()
        async with shell.bot(**settings):
            await shell.until(lambda: not server.record.writing())
            (run,) = await _ended(shell, 1)
    (message,) = server.record.messages(by_bot=True)
    assert message.content == "Half an\n\n*The bot was stopped before the answer was whole.*"
    assert (run["outcome"], run["verdict"]) == ("interrupted", "unproven")


async def test_the_gateway_may_drop_resume_or_begin_anew_in_mid_stream(shell: Shell) -> None:
    rests = [asyncio.Event() for _ in range(3)]
    slow = [Answer([*text("Slow "), Until(rest), *text("answer."), *finish()]) for rest in rests]
    async with (
        discord_server() as server,
        OpenAIServer(*slow) as model,
        shell.bot(**asks(model), **on(server)),
    ):
        await server.record.until(lambda: server.gateway.connected)
        for count, disturb in enumerate(
            (server.gateway.drop, server.gateway.reconnect, server.gateway.invalidate), start=1
        ):
            server.people.say(f"{server.people.mention} Question {count}?")
            await shell.until(server.record.writing)
            disturb()
            rests[count - 1].set()
            await _ended(shell, count)
            await shell.until(lambda: server.gateway.connected)
    assert [message.content for message in server.record.messages(by_bot=True)] == [
        "Slow answer."
    ] * 3


async def test_a_token_that_discord_refuses_is_told_at_start_with_the_cure(shell: Shell) -> None:
    async with discord_server() as server, OpenAIServer(whole("x")) as model:
        settings = asks(model) | on(server) | {"DISCORD_TOKEN": "wrong"}
        ran = await shell.run("run", HOST="127.0.0.1", PORT="0", **settings)
    assert ran.code == 1
    assert "discord refuses the bot" in ran.err
    assert "DISCORD_TOKEN" in ran.err


async def test_the_doctor_names_a_missing_intent_and_the_bot_starts_all_the_same(
    shell: Shell,
) -> None:
    async with (
        discord_server(intents=Intent(0)) as server,
        OpenAIServer(whole(*ANSWER)) as model,
    ):
        settings = asks(model) | on(server)
        ran = await shell.run("doctor", "--json", **settings)
        assert ran.code == 1
        (check,) = [check for check in ran.json["checks"] if check["name"] == "discord"]
        assert "Message Content Intent" in check["detail"]
        async with shell.bot(**settings) as bot:
            await shell.until(lambda: server.gateway.connected)
            server.people.say(f"{server.people.mention} One?")
            run, _probe = await _ended(shell, 2)
            assert "Message Content Intent" in bot.child.err
    assert (run["question"], run["verdict"]) == ("One?", "verified")


async def test_the_doctor_names_a_permission_that_is_missing_in_a_channel(shell: Shell) -> None:
    async with discord_server() as server, OpenAIServer(whole("OK")) as model:
        server.people.deny(Permission.SEND_MESSAGES)
        channel = server.people.general.id
        ran = await shell.run("doctor", "--json", "--channel", channel, **asks(model), **on(server))
    assert ran.code == 1
    (check,) = [check for check in ran.json["checks"] if check["name"] == "discord"]
    assert "Send Messages" in check["detail"]


async def test_the_doctor_says_where_the_key_is_that_seals_the_tokens_of_commands(
    shell: Shell,
) -> None:
    """A key beside what it seals keeps nobody out who has the database: no fault, but told."""
    async with discord_server() as server, OpenAIServer(whole("OK")) as model:
        settings = asks(model) | on(server)
        ran = await shell.run("doctor", "--json", **settings | {"SECRET_KEY": ""})
        own = await shell.run("doctor", "--json", **settings)
    (check,) = [check for check in ran.json["checks"] if check["name"] == "keys"]
    assert check["ok"]
    assert "ENCRYPTION_KEYS or SECRET_KEY" in check["detail"]
    assert not [check for check in own.json["checks"] if check["name"] == "keys"]
