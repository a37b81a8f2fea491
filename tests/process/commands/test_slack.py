"""The real bot on Slack: started by its settings alone, in both ways that events can come in."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from typing import Any

import aiohttp
import pytest

from connectors.markdown import VERSION
from tests.doubles.commands import Shell, asks, free_port, whole
from tests.doubles.openai import Answer, Freeze, OpenAIServer, text
from tests.doubles.slack import APP_TOKEN, SIGNING_SECRET, Slack, sample, slack_server
from tests.doubles.waiting import PATIENCE_S

pytestmark = pytest.mark.real_time

ANSWER = ["Because ", "of **this**", "."]


def by_socket(slack: Slack) -> dict[str, str]:
    """The settings of a bot that opens a socket."""
    return {
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": APP_TOKEN,
        "SLACK_API_URL": slack.url,
    }


def by_http(slack: Slack) -> dict[str, str]:
    """The settings of a bot that Slack sends requests to."""
    return {
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_SIGNING_SECRET": SIGNING_SECRET,
        "SLACK_API_URL": slack.url,
    }


async def _answered(shell: Shell, count: int) -> list[Any]:
    """The runs as `runs list` has them, once so many have ended."""
    verdicts = "SELECT count(*) FROM runs WHERE verdict IS NOT NULL"
    await shell.until(lambda: shell.query(verdicts) == [(count,)])
    return list((await shell.run("runs", "list", "--json")).json)


async def _ask_in_every_way(slack: Slack, shell: Shell) -> list[Any]:
    asked = slack.ask("One?")
    assert await asked.acknowledged()
    await _answered(shell, 1)
    slack.say("Two?", thread_ts=asked.ts)
    slack.ask("Three?", channel=slack.dm())
    slack.command("ask Four?")
    return await _answered(shell, 4)


async def test_by_socket_mode_all_ways_to_ask_are_answered_and_verified(shell: Shell) -> None:
    async with slack_server() as slack, OpenAIServer(whole(*ANSWER)) as model:
        settings = asks(model) | by_socket(slack)
        async with shell.bot(**settings):
            await slack.connected()
            runs = await _ask_in_every_way(slack, shell)
        assert sorted(run["question"] for run in runs) == ["Four?", "One?", "Three?", "Two?"]
        assert {run["verdict"] for run in runs} == {"verified"}
        again = await asyncio.gather(
            *(shell.run("runs", "verify", run["run_id"], "--json", **settings) for run in runs[:2])
        )
        assert [(ran.json["verdict"], ran.json["plain"]) for ran in again] == [
            ("verified", VERSION)
        ] * 2
        assert slack.writing() == []
        assert slack.rate_limited == []


async def test_by_http_all_ways_to_ask_are_answered_and_forgeries_are_not(shell: Shell) -> None:
    async with slack_server() as slack, OpenAIServer(whole(*ANSWER)) as model:
        async with shell.bot(**asks(model), **by_http(slack)) as bot:
            address = f"http://{bot.address}/slack/events"
            slack.deliver_to(address)
            runs = await _ask_in_every_way(slack, shell)
            assert {run["verdict"] for run in runs} == {"verified"}
            body = json.dumps(sample("app_mention"))
            now = int(time.time())
            assert await _sent(address, body, now, "wrong secret") == 401
            assert await _sent(address, body, now - 360, SIGNING_SECRET) == 401
        assert shell.query("SELECT count(*) FROM inbox") == [(4,)]


async def _sent(address: str, body: str, at: int, secret: str) -> int:
    """The status that a request is answered with that was signed so."""
    signed = hmac.new(secret.encode(), f"v0:{at}:{body}".encode(), hashlib.sha256)
    headers = {
        "Content-Type": "application/json",
        "X-Slack-Request-Timestamp": str(at),
        "X-Slack-Signature": f"v0={signed.hexdigest()}",
    }
    async with (
        aiohttp.ClientSession() as session,
        session.post(address, data=body, headers=headers) as answer,
    ):
        return answer.status


async def _press_stop(slack: Slack, _asked: str) -> None:
    slack.press(slack.writing()[0].ts, "stop")


async def _delete_the_answer(slack: Slack, _asked: str) -> None:
    slack.delete(slack.writing()[0].ts)


async def _delete_the_question(slack: Slack, asked: str) -> None:
    slack.delete(asked)


async def test_every_way_to_stop_closes_the_models_connection_within_a_second(
    shell: Shell,
) -> None:
    endless = Answer([*text("For ", "ever "), Freeze()])
    async with (
        slack_server() as slack,
        OpenAIServer(endless) as model,
        shell.bot(**asks(model), **by_socket(slack)),
    ):
        await slack.connected()
        for count, stop in enumerate((_press_stop, _delete_the_answer, _delete_the_question)):
            channel = slack.workspace.add_channel(f"C{count}", "c")
            asked = slack.ask("Go on?", channel=channel.id)
            await shell.until(slack.writing)
            await stop(slack, asked.ts)
            async with asyncio.timeout(PATIENCE_S):
                await model.exchanges[count].left.wait()
            await shell.until(lambda: not slack.writing())
        await _answered(shell, 3)
    assert shell.query("SELECT DISTINCT outcome FROM runs") == [("stopped",)]


async def test_a_token_that_slack_refuses_is_told_at_start_with_the_cure(shell: Shell) -> None:
    async with slack_server() as slack, OpenAIServer(whole("x")) as model:
        slack.workspace.void = "account_inactive"
        settings = asks(model) | by_socket(slack)
        ran = await shell.run("run", PORT=str(free_port()), HOST="127.0.0.1", **settings)
    assert ran.code == 1
    assert "slack refuses the bot" in ran.err


async def test_the_doctor_names_each_missing_scope_and_exits_with_1(shell: Shell) -> None:
    async with slack_server() as slack, OpenAIServer(whole("OK")) as model:
        slack.workspace.scopes = tuple(
            scope for scope in slack.workspace.scopes if scope not in ("chat:write", "im:history")
        )
        ran = await shell.run("doctor", "--json", **asks(model), **by_socket(slack))
    assert ran.code == 1
    (check,) = [check for check in ran.json["checks"] if check["name"] == "slack"]
    assert not check["ok"]
    assert "chat:write" in check["detail"]
    assert "im:history" in check["detail"]


async def test_the_doctor_finds_a_whole_slack_app_healthy(shell: Shell) -> None:
    async with slack_server() as slack, OpenAIServer(whole("OK")) as model:
        ran = await shell.run("doctor", "--json", **asks(model), **by_socket(slack))
    assert ran.code == 0, ran.out
