"""files.*: what a file is, and the three steps by which an app uploads one. The content itself is
fetched from the private address, and sent to one that is given for it.
"""

from __future__ import annotations

import asyncio
import mimetypes
from typing import Any

from tests.doubles.slack import shapes
from tests.doubles.slack.platform import PendingUpload, StoredFile
from tests.doubles.slack.web_api.method import ApiError, Json, Request, method


@method("files.info", "files:read")
def info(request: Request) -> Json:
    """What a file is and where its content can be fetched."""
    found = request.platform.files.get(str(request.args.get("file")))
    if found is None or found.workspace != request.workspace.id:
        raise ApiError("file_not_found")
    return {"file": dict(found.about), "comments": [], "response_metadata": {"next_cursor": ""}}


@method("files.getUploadURLExternal", "files:write")
def upload_url(request: Request) -> Json:
    """An address to send a file to."""
    platform = request.platform
    name = str(request.required("filename", "missing_argument"))
    length = str(request.required("length", "missing_argument"))
    if not length.isdecimal() or int(length) == 0:
        raise ApiError("missing_argument")
    if int(length) > platform.limits.file_bytes:
        raise ApiError("file_upload_size_restricted")
    made = platform.new_id("F")
    platform.uploads[made] = PendingUpload(name, int(length), request.workspace.id)
    return {"upload_url": f"{platform.url}/upload/v1/{made}", "file_id": made}


@method("files.completeUploadExternal", "files:write")
def complete(request: Request) -> Json:
    """Ends uploads, and shares them in a channel: a while later, and as often as it is asked to."""
    files = request.required("files", "invalid_arguments")
    if not isinstance(files, list):
        raise ApiError("invalid_arguments")
    channel = request.channel("channel_id") if request.args.get("channel_id") else None
    thread = str(request.args.get("thread_ts") or "")
    root = request.platform.messages.get(thread)
    if thread and (channel is None or root is None or root.channel != channel.id or root.is_reply):
        raise ApiError("invalid_thread_ts")
    stored = [_completed(request, file) for file in files]
    if channel is not None and not request.platform.drops_shares:
        loop = asyncio.get_running_loop()
        seconds = request.platform.limits.share_seconds
        loop.call_later(seconds, _share, request, channel.id, thread, stored)
    return {"files": [{"id": each.about["id"], "title": each.about["title"]} for each in stored]}


def _completed(request: Request, file: Any) -> StoredFile:
    """A file whose content has come; one that was completed already is there."""
    platform = request.platform
    name = str(file.get("id") if isinstance(file, dict) else "")
    if (there := platform.files.get(name)) is not None:
        return there
    pending = platform.uploads.get(name)
    if pending is None or pending.content is None or pending.workspace != request.workspace.id:
        raise ApiError("file_not_found")
    about = shapes.sample("file_share")["event"]["files"][0]
    address = f"{platform.url}/files-pri/{request.workspace.id}-{name}"
    media_type = mimetypes.guess_type(pending.name)[0] or "application/octet-stream"
    about |= {"id": name, "name": pending.name, "title": file.get("title") or pending.name}
    about |= {"user": request.workspace.bot_user, "mimetype": media_type, "shares": {}}
    about |= {"size": pending.length, "filetype": pending.name.rpartition(".")[2]}
    about["url_private"] = f"{address}/{pending.name}"
    about["url_private_download"] = f"{address}/download/{pending.name}"
    platform.files[name] = StoredFile(about, pending.content, request.workspace.id)
    return platform.files[name]


def _share(request: Request, channel: str, thread: str, stored: list[StoredFile]) -> None:
    """A message of the app's with the files, as readers see it."""
    board, workspace = request.board, request.workspace
    message = board.post(
        workspace,
        channel,
        workspace.bot_user,
        board.version(""),
        thread_ts=thread,
        subtype="file_share",
        files=tuple(each.about for each in stored),
    )
    for each in stored:
        kind = "private" if channel.startswith(("D", "G")) else "public"
        shares = each.about["shares"].setdefault(kind, {}).setdefault(channel, [])
        shares.append({"ts": message.ts, **({"thread_ts": thread} if thread else {})})
    board.events.posted(message)
