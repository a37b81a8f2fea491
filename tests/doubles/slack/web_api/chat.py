"""chat.*: posting, updating, deleting."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.doubles.slack import mrkdwn, shapes
from tests.doubles.slack.records import Message, Version
from tests.doubles.slack.web_api.method import ApiError, Json, Request, method
from tests.doubles.slack.web_api.sizes import (
    check_blocks,
    check_drawn,
    check_markdown,
    check_metadata,
    check_text,
)

_TS = re.compile(r"\d{10}\.\d{6}")


@method("chat.postMessage", "chat:write")
def post_message(request: Request) -> Json:
    """Posts as the bot; the answer has the message as it is shown."""
    channel, thread = request.channel(), _thread(request)
    version = _posted(request)
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
    version = _posted(request)
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
    text = str(request.args.get("text") or "")
    check_text(text, request.platform.limits.update_text)
    version = _content(request, text)
    if "metadata" in request.args:
        return version
    return Version(version.at, version.text, version.blocks, message.now.metadata)


def _posted(request: Request) -> Version:
    """What a post shows: a text that is too long is cut."""
    text = str(request.args.get("text") or "")
    return _content(request, text[: request.platform.limits.post_text])


def _content(request: Request, text: str) -> Version:
    args, limits = request.args, request.platform.limits
    blocks = args.get("blocks")
    if markdown := args.get("markdown_text"):
        if text or blocks:
            raise ApiError("markdown_text_conflict")
        check_markdown(markdown, limits)
        blocks = [{"type": "markdown", "text": markdown}]
    if not text and not blocks:
        raise ApiError("no_text")
    check_blocks(blocks or (), limits)
    check_metadata(args.get("metadata"), limits)
    version = request.board.version(mrkdwn.escaped(text), blocks, _metadata(args.get("metadata")))
    if blocks:
        check_drawn(blocks, version.blocks, limits)
    return version


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
