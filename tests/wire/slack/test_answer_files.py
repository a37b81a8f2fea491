"""Files of answers on Slack: uploaded, shared below the answer, read back, whatever goes wrong."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bot.reply import files
from connectors.slack import uploads
from providers.scripted import CallTool
from tests.doubles.painter import PNG, Painter, a_toolbox
from tests.doubles.slack import Limits, slack_server
from tests.doubles.slack.faults import Broken, Fault, Reset, Says, TooMany
from tests.doubles.slack_way import LIVELY, Way, slack_way

pytestmark = [pytest.mark.real_time, pytest.mark.sockets]

FIRST, SECOND = ["I paint.", CallTool("art__paint", {})], ["Here it is."]
URL, COMPLETE = "files.getUploadURLExternal", "files.completeUploadExternal"


@asynccontextmanager
async def painting(**faults: tuple[Fault | None, ...]) -> AsyncIterator[tuple[Way, Any]]:
    """A question that is answered with a file; faults by the last word of their method."""
    async with slack_server(limits=Limits().unmetered()) as slack:
        methods = {"url": URL, "complete": COMPLETE, "info": "files.info"}
        for name, each in faults.items():
            slack.fault(methods[name], *each)
        tools = a_toolbox(Painter())
        async with slack_way(slack, FIRST, SECOND, toolbox=tools, **LIVELY) as way:
            slack.say(f"{slack.mention} paint")
            [row] = await way.rows(1)
            yield way, row


def shared(way: Way) -> list[tuple[str, str, str]]:
    """The files that readers see: name, hash of the content, thread."""
    stored = way.slack.platform.files
    return [
        (
            str(file["name"]),
            hashlib.sha256(stored[str(file["id"])].content).hexdigest(),
            message.thread_ts,
        )
        for message in way.answers
        for file in message.files
    ]


async def test_a_tool_s_file_stands_in_the_thread_below_its_answer() -> None:
    async with painting() as (way, row):
        [(name, sha256, thread)] = shared(way)
        assert (name, sha256) == ("paint.png", hashlib.sha256(PNG).hexdigest())
        assert thread == row.start.question_id
        assert way.answers[-1].files
        [proof] = row.end.receipt["files"]
        assert proof["generated"] == proof["recorded"] == proof["shown"] == sha256
        assert row.end.verdict == "verified"
        calls = [call.method for call in way.slack.platform.calls if "Upload" in call.method]
        assert calls == [URL, COMPLETE]


@pytest.mark.parametrize(
    "faults",
    [
        {"url": (Broken(500),)},
        {"url": (Reset(after=True),)},
        {"url": (TooMany(1),)},
        {"complete": (Reset(after=True),)},
        {"complete": (Says("internal_error"),)},
        {"info": (Broken(502), Says("file_not_found"))},
    ],
    ids=str,
)
async def test_what_passes_doubles_nothing(faults: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "LOST_S", 0.1)
    async with painting(**faults) as (way, row):
        assert len(shared(way)) == 1
        assert row.end.verdict == "verified"


@pytest.mark.parametrize(
    ("faults", "why"),
    [
        ({"url": (Says("file_uploads_disabled"),) * 3}, "it was refused here"),
        ({"url": (Says("file_upload_size_restricted"),)}, "it is larger than can be sent here"),
        ({"url": (Says("missing_scope", {"needed": "files:write"}),) * 3}, "it was refused here"),
    ],
    ids=["disabled", "size", "scope"],
)
async def test_what_slack_refuses_is_told(
    faults: Any, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        files, "pause_after", lambda _e, _tries, refusals: 0 if refusals < 3 else None
    )
    async with painting(**faults) as (way, row):
        assert shared(way) == []
        assert f"Not shown: the file paint.png: {why}" in way.shown[-1]
        assert row.end.outcome == "complete"
        assert row.end.verdict == "broken"


async def test_what_slack_hands_out_otherwise_is_found_out() -> None:
    async with slack_server(limits=Limits().unmetered()) as slack:
        slack.platform.strips_files = True
        async with slack_way(slack, FIRST, SECOND, toolbox=a_toolbox(Painter()), **LIVELY) as way:
            slack.say(f"{slack.mention} paint")
            assert await way.verdicts(1) == ["broken"]


async def test_the_next_question_is_answered_as_if_there_were_no_file() -> None:
    async with painting() as (way, row):
        thread = row.start.question_id
        way.slack.say(f"{way.slack.mention} thanks", thread_ts=thread)
        await way.rows(2)
        assert way.provider.requests[-1].turns[-1].images == ()
        assert "shown to the reader as a file" in way.provider.requests[-1].turns[-2].text
