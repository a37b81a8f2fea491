"""What a reader sees on Discord where Discord says no: all of it, or a word about it."""

from __future__ import annotations

import pytest

from connectors.discord.parts import parsed
from providers.scripted import Pause
from tests.doubles.discord import DiscordServer, Message, Refuse
from tests.doubles.discord_way import Way, discord_way

pytestmark = pytest.mark.real_time

CUT = "The rest of the answer can't be shown."
THERE = "/channels/*/messages*"
SCRIPT = [
    *(step for n in range(4) for step in (f"Some words of part {n}. ", Pause(0.3))),
    "The end.",
]
LONG = ["".join(f"Word {n} of many. " for n in range(60)), Pause(0.5)] * 4
WHOLE = ("complete", "verified")


async def outcome(way: Way) -> tuple[str, str]:
    (row,) = await way.rows(1)
    assert row.end is not None
    return row.end.outcome, str(row.end.verdict)


def controls(message: Message) -> set[str]:
    """What can be pressed under a message."""
    return {
        str(named[0])
        for row in message.now.components
        for button in row["components"]
        if (named := parsed(str(button.get("custom_id", ""))))
    }


def asked(server: DiscordServer) -> None:
    server.people.say(f"{server.people.mention} Why?")


async def test_a_message_that_is_said_to_be_gone_and_stands_is_edited_on(
    server: DiscordServer,
) -> None:
    server.faults.add(Refuse(404, 10008), "PATCH", THERE)
    async with discord_way(server, SCRIPT) as way:
        asked(server)
        assert await outcome(way) == WHOLE
        assert len(way.answers) == 1


@pytest.mark.parametrize(
    "error", [Refuse(400, 50035), Refuse(403, 50005), Refuse(413), Refuse(400, 99_999)]
)
@pytest.mark.parametrize("times", [1, 2])
async def test_an_edit_that_is_refused_leaves_the_rest_for_a_new_message(
    server: DiscordServer, error: Refuse, times: int
) -> None:
    server.faults.add(error, "PATCH", THERE, times=times)
    async with discord_way(server, SCRIPT) as way:
        asked(server)
        assert await outcome(way) == WHOLE
        assert all(f"part {n}." in "".join(way.shown) for n in range(4))
    assert server.record.writing() == []


@pytest.mark.parametrize("error", [Refuse(400, 50035), Refuse(400, 200000), Refuse(413)])
@pytest.mark.parametrize("times", [1, 2])
async def test_a_first_post_that_is_refused_comes_otherwise(
    server: DiscordServer, error: Refuse, times: int
) -> None:
    server.faults.add(error, "POST", THERE, times=times)
    async with discord_way(server, LONG) as way:
        asked(server)
        assert await outcome(way) == WHOLE
        assert "".join(way.shown).count("Word 59 of many.") == 4
    assert server.record.writing() == []


async def test_where_no_second_message_is_taken_the_first_says_so_once(
    server: DiscordServer,
) -> None:
    server.faults.add(Refuse(403, 50013), "POST", THERE, times=None, skip=1)
    async with discord_way(server, LONG * 2) as way:
        asked(server)
        assert (await outcome(way))[0] == "undeliverable"
        (answer,) = way.answers
        assert answer.content.count(CUT) == 1
        assert "retry" in controls(answer)
        said = [
            call for call in server.record.calls if call.method == "PATCH" and CUT in str(call.body)
        ]
    assert len(said) == 1
    assert server.record.writing() == []


@pytest.mark.parametrize("code", [200000, 200001, 240000])
async def test_words_that_are_refused_leave_a_note_and_retry_on_what_stands(
    server: DiscordServer, code: int
) -> None:
    server.faults.add(Refuse(400, code), "PATCH", THERE, times=1)
    server.faults.add(Refuse(400, code), "POST", THERE, times=None, skip=1)
    async with discord_way(server, SCRIPT) as way:
        asked(server)
        assert (await outcome(way))[0] == "undeliverable"
        (answer,) = way.answers
        assert answer.content.endswith(f"*{CUT}*")
        assert "retry" in controls(answer)
    assert server.record.writing() == []


@pytest.mark.parametrize("error", [Refuse(403, 50013), Refuse(400, 200000), Refuse(403, 160005)])
async def test_where_nothing_is_taken_the_asker_is_told_in_a_direct_message(
    server: DiscordServer, error: Refuse
) -> None:
    server.faults.add(error, "POST", THERE, times=2)
    async with discord_way(server, ["Hello."]) as way:
        asked(server)
        assert (await outcome(way))[0] == "undeliverable"
        (told,) = way.answers
    assert told.content == "The answer to your question can't be shown there: it was refused."


async def test_a_limit_on_one_message_ends_its_edits_and_no_others(server: DiscordServer) -> None:
    limited = Refuse(429, 20028, retry_after=1163.0, scope="shared")
    server.faults.add(limited, "PATCH", THERE, times=1)
    async with discord_way(server, SCRIPT, SCRIPT) as way:
        asked(server)
        asked(server)
        rows = await way.rows(2)
        assert [(row.end.outcome, row.end.verdict) for row in rows if row.end] == [WHOLE] * 2
    assert server.record.writing() == []
