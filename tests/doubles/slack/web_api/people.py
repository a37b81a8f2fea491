"""users.info and bots.info."""

from __future__ import annotations

from tests.doubles.slack import shapes
from tests.doubles.slack.web_api.method import ApiError, Json, Request, method


@method("users.info", "users:read")
def user(request: Request) -> Json:
    """A person, also one of another organisation in a shared channel."""
    found = request.workspace.users.get(str(request.args.get("user")))
    if found is None:
        raise ApiError("user_not_found")
    shown = shapes.user(request.workspace, found)
    if str(request.args.get("include_locale")).lower() in ("1", "true"):
        shown["locale"] = found.locale
    return {"user": shown}


@method("bots.info", "users:read")
def bot(request: Request) -> Json:
    """The app's own bot; there is no other here."""
    if request.args.get("bot") != request.workspace.bot_id:
        raise ApiError("bot_not_found")
    return {"bot": shapes.bot(request.workspace)}
