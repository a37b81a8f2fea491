"""chat.startStream, appendStream, stopStream: a message that is written by appending."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tests.doubles.slack import shapes
from tests.doubles.slack.records import Message, Stream, Version
from tests.doubles.slack.web_api.agents import set_session
from tests.doubles.slack.web_api.method import ApiError, Json, Request, method
from tests.doubles.slack.web_api.sizes import (
    check_blocks,
    check_drawn,
    check_markdown,
    check_metadata,
    check_stream,
)

_NOT_LIVE = "message_not_in_streaming_state"


@method("chat.startStream", "chat:write")
def start(request: Request) -> Json:
    """Starts a message in a thread; in channels a recipient must be named."""
    channel = request.channel()
    thread = request.required("thread_ts", "invalid_thread_ts")
    if not channel.user:
        request.required("recipient_team_id", "missing_recipient_team_id")
        request.required("recipient_user_id", "missing_recipient_user_id")
    if "metadata" in request.args:
        raise ApiError("invalid_arguments")
    stream = Stream(time.monotonic(), request.platform.stream_life, _said(request))
    message = request.board.post(
        request.workspace,
        channel.id,
        request.workspace.bot_user,
        _version(request, stream, stream.markdown),
        thread_ts=thread,
        stream=stream,
    )
    request.board.events.posted(message)
    return {"channel": channel.id, "ts": message.ts}


@method("chat.appendStream", "chat:write")
def append(request: Request) -> Json:
    """Adds Markdown to a live stream."""
    message, stream = _live(request, by_user="stopped_by_user")
    said = _said(request)
    if not said:
        raise ApiError("no_text")
    message.versions.append(_version(request, stream, stream.markdown + said))
    return {"channel": message.channel, "ts": message.ts}


@method("chat.stopStream", "chat:write")
def stop(request: Request) -> Json:
    """Ends a stream, with blocks below it; the answer has the message as it is shown."""
    message, stream = _live(request, by_user=_NOT_LIVE)
    blocks = request.args.get("blocks") or []
    check_blocks(blocks, request.platform.limits)
    check_metadata(request.args.get("metadata"), request.platform.limits)
    version = _version(request, stream, stream.markdown + _said(request), blocks)
    if (state := request.args.get("session_status")) is not None:
        set_session(request, message.channel, message.thread_ts, str(state))
    stream.stopped = True
    request.board.change(message, replace(version, live=False))
    shown = shapes.message(request.platform, message, metadata=True)
    return {"channel": message.channel, "ts": message.ts, "message": shown}


def _live(request: Request, by_user: str) -> tuple[Message, Stream]:
    """The stream that is named; `by_user` is the error where its reader has stopped it."""
    message = request.own_message("message_not_owned_by_app")
    stream = message.stream
    if stream is None or not stream.live:
        raise ApiError(by_user if stream and stream.stopped_by_user else _NOT_LIVE)
    return message, stream


def _said(request: Request) -> str:
    """The Markdown of a call, as an argument or in chunks, but never both."""
    text, chunks = request.args.get("markdown_text") or "", request.args.get("chunks") or []
    if text and chunks:
        raise ApiError("cannot_provide_both_markdown_text_and_chunks")
    said = str(text) + "".join(_chunk(each) for each in chunks)
    check_markdown(said, request.platform.limits)
    return said


def _chunk(chunk: Mapping[str, Any]) -> str:
    return str(chunk.get("text", "")) if chunk.get("type") == "markdown_text" else ""


def _version(
    request: Request,
    stream: Stream,
    markdown: str,
    below: list[Mapping[str, Any]] | None = None,
) -> Version:
    """What the stream shows once it was sent all of this, if Slack takes that."""
    limits = request.platform.limits
    check_stream(markdown, limits)
    sent = [{"type": "markdown", "text": markdown}] if markdown else []
    sent += [dict(block) for block in below or []]
    metadata = dict(request.args.get("metadata") or {}) or None
    version = request.board.version("", sent, metadata, live=stream.live)
    check_drawn(sent, version.blocks, limits)
    stream.markdown = markdown
    return version
