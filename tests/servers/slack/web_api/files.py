"""files.info; the content itself is fetched from the private address."""

from __future__ import annotations

from tests.servers.slack.web_api.method import ApiError, Json, Request, method


@method("files.info", "files:read")
def info(request: Request) -> Json:
    """What a file is and where its content can be fetched."""
    found = request.platform.files.get(str(request.args.get("file")))
    if found is None or found.workspace != request.workspace.id:
        raise ApiError("file_not_found")
    return {"file": dict(found.about), "comments": [], "response_metadata": {"next_cursor": ""}}
