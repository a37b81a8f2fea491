"""Everywhere that a question can be asked: what is shown there, and what is kept of it."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.doubles.commands import Bot, Shell, asks, whole
from tests.doubles.discord import DiscordServer, discord_server
from tests.doubles.openai import Answer, Exchange, OpenAIServer, calls
from tests.doubles.slack import APP_TOKEN, Slack, slack_server
from tests.process.tools.others.servers import Other

_START_S = 90
_ASKED = re.compile(r"Use ([\w-]+) ")


@dataclass(frozen=True)
class Found:
    """What came of one question."""

    place: str
    server: str
    verdict: str
    """Of the run."""
    call: str
    """Its call's last state."""
    shown: bool
    """Whether people see an answer with the word."""

    @property
    def right(self) -> bool:
        """Whether it is as it has to be."""
        return (self.verdict, self.call, self.shown) == ("verified", "answered", True)


def model_of(others: Sequence[Other]) -> Callable[[Exchange], Answer]:
    """A model that calls the tool of the server that the question names, and answers with the
    word, if the result has it.
    """
    by_name = {other.name: other for other in others}

    def answer(exchange: Exchange) -> Answer:
        messages: list[dict[str, Any]] = exchange.body["messages"]
        asked = next(m for m in reversed(messages) if m["role"] == "user")
        found = _ASKED.search(str(asked["content"]))
        if found is None:
            return whole("Hello.")
        other = by_name[found[1]]
        if messages[-1]["role"] != "tool":
            name = f"{other.name}__{other.tool}"
            return Answer(calls(name, json.dumps(other.arguments)))
        has = other.word in str(messages[-1]["content"])
        return whole("It says ", other.word if has else "nothing", ".")

    return answer


@asynccontextmanager
async def everywhere(folder: Path, others: Sequence[Other]) -> AsyncIterator[Everywhere]:
    """A bot on Slack, Discord and the page, and a shell for `ask`; each has the servers."""
    async with (
        OpenAIServer(model_of(others)) as model,
        slack_server() as slack,
        discord_server() as discord,
    ):
        settings = asks(model) | {
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_APP_TOKEN": APP_TOKEN,
            "SLACK_API_URL": slack.url,
            "DISCORD_TOKEN": discord.token,
            "DISCORD_API_URL": discord.url,
            "DISCORD_GATEWAY_URL": discord.gateway_url,
            "MCP_CONFIG": _written(folder / "all.json", others),
        }
        shell = Shell(_made(folder / "bot"))
        async with shell.bot(**settings) as bot:
            await slack.connected()
            await discord.record.until(lambda: discord.gateway.connected, within=60)
            terminal = Shell(_made(folder / "terminal"), asks(model))
            places = Everywhere(shell, terminal, bot, slack, discord)
            await places.warmed(model, len(others))
            yield places


@dataclass(frozen=True)
class Everywhere:
    """The four places."""

    shell: Shell
    terminal: Shell
    bot: Bot
    slack: Slack
    discord: DiscordServer

    async def warmed(self, model: OpenAIServer, count: int) -> None:
        """Asks until so many tools are offered: no question waits until a slow server has them."""
        async with self.bot.page("the-first-conversation") as page, asyncio.timeout(_START_S):
            for number in itertools.count():
                await page.ask("Hello?", name=f"question-{number}")
                await page.shown(lambda message: message["last"])
                if len(model.exchanges[-1].body.get("tools", [])) == count:
                    return

    async def ask_all(self, others: Sequence[Other]) -> list[Found]:
        """Asks for a call of each server at each place: the places side by side."""
        ways: Mapping[str, Callable[[Other], Awaitable[Found]]] = {
            "slack": self._on_slack,
            "discord": self._on_discord,
            "page": self._on_the_page,
            "terminal": self._in_the_terminal,
        }

        async def one_by_one(way: Callable[[Other], Awaitable[Found]]) -> list[Found]:
            return [await way(other) for other in others]

        found = await asyncio.gather(*(one_by_one(way) for way in ways.values()))
        return [each for at_a_place in found for each in at_a_place]

    async def _on_slack(self, other: Other) -> Found:
        asked = self.slack.ask(_question(other, "slack"))
        assert await asked.acknowledged()
        return await self._found(
            "slack",
            other,
            lambda: [message.now.visible for message in self.slack.messages(by_bot=True)],
        )

    async def _on_discord(self, other: Other) -> Found:
        self.discord.people.say(f"{self.discord.people.mention} {_question(other, 'discord')}")
        return await self._found("discord", other, self.discord.record.shown)

    async def _on_the_page(self, other: Other) -> Found:
        async with self.bot.page(conversation=f"conversation-{other.name}") as page:
            await page.ask(_question(other, "page"), name=f"question-{other.name}")
            shown = await page.shown(lambda message: message["last"])
        return await self._found("page", other, lambda: [shown["html"]])

    async def _in_the_terminal(self, other: Other) -> Found:
        config = _written(self.terminal.folder / f"{other.name}.json", [other])
        ran = await self.terminal.run(
            "ask", _question(other, "terminal"), "--json", MCP_CONFIG=config
        )
        states = "SELECT state FROM tool_calls WHERE run_id = ?"
        ((state,),) = self.terminal.query(states, ran.json["run_id"])
        shown = other.word in ran.json["answer"]
        return Found("terminal", other.name, ran.json["receipt"]["verdict"], state, shown)

    async def _found(self, place: str, other: Other, shown: Callable[[], Sequence[str]]) -> Found:
        """What became of a question to the bot, once its run has its verdict."""
        runs = (
            "SELECT runs.verdict, tool_calls.state FROM runs JOIN tool_calls USING (run_id)"
            " WHERE runs.question = ? AND runs.verdict IS NOT NULL"
        )
        await self.shell.until(lambda: self.shell.query(runs, _question(other, place)))
        ((verdict, state),) = self.shell.query(runs, _question(other, place))
        seen = any(f"It says {other.word}." in text for text in shown())
        return Found(place, other.name, verdict, state, seen)


def _question(other: Other, place: str) -> str:
    return f"Use {other.name} from {place}."


def _written(file: Path, others: Sequence[Other]) -> str:
    file.write_text(json.dumps({"mcpServers": {other.name: other.entry for other in others}}))
    return str(file)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
