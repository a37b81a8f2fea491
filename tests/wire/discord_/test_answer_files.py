"""Files of answers on Discord: attached to the last message, read back, whatever goes wrong."""

from __future__ import annotations

from typing import Any

import pytest

from bot.reply import files
from providers.scripted import CallTool
from tests.doubles.discord import DiscordServer, Fault, Permission, Refuse, Reset
from tests.doubles.discord_way import Way, discord_way
from tests.doubles.painter import PNG, Painter, a_toolbox, image

pytestmark = [pytest.mark.real_time, pytest.mark.sockets]

FIRST, SECOND = ["I paint.", CallTool("art__paint", {})], ["Here they are."]
EDIT = ("PATCH", "/channels/*/messages/*")


async def painted(server: DiscordServer, *blocks: Any, fault: Fault | None = None) -> Any:
    """An answer with files; `fault` strikes the edits that attach them."""
    tools = a_toolbox(Painter(blocks or None))
    async with discord_way(server, FIRST, SECOND, toolbox=tools) as way:
        if fault is not None:
            server.faults.waiting.append(fault)
        server.people.say(f"{server.people.mention} paint")
        [row] = await way.rows(1)
        return row, way.shown, attached(way)


def attached(way: Way) -> list[tuple[int, bytes]]:
    """The files that readers see: with which message, and their content."""
    return [
        (at - len(way.answers), each.data)
        for at, message in enumerate(way.answers)
        for each in message.now.attachments
    ]


async def test_files_are_attached_to_the_last_message_and_stay_when_it_is_edited(
    server: DiscordServer,
) -> None:
    row, _, seen = await painted(server, image(), image(PNG + b"2"))
    assert seen == [(-1, PNG), (-1, PNG + b"2")]
    assert row.end.verdict == "verified"
    assert [proof["state"] for proof in row.end.receipt["files"]] == ["shown", "shown"]


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("outcome", [Reset(), Refuse(502), Refuse(429, retry_after=0.2)], ids=str)
async def test_what_passes_doubles_nothing(
    server: DiscordServer, outcome: Any, applied: bool
) -> None:
    skip = 1  # the edits before are those of the text
    row, _, seen = await painted(server, fault=Fault(outcome, *EDIT, skip=skip, applied=applied))
    assert seen == [(-1, PNG)]
    assert row.end.verdict == "verified"


async def test_what_is_too_large_for_the_place_is_told_and_not_sent(server: DiscordServer) -> None:
    row, shown, seen = await painted(server, image(b"x" * (10 * 1024 * 1024 + 1)))
    assert seen == []
    assert "it is larger than can be sent here" in shown[-1]
    assert row.end.verdict == "broken"


async def test_without_the_permission_the_reader_is_told(
    server: DiscordServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        files, "pause_after", lambda _e, _tries, refusals: 0 if refusals < 3 else None
    )
    for channel in server.platform.channels.values():
        channel.denied |= Permission.ATTACH_FILES
    row, shown, seen = await painted(server)
    assert seen == []
    assert "Not shown: the file paint.png: it was refused here" in shown[-1]
    assert row.end.outcome == "complete"
