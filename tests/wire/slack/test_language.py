"""Whoever reads Slack in Chinese reads all that the bot says in Chinese, and others in English."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from connectors.words import Language, Sentence, render
from providers.scripted import Hang
from tests.doubles.slack import ALICE, Slack, visible
from tests.doubles.slack_way import LIVELY, Way, slack_way

pytestmark = pytest.mark.real_time

HAN = re.compile("[\u4e00-\u9fff]")
ASKED = {Language.ENGLISH: "What is a token?", Language.CHINESE: "什么是令牌？"}
LOCALES = {Language.ENGLISH: "en-GB", Language.CHINESE: "zh-CN"}


def labels(slack: Slack) -> list[str]:
    """What stands on the buttons of the bot's last message."""
    blocks = slack.messages(by_bot=True)[-1].now.blocks
    return [str(button["text"]["text"]) for _, button in visible.buttons(blocks)]


def read(the: Way) -> list[str]:
    """What can be read in the bot's messages, by lines, without what has no width."""
    return [line for text in the.shown for line in text.replace("\u200b", "").splitlines() if line]


@pytest.mark.parametrize("asked", Language)
@pytest.mark.parametrize("language", Language)
async def test_an_answer_its_buttons_and_its_end_are_in_the_reader_s_language(
    slack: Slack, language: Language, asked: Language
) -> None:
    """The locale counts before the script of the question."""

    def say(id_: str) -> str:
        return render(Sentence(id_), language)

    users = slack.workspace.users
    users[ALICE] = replace(users[ALICE], locale=LOCALES[language])
    async with slack_way(slack, ["7 ", Hang()], streaming="edit", **LIVELY) as the:
        slack.ask(ASKED[asked])
        await the.until(lambda: the.shown and "7" in the.shown[-1])
        assert labels(slack) == [say("control.stop")]
        slack.press(the.answers[-1].ts, "stop")
        (row,) = await the.rows(1)
        assert row.start.language is language
        assert read(the) == ["7", say("ended.stopped")]
        await the.until(lambda: say("control.retry") in labels(slack))
        assert labels(slack) == [say("control.retry"), say("control.continue")]
        helped = slack.command("help")
        assert await helped.settled()
    assert bool(HAN.search(helped.response["text"])) == (language is Language.CHINESE)


async def test_where_slack_tells_no_language_the_question_does(slack: Slack) -> None:
    users = slack.workspace.users
    users[ALICE] = replace(users[ALICE], locale="")
    async with slack_way(slack, [], [], streaming="edit", **LIVELY) as the:
        for question in ("什么是令牌？", "What is a token?"):
            slack.ask(question)
            await the.settled()
        rows = await the.rows(2)
        assert [row.start.language for row in rows] == [Language.CHINESE, Language.ENGLISH]
        assert read(the) == ["模型没有输出文字。", "The model gave no text."]
