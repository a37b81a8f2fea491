"""What the app's manifests ask for is what the code uses: no scope or event more, and none less."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from connectors.slack.commands import ASK_ABOUT
from connectors.slack.installations.oauth import REDIRECT
from connectors.slack.options import EVENTS, SCOPES
from tests.doubles.slack import workspaces

ROOT = Path(__file__).parents[3]
CODE = ROOT / "connectors" / "slack"
HTTP = "https://bot.example.com/slack/events"

# Slack's documentation of each method; None: any token will do.
SCOPES_OF = {
    "agents.sessions.rename": "chat:write",
    "agents.sessions.setStatus": "chat:write",
    "apps.connections.open": None,
    "assistant.threads.setStatus": "chat:write",
    "assistant.threads.setSuggestedPrompts": "assistant:write",
    "assistant.threads.setTitle": "assistant:write",
    "auth.test": None,
    "bots.info": "users:read",
    "chat.appendStream": "chat:write",
    "chat.delete": "chat:write",
    "chat.postEphemeral": "chat:write",
    "chat.postMessage": "chat:write",
    "chat.startStream": "chat:write",
    "chat.stopStream": "chat:write",
    "chat.update": "chat:write",
    "conversations.history": "im:history",
    "conversations.info": "channels:read",
    "conversations.replies": "im:history",
    "files.completeUploadExternal": "files:write",
    "files.getUploadURLExternal": "files:write",
    "files.info": "files:read",
    "oauth.v2.access": None,
    "users.info": "users:read",
    "views.open": None,
}
SCOPES_OF_EVENTS = {
    "app_mention": "app_mentions:read",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "message.mpim": "mpim:history",
}
LEGACY = {"assistant_thread_started"}
"""Heard by apps that are older than Slack's agents; a new app can't subscribe to it."""


def manifest(name: str = "manifest.json") -> dict[str, Any]:
    """A manifest as it is pasted."""
    loaded: dict[str, Any] = json.loads((ROOT / "slack" / name).read_text(encoding="utf-8"))
    return loaded


def methods_called() -> set[str]:
    """Every method of the Web API that the connector names."""
    families = "agents|apps|assistant|auth|bots|chat|conversations|files|oauth|users|views"
    named = re.compile(rf'"((?:{families})\.[A-Za-z0-9.]+)"')
    return {name for path in CODE.rglob("*.py") for name in named.findall(path.read_text())}


def events_handled() -> set[str]:
    """The types of events for which the gate has a case."""
    tree = ast.parse((CODE / "events.py").read_text())
    (handler,) = (
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.AsyncFunctionDef) and node.name == "_event"
    )
    values = [node.value for node in ast.walk(handler) if isinstance(node, ast.MatchValue)]
    return {str(value.value) for value in values if isinstance(value, ast.Constant)}


def test_the_manifest_asks_for_the_scopes_that_the_code_names() -> None:
    assert manifest()["oauth_config"]["scopes"]["bot"] == [scope.name for scope in SCOPES]


def test_every_scope_is_needed_and_every_need_has_its_scope() -> None:
    assert methods_called() == SCOPES_OF.keys()
    needed = {scope for scope in SCOPES_OF.values() if scope} | set(SCOPES_OF_EVENTS.values())
    assert {scope.name for scope in SCOPES} == needed | {"commands"}


def test_events_come_with_the_scope_that_names_them() -> None:
    named = {event: scope.name for scope in SCOPES for event in scope.events}
    assert named == SCOPES_OF_EVENTS


def test_the_manifest_subscribes_to_the_events_that_are_handled() -> None:
    subscribed = manifest()["settings"]["event_subscriptions"]["bot_events"]
    assert subscribed == sorted(EVENTS)
    assert {event.partition(".")[0] for event in subscribed} == events_handled() - LEGACY


def test_the_test_servers_token_has_every_scope() -> None:
    assert {scope.name for scope in SCOPES} <= set(workspaces.SCOPES)


def test_the_shortcut_and_the_command_are_those_that_are_answered() -> None:
    features = manifest()["features"]
    (shortcut,), (command,) = features["shortcuts"], features["slash_commands"]
    assert shortcut["callback_id"] == ASK_ABOUT
    assert command["command"] == "/everytoken"
    assert command["should_escape"], "mentions in a command's text come as ids"


def test_socket_mode_is_on_and_needs_no_address() -> None:
    settings = manifest()["settings"]
    assert settings["socket_mode_enabled"]
    assert settings["interactivity"] == {"is_enabled": True}
    assert "https://" not in json.dumps(manifest())


def test_tokens_do_not_expire() -> None:
    """They are not renewed."""
    assert manifest()["settings"]["token_rotation_enabled"] is False


def test_people_can_write_to_the_bot() -> None:
    home = manifest()["features"]["app_home"]
    assert home["messages_tab_enabled"]
    assert not home["messages_tab_read_only_enabled"]


def test_the_manifest_for_http_differs_in_addresses_only() -> None:
    other = manifest("manifest.http.json")
    assert other["settings"].pop("socket_mode_enabled") is False
    assert other["settings"]["event_subscriptions"].pop("request_url") == HTTP
    assert other["settings"]["interactivity"].pop("request_url") == HTTP
    assert other["features"]["slash_commands"][0].pop("url") == HTTP
    (redirect,) = other["oauth_config"].pop("redirect_urls")
    assert redirect == f"https://bot.example.com{REDIRECT}"
    first = manifest()
    del first["settings"]["socket_mode_enabled"]
    assert other == first


@pytest.mark.parametrize("name", ["manifest.json", "manifest.http.json"])
def test_a_manifest_keeps_slacks_limits(name: str) -> None:
    """Those of the published schema, and the agent's description of 300 characters."""
    made = manifest(name)
    features = made["features"]
    assert made.keys() == {"display_information", "features", "oauth_config", "settings"}
    assert len(made["display_information"]["name"]) <= 35
    assert len(made["display_information"]["description"]) <= 140
    assert "assistant_view" not in features, "Slack takes it from no new app"
    assert 0 < len(features["agent_view"]["agent_description"]) <= 300
    assert len(features["bot_user"]["display_name"]) <= 80
    for shortcut in features["shortcuts"]:
        assert shortcut.keys() == {"name", "type", "callback_id", "description"}
        assert len(shortcut["name"]) <= 24
        assert len(shortcut["description"]) <= 150
    for command in features["slash_commands"]:
        assert len(command["description"]) <= 2000
        assert len(command["usage_hint"]) <= 1000
