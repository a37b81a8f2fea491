"""The promise on Discord: what was generated is what Discord shows, within its own rates."""

from __future__ import annotations

from typing import Any

import pytest

from bot.runs import RequestOptions, verify
from connectors.discord import parts
from connectors.discord.dialect import units
from connectors.markdown import plain
from providers.scripted import Pause
from tests.doubles.discord import (
    DiscordServer,
    Fault,
    Limits,
    Refuse,
    Reset,
    Slow,
    discord_server,
)
from tests.doubles.discord import markdown as client
from tests.doubles.discord_way import FREE, Way, discord_way
from tests.doubles.transcriber import ScriptedTranscriber

pytestmark = pytest.mark.real_time

TABLE = "| Fruit | Price |\n|---|---:|\n| Apple | 3 |\n| Pear | 12 |"
TEXT = f"Here is **what I found**:\n\n{TABLE}\n\n```python\nprint('`')\n```\n\nThat is *all*."
LONG = "\n\n".join(f"Paragraph {i}: " + "some words " * 20 for i in range(40))


def streamed(text: str, size: int = 7, pause: float = 0.01) -> list[Any]:
    """A script that streams a text in small tokens."""
    tokens = [text[at : at + size] for at in range(0, len(text), size)]
    return [each for token in tokens for each in (token, Pause(pause))]


def ask(way: Way, text: str = "What?") -> str:
    """Alice mentions the bot."""
    people = way.server.people
    return people.say(f"{people.mention} {text}")


async def test_an_answer_streams_within_discords_own_rates_and_is_verified() -> None:
    async with discord_server() as server:
        async with discord_way(server, *[streamed(TEXT)] * 3, calls=5) as way:
            for _ in range(3):
                ask(way)
            assert await way.verdicts(3) == ["verified"] * 3
        assert server.record.rate_limited == []
        assert server.record.writing() == []
        assert server.record.pinged() == []
        assert server.record.shown() == [parts.content(TEXT)] * 3


async def test_a_long_answer_goes_on_in_further_messages_and_is_verified(
    server: DiscordServer,
) -> None:
    async with discord_way(server, streamed(LONG, size=40, pause=0.001)) as way:
        ask(way)
        assert await way.verdicts(1) == ["verified"]
        shown = server.record.shown()
        assert len(shown) > 3
        assert all(units(text) <= parts.MOST for text in shown)
        assert "".join("".join(shown).split()) == "".join(LONG.split())
        assert server.record.writing() == []
        sent = server.record.messages(by_bot=True)
        targets = [m.reference and m.reference["message_id"] for m in sent]
        assert targets[0] not in [None, *(m.id for m in sent)]
        assert targets[1:] == [m.id for m in sent[:-1]]
        assert server.record.pinged() == []


async def test_a_receipt_holds_when_the_messages_are_read_back(server: DiscordServer) -> None:
    async with discord_way(server, streamed(f"{TEXT}\n\n{LONG}", 40, 0.001)) as way:
        ask(way)
        (row,) = await way.rows(1)
        receipt = await verify(row, way.store, way.connector)
        assert str(receipt.verdict) == "verified"


@pytest.mark.parametrize(
    "fault",
    [
        Fault(Refuse(502), "*", "/channels/*/messages*", times=2, skip=1),
        Fault(Reset(), "PATCH", "/channels/*", times=2, applied=True),
        Fault(Reset(), "POST", "/channels/*/messages", times=1, applied=True),
        Fault(Refuse(429, retry_after=0.3), "PATCH", "/channels/*", times=1, skip=1),
        Fault(Slow(0.4), "PATCH", "/channels/*", times=2),
    ],
    ids=["502", "lost edits", "lost post", "429", "slow"],
)
async def test_whatever_fails_on_the_way_the_answer_is_whole(
    server: DiscordServer, fault: Fault
) -> None:
    async with discord_way(server, streamed(TEXT)) as way:
        server.faults.waiting.append(fault)
        ask(way)
        assert await way.verdicts(1) == ["verified"]
        assert server.record.shown() == [parts.content(TEXT)]
        assert server.record.writing() == []


async def test_a_deleted_answer_stops_the_run(server: DiscordServer) -> None:
    async with discord_way(server, streamed(LONG)) as way:
        ask(way)
        await server.record.until(lambda: server.record.shown())
        server.people.delete(server.record.messages(by_bot=True)[0].id)
        (row,) = await way.rows(1)
        assert row.end is not None
        assert str(row.end.outcome) == "stopped"
        assert server.record.shown() == []


async def test_an_answer_to_a_command_is_verified(server: DiscordServer) -> None:
    async with discord_way(server, streamed(TEXT)) as way:
        await server.record.until(lambda: server.platform.commands[None])
        server.people.command("ask", {"question": "What is it?"})
        assert await way.verdicts(1) == ["verified"]
        assert server.record.shown() == [f"-# 💬 What is it?\n{parts.content(TEXT)}"]


async def test_a_command_whose_token_dies_on_the_way_is_answered_whole() -> None:
    limits = FREE.but(interaction_life=1.5)
    async with (
        discord_server(limits=limits) as server,
        discord_way(server, streamed(TEXT, pause=0.1)) as way,
    ):
        await server.record.until(lambda: server.platform.commands[None])
        server.people.command("ask", {"question": "What is it?"})
        assert await way.verdicts(1) == ["verified"]
        assert server.record.shown() == [f"-# 💬 What is it?\n{parts.content(TEXT)}"]


async def test_a_channel_of_a_lower_rate_is_kept_within_it() -> None:
    limits = Limits(channel_calls=3, channel_seconds=2.0)
    async with discord_server(limits=limits) as server:
        async with discord_way(server, *[streamed(TEXT)] * 2, calls=4, seconds=2.0) as way:
            for _ in range(2):
                ask(way)
            assert await way.verdicts(2) == ["verified"] * 2
        assert server.record.shown() == [parts.content(TEXT)] * 2
        # Of both answers one edit may be on its way when the first is refused.
        assert len(server.record.rate_limited) <= 2


PARAGRAPH = "这是**重要：**的一段中文文字，讲的是如何在不同的平台上完整地显示回答。"
CODE = "```python\nprint('你好，世界')  # 注释\n```"
TABLE = "| 名称 | 价格 |\n|---|--:|\n| 苹果 | 3 |\n| 梨 | 12 |"
CHINESE = "\n\n".join([*[PARAGRAPH * 3] * 40, CODE, TABLE, *[PARAGRAPH * 3] * 40])
"""An answer of some 9,000 characters."""


async def test_a_long_chinese_answer_with_code_and_a_table_is_whole_and_verified(
    server: DiscordServer,
) -> None:
    assert 8_900 < len(CHINESE) < 9_300
    async with discord_way(
        server, [CHINESE[at : at + 40] for at in range(0, len(CHINESE), 40)]
    ) as way:
        server.people.say(f"{server.people.mention} why?")
        assert await way.verdicts(1) == ["verified"]
        shown = way.answers
        lines = [line for each in shown for line in client.lines(each.content)]
        assert "".join("".join(lines).split()) == "".join("".join(plain(CHINESE)).split())
        assert all(units(each.content) <= parts.MOST for each in shown)
        assert [(each.reference or {}).get("message_id") for each in shown[1:]] == [
            each.id for each in shown[:-1]
        ]
        assert not server.record.pinged()


async def test_a_voice_message_is_heard_and_its_words_stand_before_the_answer(
    server: DiscordServer,
) -> None:
    listener = ScriptedTranscriber("Why is the sky blue?")
    request = RequestOptions("Be brief.", 20, None, transcriber=listener)
    async with discord_way(server, ["Because."], ["At night."], request=request) as way:
        server.people.speak(b"OggS and so on")
        assert await way.verdicts(1) == ["verified"]
        server.people.dm("And when not?")
        assert await way.verdicts(2) == ["verified"] * 2
    assert listener.given == [b"OggS and so on"]
    assert server.record.shown()[0] == "*Heard: Why is the sky blue?*\n\nBecause."
    texts = [turn.text for turn in way.provider.requests[1].turns]
    assert texts == ["Be brief.", "Why is the sky blue?", "Because.", "And when not?"]
