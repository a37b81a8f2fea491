"""A double of Slack on loopback: Web API, Socket Mode, signed HTTP events, people and faults.

In a test, `async with slack_server() as slack`: the bot's SLACK_API_URL is `slack.url`, its tokens
are `slack.bot_token` and `slack.app_token`; `slack.ask("…")` and the like act for people,
`slack.fault(method, Reset())` breaks the next call, `slack.messages()` tells what is shown.
As a process of its own: `python -m tests.doubles.slack --port 0`, driven over `/_control/…`.
"""

from tests.doubles.slack.faults import Broken, Held, Reset, Says, Slow, TooMany
from tests.doubles.slack.limits import Limits, Rate
from tests.doubles.slack.markdown import Reading, translate
from tests.doubles.slack.people import Acted, Upload
from tests.doubles.slack.records import Call, Message, Ping, Refusal, Version
from tests.doubles.slack.server import Slack, slack_server
from tests.doubles.slack.shapes import sample
from tests.doubles.slack.workspaces import (
    ALICE,
    APP_TOKEN,
    BOB,
    CAROL,
    CLIENT_ID,
    CLIENT_SECRET,
    GENERAL,
    SHARED,
    SIGNING_SECRET,
    Workspace,
)

__all__ = [
    "ALICE",
    "APP_TOKEN",
    "BOB",
    "CAROL",
    "CLIENT_ID",
    "CLIENT_SECRET",
    "GENERAL",
    "SHARED",
    "SIGNING_SECRET",
    "Acted",
    "Broken",
    "Call",
    "Held",
    "Limits",
    "Message",
    "Ping",
    "Rate",
    "Reading",
    "Refusal",
    "Reset",
    "Says",
    "Slack",
    "Slow",
    "TooMany",
    "Upload",
    "Version",
    "Workspace",
    "sample",
    "slack_server",
    "translate",
]
