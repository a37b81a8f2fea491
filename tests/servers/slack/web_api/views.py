"""views.open: a modal, for whoever just did something."""

from __future__ import annotations

from tests.servers.slack import shapes
from tests.servers.slack.web_api.method import ApiError, Json, Request, method


@method("views.open")
def open_view(request: Request) -> Json:
    """Opens a modal with a trigger_id, each of which serves once."""
    trigger = str(request.required("trigger_id"))
    if trigger not in request.platform.triggers:
        raise ApiError("invalid_trigger_id")
    sent = dict(request.required("view"))
    missing = {"type", "title", "blocks"} - sent.keys()
    if missing:
        raise ApiError("invalid_arguments")
    del request.platform.triggers[trigger]
    view = shapes.sample("view_submission")["view"] | sent
    name = request.platform.new_id("V")
    view |= {"id": name, "root_view_id": name, "team_id": request.workspace.id}
    view |= {"state": {"values": {}}, "bot_id": request.workspace.bot_id}
    view["app_installed_team_id"] = request.workspace.id
    request.platform.views.append(view)
    return {"view": view}
