"""auth.test and oauth.v2.access; apps.connections.open belongs to Socket Mode."""

from __future__ import annotations

from tests.doubles.slack.web_api.method import Json, Request, method
from tests.doubles.slack.workspaces import APP, Workspace


@method("auth.test")
def test(request: Request) -> Json:
    """Who the token is."""
    workspace = request.workspace
    return {
        "url": f"https://{workspace.name.lower().replace(' ', '-')}.example.com/",
        "team": workspace.name,
        "user": "everytoken",
        "team_id": workspace.id,
        "user_id": workspace.bot_user,
        "bot_id": workspace.bot_id,
        "is_enterprise_install": False,
    }


def installation(workspace: Workspace) -> Json:
    """The answer of oauth.v2.access for a workspace in which the app was installed."""
    return {
        "app_id": APP,
        "authed_user": {"id": next(u.id for u in workspace.users.values() if not u.bot)},
        "scope": ",".join(workspace.scopes),
        "token_type": "bot",
        "access_token": workspace.bot_token,
        "bot_user_id": workspace.bot_user,
        "team": {"id": workspace.id, "name": workspace.name},
        "enterprise": None,
        "is_enterprise_install": False,
    }
