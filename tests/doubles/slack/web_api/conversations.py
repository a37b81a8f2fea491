"""conversations.*: history, threads, what a channel is."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

from tests.doubles.slack import shapes
from tests.doubles.slack.records import Message
from tests.doubles.slack.web_api.method import ApiError, Json, Request, of_channel

_MOST = 1_000


@of_channel("conversations.history", "history")
def history(request: Request) -> Json:
    """The messages of a channel without its threads, newest first."""
    channel = request.channel()
    there = [each for each in request.platform.in_channel(channel.id) if not each.is_reply]
    return _page(request, _in_range(request, there)[::-1], default=100)


@of_channel("conversations.replies", "history")
def replies(request: Request) -> Json:
    """A thread, oldest first, page by page towards the newest; its first message comes first."""
    channel = request.channel()
    given = str(request.required("ts", "thread_not_found"))
    root = next((e for e in request.platform.in_channel(channel.id) if e.ts == given), None)
    if root is None:
        raise ApiError("thread_not_found")
    if root.is_reply:
        return _page(request, _in_range(request, [root]), default=_MOST)
    return _page(request, _thread(request, root), default=_MOST)


@of_channel("conversations.info", "read")
def info(request: Request) -> Json:
    """What a channel is."""
    return {"channel": shapes.channel(request.workspace, request.channel())}


def _thread(request: Request, root: Message) -> list[Message]:
    """The first message is there whatever the range is."""
    return [root, *_in_range(request, request.platform.replies(root))]


def _in_range(request: Request, messages: Sequence[Message]) -> list[Message]:
    """Those between `oldest` and `latest`, with the two themselves where `inclusive` is set."""
    oldest, latest = str(request.args.get("oldest") or "0"), request.args.get("latest")
    inclusive = request.flag("inclusive")
    return [
        each
        for each in messages
        if (oldest < each.ts or (inclusive and oldest == each.ts))
        and (not latest or each.ts < str(latest) or (inclusive and each.ts == str(latest)))
    ]


def _page(request: Request, messages: Sequence[Message], default: int) -> Json:
    limit = min(int(request.args.get("limit") or default), _MOST)
    cursor = str(request.args.get("cursor") or "")
    start = _position(cursor, messages) if cursor else 0
    page, following = messages[start : start + limit], messages[start + limit :]
    metadata = request.flag("include_all_metadata")
    answer: Json = {
        "messages": [shapes.message(request.platform, e, metadata=metadata) for e in page],
        "has_more": bool(following),
    }
    if following:
        answer["response_metadata"] = {"next_cursor": _cursor(following[0])}
    return answer


def _cursor(message: Message) -> str:
    return base64.b64encode(f"next_ts:{message.ts}".encode()).decode()


def _position(cursor: str, messages: Sequence[Message]) -> int:
    try:
        ts = base64.b64decode(cursor, validate=True).decode().removeprefix("next_ts:")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ApiError("invalid_cursor") from error
    found = next((i for i, each in enumerate(messages) if each.ts == ts), None)
    return len(messages) if found is None else found
