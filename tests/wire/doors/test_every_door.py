"""No door can be added without a walk through it: the doors are counted from the code."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from starlette.routing import Mount, Route, WebSocketRoute

from connectors import base
from connectors.discord import commands
from connectors.discord.commands import DiscordCommands
from connectors.discord.gateway import HEARD
from connectors.slack import events as slack_gate
from connectors.slack.commands import ASK_ABOUT, MODAL
from connectors.web import WebConnector, protocol
from connectors.web.messages import COMMANDS
from tests.wire.doors.walks import DISCORD, PAGE, SLACK, table

ROOT = Path(__file__).parents[3]
EVENTS = {kind.__name__ for kind in get_args(base.Event)}


def made(folder: str) -> Counter[tuple[str, str]]:
    """Where a connector makes an event for the bot: by module and kind of event."""
    found: Counter[tuple[str, str]] = Counter()
    for path in sorted((ROOT / "connectors" / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            name = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
            if name in EVENTS:
                found[path.stem, name] += 1
    return found


# Each place that makes an event, and the walks that pass through it. Of a deletion nobody is known.
MADE = {
    "slack": {
        ("commands", "Commanded"): {
            "/everytoken new",
            "/everytoken stop",
            "/everytoken tools off",
            "/everytoken tools on",
        },
        ("configuring", "Configured"): {
            "/everytoken settings",
            "/everytoken settings model=x",
            "/everytoken pause",
            "/everytoken resume",
        },
        ("questions", "Asked"): {
            "mention",
            "follow-up in a thread",
            "direct message",
            "/everytoken ask",
            "modal",
        },
        ("questions", "Edited"): {"edit"},
        ("questions", "Pressed"): {f"press: {control}" for control in base.Control},
        ("questions", "Commanded"): {"Slack's own stop"},
        ("questions", "Deleted"): set(),
        ("streams", "Pressed"): {"Slack's own stop"},
    },
    "discord": {
        ("commands", "Asked"): {"/ask", "form"},
        ("commands", "Commanded"): {"/new", "/stop", "/retry", "/tools"},
        ("configuring", "Configured"): {"/settings", "/pause", "/resume"},
        ("questions", "Asked"): {"mention", "follow-up in a thread", "direct message"},
        ("questions", "Edited"): {"edit"},
        ("questions", "Pressed"): {f"press: {control}" for control in base.Control},
        ("events", "Deleted"): set(),
    },
    "web": {
        ("desk", "Asked"): {"ask"},
        ("desk", "Commanded"): {"/new", "/stop", "/tools off", "/tools on"},
        ("desk", "Pressed"): {f"press: {control}" for control in base.Control},
        ("desk", "Deleted"): set(),
        ("settings_panel", "Configured"): {"look at the settings", "change the settings"},
    },
}
WALKS = {"slack": SLACK, "discord": DISCORD, "web": PAGE}


@pytest.mark.parametrize("folder", MADE)
def test_each_place_that_makes_an_event_is_walked(folder: str) -> None:
    assert set(made(folder)) == set(MADE[folder])
    walked = set().union(*MADE[folder].values())
    assert walked <= WALKS[folder].keys()


def cases(source: str, function: str) -> Iterator[str]:
    """The texts that a function's `match` knows."""
    tree = ast.parse(source)
    found = next(
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == function
    )
    for node in ast.walk(found):
        if isinstance(node, ast.MatchValue) and isinstance(node.value, ast.Constant):
            yield str(node.value.value)


def source(*path: str) -> str:
    """A module of the connectors."""
    return (ROOT / "connectors" / Path(*path)).read_text()


def test_every_kind_of_payload_of_slack_s_is_known_here() -> None:
    kinds = ast.parse(source("slack", "events.py"))
    handled = {
        key.value
        for node in ast.walk(kinds)
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant)
    }
    assert handled == {
        "event_callback", "block_actions", "message_action", "view_submission", ""
    }  # fmt: skip
    events = set(cases(source("slack", "events.py"), "_event"))
    assert events == {
        "assistant_thread_started", "app_home_opened", "app_uninstalled", "tokens_revoked",
        "message", "app_mention", "agent_session_stopped",
    }  # fmt: skip
    words = set(cases(source("slack", "commands.py"), "answer"))
    assert {f"/everytoken {word or 'help'}" for word in words} <= SLACK.keys()
    assert {ASK_ABOUT, MODAL} == {"everytoken_ask_about", "everytoken_question"}
    assert slack_gate.__doc__


def test_every_event_and_command_of_discord_s_is_known_here() -> None:
    assert set(HEARD) == {
        "MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE", "MESSAGE_DELETE_BULK",
        "INTERACTION_CREATE",
    }  # fmt: skip
    assert {DiscordCommands.COMMAND, DiscordCommands.PRESS, DiscordCommands.FORM} == {2, 3, 5}
    named = {
        each["name"] if each["name"] == commands.Command.ABOUT else f"/{each['name']}"
        for each in commands.COMMANDS
    }
    assert named <= DISCORD.keys()


def test_every_request_and_route_of_the_page_is_known_here() -> None:
    doors = {
        "Open": {"open"}, "Ask": {"ask", *COMMANDS}, "Delete": {"delete an answer"},
        "Clear": {"clear"},
        "Press": {f"press: {control}" for control in base.Control},
    }  # fmt: skip
    assert {kind.__name__ for kind in get_args(protocol.Request)} == doors.keys()
    assert set().union(*doors.values()) <= PAGE.keys()
    routes = WebConnector(None, about="").routes()  # type: ignore[arg-type]  # nothing is asked of it
    changing = {
        route.path
        for route in routes
        if isinstance(route, WebSocketRoute)
        or (isinstance(route, Route) and "POST" in (route.methods or ()))
    }
    walked = {"/ws", "/files/{conversation}", "/settings/{conversation}"}
    assert walked <= changing
    # The way in and out is nobody's question: see tests/web/test_login.py.
    assert changing - walked <= {"/login", "/logout"}
    assert all(isinstance(route, Route | Mount | WebSocketRoute) for route in routes)


def test_one_gate_decides_on_every_event_of_every_connector() -> None:
    """What a connector hands over reaches `_handle` by `_admit` alone."""
    tree = ast.parse((ROOT / "bot" / "intake" / "intake.py").read_text())
    calls = [
        (function.name, node.func.attr)
        for function in ast.walk(tree)
        if isinstance(function, ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    assert [by for by, called in calls if called == "_handle"] == ["_admit"]
    assert [by for by, called in calls if called == "_admit"] == ["_take"]


def test_the_page_on_security_shows_what_the_walks_found() -> None:
    page = (ROOT / "docs" / "security.md").read_text()
    assert table() in page, "python -m tests.wire.doors prints the table"
