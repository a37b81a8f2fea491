"""Everything at once, and each of Discord's errors to its end."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from connectors.discord import parts as markup
from connectors.discord.dialect import units
from providers.scripted import Pause
from tests.doubles.discord import DiscordServer, Refuse, Reset
from tests.doubles.discord_way import discord_way
from tests.doubles.texts import everything

pytestmark = pytest.mark.real_time


async def test_thirty_thousand_characters_of_everything_arrive_whole_and_each_part_is_sound(
    server: DiscordServer,
) -> None:
    text = everything(30_000)
    tokens = [text[at : at + 60] for at in range(0, len(text), 60)]
    async with discord_way(server, tokens) as way:
        server.people.say(f"{server.people.mention} Everything?")
        (row,) = await way.rows(1)
    assert row.end is not None
    assert row.end.generated_text == text
    assert (row.end.outcome, row.end.verdict) == ("complete", "verified"), row.end.receipt
    parts = server.record.shown()
    assert len(parts) >= 15
    assert all(units(part) <= markup.MOST for part in parts)
    assert all(part.count("```") % 2 == 0 or "'```'" in part for part in parts)
    assert all(MarkdownIt().render(part) for part in parts)
    assert server.record.writing() == []
    assert server.record.pinged() == []


EDIT, POST = "PATCH", "POST"
FOR_EVER = None
ENDINGS = [
    (EDIT, Refuse(404, 10008), 1, "complete"),
    (EDIT, Refuse(429, 30046, retry_after=0.1), 1, "complete"),
    (EDIT, Refuse(403, 50001), FOR_EVER, "complete"),
    (EDIT, Refuse(400, 50035), FOR_EVER, "complete"),
    (EDIT, Refuse(500), 2, "complete"),
    (EDIT, Refuse(429, retry_after=0.2), 2, "complete"),
    (POST, Refuse(404, 10003), FOR_EVER, "undeliverable"),
    (POST, Refuse(403, 50001), FOR_EVER, "undeliverable"),
    (POST, Refuse(403, 50013), FOR_EVER, "undeliverable"),
    (POST, Refuse(503), 2, "complete"),
]


@pytest.mark.parametrize(
    ("method", "error", "times", "outcome"),
    ENDINGS,
    ids=[f"{method} {error.status} {error.code}" for method, error, *_ in ENDINGS],
)
async def test_each_error_has_its_ending(
    server: DiscordServer, method: str, error: Refuse, times: int | None, outcome: str
) -> None:
    server.faults.add(error, method, "/channels/*/messages*", times=times)
    script = ["The answer ", Pause(0.5), "goes on ", Pause(0.5), "to its end."]
    async with discord_way(server, script) as way:
        server.people.say(f"{server.people.mention} Why?")
        (row,) = await way.rows(1)
    assert row.end is not None
    assert row.end.outcome == outcome
    if outcome == "complete":
        assert row.end.verdict == "verified"
        assert times is FOR_EVER or server.record.writing() == []


@pytest.mark.parametrize(
    ("lost", "script"),
    [
        ("PATCH", ["Some **bold words ", Pause(0.5), "go on **and on ", Pause(0.5), "and more"]),
        ("POST", ["Some words ", Pause(0.5), "go on and on ", Pause(0.5), "and more"]),
    ],
)
async def test_a_refused_edit_after_a_lost_call_doubles_nothing_and_leaves_no_stop(
    server: DiscordServer, lost: str, script: list[object]
) -> None:
    server.faults.add(Reset(), lost, "/channels/*/messages*", applied=True)
    server.faults.add(Refuse(429, 30046, retry_after=0.1), "PATCH", "/channels/*")
    async with discord_way(server, script) as way:
        server.people.say(f"{server.people.mention} Why?")
        assert await way.verdicts(1) == ["verified"]
    assert server.record.writing() == []
