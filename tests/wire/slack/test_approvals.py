"""Allow and Deny on Slack: the buttons, the session's state, and the answer that goes on below."""

from __future__ import annotations

import pytest

from connectors.base import Control
from providers.scripted import CallTool
from tests.doubles.slack import BOB, Slack
from tests.doubles.slack_way import LIVELY, slack_way
from tests.doubles.slow_clock import SlowClock, a_toolbox

pytestmark = pytest.mark.real_time

SCRIPTS = (["Wait. ", CallTool("clock__set", {"to": "noon"})], ["It is set."])


@pytest.mark.parametrize("streaming", ["edit", "auto"])
async def test_what_is_allowed_goes_on_below(slack: Slack, streaming: str) -> None:
    clock = SlowClock()
    toolbox = a_toolbox(clock)
    async with slack_way(slack, *SCRIPTS, toolbox=toolbox, streaming=streaming, **LIVELY) as the:
        slack.ask("Set it.", channel=slack.dm())
        rows = await the.rows(1)
        assert rows[0].end is not None
        assert (rows[0].end.outcome, rows[0].end.verdict) == ("waiting", "verified")
        assert "May I use clock: set (to: noon)?" in the.shown[0]
        assert slack.writing() == []
        slack.press(the.answers[0].ts, Control.ALLOW, user=BOB)
        slack.press(the.answers[0].ts, Control.ALLOW)
        slack.press(the.answers[0].ts, Control.ALLOW)
        assert await the.verdicts(2) == ["verified", "verified"]
        await the.until(lambda: "Allowed: set." in the.shown[0])
        assert "It is set." in the.shown[-1]
        assert clock.made == 1


async def test_what_is_denied_is_not_done(slack: Slack) -> None:
    clock = SlowClock()
    async with slack_way(slack, *SCRIPTS, toolbox=a_toolbox(clock), **LIVELY) as the:
        slack.ask("Set it.")
        await the.rows(1)
        slack.press(the.answers[0].ts, Control.DENY)
        await the.rows(2)
        await the.until(lambda: "Not allowed: set." in the.shown[0])
        assert clock.made == 0
