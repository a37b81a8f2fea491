"""The JSON of messages, events and interactions, in the samples of `tests/doubles/payloads`."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tests.doubles.slack.platform import Platform
from tests.doubles.slack.records import Message
from tests.doubles.slack.workspaces import APP, Channel, User, Workspace

SAMPLES = Path(__file__).parents[1] / "payloads" / "slack"

Json = dict[str, Any]


@cache
def _read(name: str) -> Json:
    return dict(json.loads((SAMPLES / f"{name}.json").read_text()))


def sample(name: str) -> Json:
    """A payload as Slack documents it; yours to change."""
    return copy.deepcopy(_read(name))


def callback(platform: Platform, workspace: Workspace, name: str, event: Mapping[str, Any]) -> Json:
    """An event in its envelope; what `event` doesn't say is as in the sample."""
    body = sample(name)
    body["event"] |= event
    body["event_id"] = platform.new_id("Ev")
    body["event_time"] = int(time.time())
    body["team_id"] = body["context_team_id"] = workspace.id
    body["authorizations"][0] |= {"team_id": workspace.id, "user_id": workspace.bot_user}
    return body


def message(platform: Platform, each: Message, *, metadata: bool = False) -> Json:
    """A message as history and the answers of the Web API have it."""
    workspace = platform.workspaces[each.workspace]
    if each.tombstone:
        return _tombstone(platform, each)
    made: Json = {
        "type": "message",
        "user": each.user,
        "ts": each.ts,
        "text": each.now.text,
        "team": each.user_team or workspace.id,
        "blocks": platform.returned(each.now),
    }
    made |= _author(workspace, each)
    if each.subtype:
        made["subtype"] = each.subtype
    if each.files:
        made |= {"files": [dict(file) for file in each.files], "upload": False}
        made["display_as_bot"] = False
    if each.edited:
        made["edited"] = dict(each.edited)
    if metadata and each.now.metadata:
        made["metadata"] = dict(each.now.metadata)
    return made | _thread(platform, each)


def _author(workspace: Workspace, each: Message) -> Json:
    if each.by_bot:
        profile = bot(workspace) | {"team_id": workspace.id}
        return {"bot_id": workspace.bot_id, "app_id": APP, "bot_profile": profile}
    made: Json = {"client_msg_id": f"00000000-0000-4000-8000-{each.ts.replace('.', '')[-12:]}"}
    if each.user_team:
        made |= {"user_team": each.user_team, "source_team": each.user_team}
        made["user_profile"] = sample("shared_channel_message")["event"]["user_profile"]
    return made


def _thread(platform: Platform, each: Message) -> Json:
    if each.is_reply:
        root = platform.messages.get(each.thread_ts)
        parent = {"parent_user_id": root.user} if root else {}
        return {"thread_ts": each.thread_ts} | parent
    replies = platform.replies(each)
    if not replies:
        return {"thread_ts": each.thread_ts} if each.thread_ts else {}
    authors = list(dict.fromkeys(reply.user for reply in replies))
    return {
        "thread_ts": each.ts,
        "reply_count": len(replies),
        "reply_users_count": len(authors),
        "latest_reply": replies[-1].ts,
        "reply_users": authors,
        "is_locked": False,
        "subscribed": False,
    }


def _tombstone(platform: Platform, each: Message) -> Json:
    made: Json = sample("tombstone")["event"]["message"]
    return made | {"ts": each.ts} | _thread(platform, each)


def bot(workspace: Workspace) -> Json:
    """A bot as bots.info has it, and bot_profile."""
    made: Json = sample("bot_message")["event"]["bot_profile"]
    made.pop("team_id")
    return made | {"id": workspace.bot_id, "user_id": workspace.bot_user}


def user(workspace: Workspace, each: User) -> Json:
    """A person as users.info has them."""
    name = each.name.lower()
    profile = {"real_name": each.name, "display_name": each.name, "team": each.team}
    return {
        "id": each.id,
        "team_id": each.team,
        "name": name,
        "deleted": False,
        "real_name": each.name,
        "tz": "Europe/Berlin",
        "tz_label": "Central European Time",
        "tz_offset": 3600,
        "profile": profile,
        "is_admin": each.admin,
        "is_owner": False,
        "is_primary_owner": False,
        "is_restricted": False,
        "is_ultra_restricted": False,
        "is_bot": each.bot,
        "is_app_user": False,
        "is_stranger": each.team != workspace.id,
        "updated": 1790000000,
    }


def channel(workspace: Workspace, each: Channel) -> Json:
    """A conversation as conversations.info has it."""
    made: Json = {
        "id": each.id,
        "created": 1790000000,
        "is_im": bool(each.user),
        "is_archived": False,
        "is_org_shared": False,
        "context_team_id": workspace.id,
        "updated": 1790000000000,
    }
    if each.user:
        return made | {"user": each.user, "is_open": True}
    return made | {
        "name": each.name,
        "name_normalized": each.name,
        "is_channel": not each.private,
        "is_group": each.private,
        "is_mpim": False,
        "is_private": each.private,
        "is_member": True,
        "is_general": each.name == "general",
        "is_shared": each.shared,
        "is_ext_shared": each.shared,
        "creator": next(id_ for id_, each in workspace.users.items() if not each.bot),
        "topic": {"value": "", "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
    }


def acting(workspace: Workspace, each: User) -> Json:
    """The person and the workspace of an interaction."""
    name = each.name.lower()
    return {
        "user": {"id": each.id, "username": name, "name": name, "team_id": each.team},
        "team": {"id": workspace.id, "domain": workspace.name.lower().replace(" ", "-")},
    }
