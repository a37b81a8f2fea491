"""Tool calls on a run's page: in their place, with who decided, and harmless whatever they say."""

from __future__ import annotations

import json

import pytest

from bot.inspector import Story, one_file, tell
from bot.inspector.views import as_json, as_markdown
from bot.tools import ServerConfig
from connectors.base import Control
from providers.scripted import CallTool
from tests.doubles.way import Way
from tests.unit.tools.test_approvals import a_waiting_way, press
from tests.unit.tools.test_loop import Clock

HOSTILE = "</svg><script>alert(1)</script>\u202e"
CONFIG = ServerConfig("clock", command="clock", tools=("now", "set"), trust=True)
SCRIPT = (
    ["Let me look.", CallTool("clock__now")],
    ["Wait.", CallTool("clock__set", {"to": HOSTILE})],
    ["It is set."],
)


async def stories(way: Way) -> list[Story]:
    """Of all runs, the oldest first."""
    rows = await way.store.runs.recent(10)
    return [await tell(row, way.store) for row in reversed(rows)]


async def allowed(way: Way) -> tuple[Story, Story]:
    """The run that waited, and the one that went on."""
    assert await press(way, Control.ALLOW)
    await way.until(lambda: "It is set." in way.shown[-1])
    await way.runs.idle(60)
    waited, went_on = await stories(way)
    return waited, went_on


async def test_a_call_stands_in_the_run_that_asked_and_in_the_one_that_sent_it() -> None:
    async with a_waiting_way(*SCRIPT, clock=Clock(), config=CONFIG) as way:
        waited, went_on = await allowed(way)
        assert [call.row.asked.tool for call in waited.calls] == ["now", "set"]
        assert [call.elsewhere for call in waited.calls] == [None, went_on.run_id]
        [sent] = went_on.calls
        assert (sent.elsewhere, sent.asked_here) == (waited.run_id, False)
        assert waited.goes_on == went_on.run_id
        assert went_on.goes_on is None
        assert "allowed by" in one_file(waited)
        for story, other in ((waited, went_on), (went_on, waited)):
            assert str(other.run_id) in one_file(story)


async def test_calls_have_bars_on_the_pictures_time_axis() -> None:
    async with a_waiting_way(*SCRIPT, clock=Clock(), config=CONFIG) as way:
        waited, _ = await allowed(way)
        page = one_file(waited)
        assert page.count('call-bar"') == 4  # two calls, on a wide and a narrow screen
        assert "2 tool calls" in page
        chained = json.loads(as_json(waited))["chain"]
        assert [step["name"] for step in chained].count("Tool call") == 2


async def test_a_denied_call_says_by_whom() -> None:
    async with a_waiting_way(clock=Clock()) as way:
        assert await press(way, Control.DENY)
        await way.runs.idle(60)
        waited = (await stories(way))[0]
        [call] = waited.calls
        assert (call.row.state, call.took_us) == ("denied", None)
        assert call.waited_us is not None
        assert "denied by" in one_file(waited)


async def test_what_a_call_says_is_text_everywhere() -> None:
    async with a_waiting_way(*SCRIPT, clock=Clock(), config=CONFIG) as way:
        waited, went_on = await allowed(way)
        for story in (waited, went_on):
            page = one_file(story)
            assert "<script>alert" not in page
            assert "\u202e" not in page + as_markdown(story) + as_json(story)


@pytest.mark.parametrize("which", [0, 1])
async def test_once_the_texts_are_deleted_the_calls_stay(which: int) -> None:
    async with a_waiting_way(*SCRIPT, clock=Clock(), config=CONFIG) as way:
        await allowed(way)
        await way.store.retention.delete_before(10**17, now_us=10**17)
        story = (await stories(way))[which]
        assert story.calls
        assert "alert(1)" not in one_file(story)


async def test_a_run_without_calls_has_no_lane_for_them() -> None:
    async with a_waiting_way(clock=Clock()) as way:
        [story] = await stories(way)
        assert ">tools<" in one_file(story)
        bare = Story(story.row, story.tokens, story.edits, story.messages, None)
        assert ">tools<" not in one_file(bare)
