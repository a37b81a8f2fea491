"""chat.*: posting, updating, deleting."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.servers.slack import mrkdwn, shapes
from tests.servers.slack.records import Message, Version
from tests.servers.slack.web_api.method import ApiError, Json, Request, method
from tests.servers.slack.web_api.sizes import check_content, check_markdown, check_metadata

_TS = re.compile(r"\d{10}\.\d{6}")


@method("chat.postMessage", "chat:write")
def post_message(request: Request) -> Json:
    """Posts as the bot; the answer has the message as it is shown."""
    channel, thread = request.channel(), _thread(request)
    version = _content(request, request.platform.limits.post_text)
    board = request.board
    message = board.post(
        request.workspace, channel.id, request.workspace.bot_user, version, thread_ts=thread
    )
    board.events.posted(message)
    return _answer(request, message)


@method("chat.postEphemeral", "chat:write")
def post_ephemeral(request: Request) -> Json:
    """Shows something to one person, out of the history."""
    channel, user = request.channel(), request.required("user")
    if user not in request.workspace.users:
        raise ApiError("user_not_in_channel")
    version = _content(request, request.platform.limits.post_text)
    message = request.board.post(
        request.workspace,
        channel.id,
        request.workspace.bot_user,
        version,
        thread_ts=_thread(request),
        to=user,
    )
    return {"message_ts": message.ts}


@method("chat.update", "chat:write")
def update(request: Request) -> Json:
    """Replaces what a message of the bot's shows; with a text alone it is marked as edited."""
    message = request.own_message("cant_update_message")
    if message.stream and message.stream.live:
        raise ApiError("streaming_state_conflict")
    version = _replacing(request, message)
    rich = request.args.get("blocks") or request.args.get("markdown_text")
    by = "" if rich else request.workspace.bot_user
    request.board.change(message, version, edited_by=by)
    return _answer(request, message) | {"text": message.now.text}


@method("chat.delete", "chat:write")
def delete(request: Request) -> Json:
    """Deletes a message of the bot's."""
    message = request.own_message("cant_delete_message")
    request.board.delete(message)
    return {"channel": message.channel, "ts": message.ts}


def _replacing(request: Request, message: Message) -> Version:
    """What is not said stays: the metadata, and the blocks where there is no text either."""
    if not any(request.args.get(name) for name in ("text", "blocks", "markdown_text")):
        raise ApiError("no_text")
    version = _content(request, request.platform.limits.update_text)
    if "metadata" in request.args:
        return version
    return Version(version.at, version.text, version.blocks, message.now.metadata)


def _content(request: Request, longest: int) -> Version:
    args, limits = request.args, request.platform.limits
    text, blocks = str(args.get("text") or ""), args.get("blocks")
    if markdown := args.get("markdown_text"):
        if text or blocks:
            raise ApiError("markdown_text_conflict")
        check_markdown(markdown, limits)
        blocks = [{"type": "markdown", "text": markdown}]
    check_content(text, blocks, longest, limits)
    check_metadata(args.get("metadata"), limits)
    return request.board.version(mrkdwn.escaped(text), blocks, _metadata(args.get("metadata")))


def _metadata(sent: Any) -> Mapping[str, Any] | None:
    return dict(sent) if sent else None


def _thread(request: Request) -> str:
    thread = str(request.args.get("thread_ts") or "")
    if thread and not _TS.fullmatch(thread):
        raise ApiError("invalid_thread_ts")
    return thread


def _answer(request: Request, message: Message) -> Json:
    shown = shapes.message(request.platform, message, metadata=True)
    return {"channel": message.channel, "ts": message.ts, "message": shown}
