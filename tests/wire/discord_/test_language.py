"""Whoever has Discord in Chinese reads all that the bot says in Chinese, and others in English."""

from __future__ import annotations

import pytest

from connectors.words import Language, Sentence, render
from providers.scripted import Hang
from tests.doubles.discord import DiscordServer
from tests.doubles.discord_way import discord_way
from tests.doubles.waiting import until
from tests.wire.discord_.test_commands import registered, told

pytestmark = pytest.mark.real_time

LOCALES = {Language.ENGLISH: "en-GB", Language.CHINESE: "zh-CN"}
ASKED = {Language.ENGLISH: "What is a token?", Language.CHINESE: "什么是令牌？"}


@pytest.mark.parametrize("asked", Language)
@pytest.mark.parametrize("language", Language)
async def test_an_answer_its_buttons_and_its_end_are_in_the_reader_s_language(
    server: DiscordServer, language: Language, asked: Language
) -> None:
    """An interaction says whose language it is; the next mention is answered in that one, too."""

    def say(id_: str) -> str:
        return render(Sentence(id_), language)

    people = server.people
    people.alice.locale = LOCALES[language]
    async with discord_way(server, ["7 ", Hang()], []) as way:
        await registered(server)
        assert (await told(people.command("help")))[1] == say("told.help.discord")
        people.say(f"{people.mention} {ASKED[asked]}")
        await until(lambda: bool(way.answers) and "7" in way.shown[-1])
        assert [each["label"] for each in way.answers[-1].now.buttons] == [say("control.stop")]
        people.press(way.answers[-1].id, say("control.stop"))
        (row,) = await way.rows(1)
        assert row.start.language is language
        assert way.shown[-1] == f"7\n\n*{say('ended.stopped')}*"
        labels = [each["label"] for each in way.answers[-1].now.buttons]
        assert labels == [say("control.retry"), say("control.continue")]


async def test_where_nobody_has_told_a_language_the_question_does(server: DiscordServer) -> None:
    async with discord_way(server, [], []) as way:
        for question in ("什么是令牌？", "What is a token?"):
            server.people.say(f"{server.people.mention} {question}")
            await way.settled()
        rows = await way.rows(2)
        assert {row.start.question: row.start.language for row in rows} == {
            "什么是令牌？": Language.CHINESE,
            "What is a token?": Language.ENGLISH,
        }


async def test_commands_are_described_in_every_language(server: DiscordServer) -> None:
    async with discord_way(server):
        await registered(server)
        for command in server.platform.commands[None]:
            if command["type"] == 1:
                assert command["description_localizations"].keys() == {"zh-CN"}
        about = [each for each in server.platform.commands[None] if each["type"] == 3]
        assert [each["name_localizations"]["zh-CN"] for each in about] == ["就这条消息提问"]
