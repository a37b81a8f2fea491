"""Finds what is wrong with a Slack app, and names for each fault the step that mends it."""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from connectors.base import Lacking, RateLimited, Refused
from connectors.slack.api import Api
from connectors.slack.errors import code_of
from connectors.slack.options import SCOPES, OAuth, SlackOptions, TokenScope
from connectors.slack.sessions import OF_THE_PLACE, SET_STATUS

if TYPE_CHECKING:
    from connectors.slack.installations import Installations

_APP_ID = re.compile(r"xapp-\d+-(A[A-Z0-9]+)-")
_AT_ONCE = 8
_CLIENT_REFUSED = frozenset({"bad_client_secret", "invalid_client_id"})

APPS = "https://api.slack.com/apps"
NO_WAY_IN = (
    "Nothing can reach the bot: set SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (HTTP)."
)
BOT_TOKEN = (
    f"SLACK_BOT_TOKEN is refused ({{code}}): open your app at {APPS} > OAuth & Permissions > "
    "Install to Workspace, and set it to the Bot User OAuth Token (xoxb-…)."
)
USER_TOKEN = (
    f"SLACK_BOT_TOKEN is not a bot's: open your app at {APPS} > OAuth & Permissions, and set it "
    "to the Bot User OAuth Token (xoxb-…)."
)
APP_TOKEN = (
    f"SLACK_APP_TOKEN is refused ({{code}}): open your app at {APPS} > Socket Mode > switch it on; "
    "then Basic Information > App-Level Tokens > Generate, with the scope connections:write, and "
    "set it to that token (xapp-…)."
)
OTHER_APP = (
    "SLACK_APP_TOKEN and SLACK_BOT_TOKEN belong to two different apps: take both from the same "
    f"app at {APPS}."
)
CLIENT = (
    f"SLACK_CLIENT_ID and SLACK_CLIENT_SECRET are refused ({{code}}): open your app at {APPS} > "
    "Basic Information > App Credentials, and set them to what stands there."
)
NO_SESSIONS = (
    "Slack gives this app no agent sessions ({code}): answers come all the same, without Slack's "
    f"own Stop. Open your app at {APPS} > App Manifest, replace assistant_view by the agent_view "
    "of slack/manifest.json, add the event agent_session_stopped, save, and reinstall the app."
)
UNPROTECTED = (
    "PUBLIC_URL begins with http://, and Slack sends people back to https:// only: put the bot "
    "behind a proxy that speaks https, and set PUBLIC_URL to its address."
)


async def diagnose(
    api: Api, options: SlackOptions, installations: Installations | None = None
) -> None:
    """Checks the tokens, their scopes and the way events come in.

    Raises `Refused` with a line for each fault, `Lacking` where the bot works without what it can
    not have, and `Unavailable` where Slack or the database can't be asked.
    """
    faults = await _way_in(api, options)
    if installations is not None and options.oauth is not None:
        faults += _protection(options.api_url, options.oauth.public_url)
        faults += await _client(api, options.oauth)
        faults += await _workspaces(api, installations)
    else:
        faults += await _workspace(api, options)
    if faults:
        raise Refused("\n".join(faults))
    if options.bot_token and (told := await _no_sessions(api, options.bot_token)):
        raise Lacking(told)


async def _way_in(api: Api, options: SlackOptions) -> list[str]:
    if options.app_token:
        return await _refusal(
            api, "apps.connections.open", f"Bearer {options.app_token}", APP_TOKEN
        )
    return [] if options.signing_secret else [NO_WAY_IN]


async def _refusal(api: Api, method: str, authorization: str, fault: str) -> list[str]:
    """The fault, where Slack refuses the credentials of a call."""
    try:
        await api.request(method, authorization)
    except RateLimited:
        return []  # it knows them
    except Refused as error:
        return [fault.format(code=code_of(error))]
    return []


async def _workspace(api: Api, options: SlackOptions) -> list[str]:
    """The one workspace of a bot token."""
    bearer = f"Bearer {options.bot_token or ''}"
    try:
        told, headers = await api.request("auth.test", bearer)
    except Refused as error:
        return [BOT_TOKEN.format(code=code_of(error))]
    if not (bot := told.get("bot_id")):
        return [USER_TOKEN]
    faults = [_missing(scope, "Reinstall to Workspace") for scope in _lacking(headers)]
    return faults + await _other_app(api, bearer, bot, options.app_token or "")


async def _no_sessions(api: Api, token: str) -> str:
    """What an older app does without; a session of no thread is asked for, so nothing is set."""
    try:
        await api.request(
            SET_STATUS, f"Bearer {token}", channel_id="C0", thread_ts="0.000001", status="active"
        )
    except Refused as error:
        code = code_of(error) or ""
        known = code in OF_THE_PLACE or code.startswith("invalid_")
        return "" if known else NO_SESSIONS.format(code=code)
    except RateLimited:
        return ""
    return ""


def _lacking(headers: Mapping[str, str]) -> Sequence[TokenScope]:
    """The scopes that a token has not; none where Slack does not say what it has."""
    given = headers.get("x-oauth-scopes", "")
    has = {name.strip() for name in given.split(",")}
    return [scope for scope in SCOPES if given and scope.name not in has]


def _missing(scope: TokenScope, last_step: str) -> str:
    events = f" (events: {', '.join(scope.events)})" if scope.events else ""
    return (
        f"The scope {scope.name} is missing; it is needed {scope.use}{events}: open your app at "
        f"{APPS} > OAuth & Permissions > Bot Token Scopes > Add an OAuth Scope; then {last_step}."
    )


async def _other_app(api: Api, bearer: str, bot: str, app_token: str) -> list[str]:
    """Events would come for one app, and answers from another."""
    app = _APP_ID.match(app_token)
    if app is None:
        return []
    try:
        told, _ = await api.request("bots.info", bearer, bot=bot)
    except (Refused, RateLimited):
        return []  # without users:read, which is told of already
    return [] if told["bot"].get("app_id") in {None, app[1]} else [OTHER_APP]


def _protection(api_url: str, public_url: str) -> list[str]:
    safe = public_url.startswith("https://") or not api_url.startswith("https://")
    return [] if safe else [UNPROTECTED]


async def _client(api: Api, oauth: OAuth) -> list[str]:
    """An exchange of no code: Slack looks at the client's secret first."""
    client = b64encode(f"{oauth.client_id}:{oauth.client_secret}".encode()).decode()
    try:
        await api.request("oauth.v2.access", f"Basic {client}", code="none")
    except RateLimited:
        return []
    except Refused as error:
        code = code_of(error)
        return [CLIENT.format(code=code)] if code in _CLIENT_REFUSED else []
    return []


async def _workspaces(api: Api, installations: Installations) -> list[str]:
    """Every installation; one that was revoked while the bot did not run is forgotten."""
    slots = asyncio.Semaphore(_AT_ONCE)

    async def check(team: str, name: str) -> list[str]:
        async with slots:
            return [
                f"{name} ({team}): {fault}" for fault in await _installed(api, installations, team)
            ]

    teams = await installations.teams()
    found = await asyncio.gather(*(check(team, name) for team, name in teams.items()))
    return [fault for faults in found for fault in faults]


async def _installed(api: Api, installations: Installations, team: str) -> list[str]:
    try:
        token = await installations.of(team)
        _, headers = await api.request("auth.test", f"Bearer {token}")
    except RateLimited:
        return []
    except Refused as error:
        return [] if code_of(error) and await _gone(installations, team) else [str(error)]
    again = f"Install it there again: {installations.install_url}"
    return [_missing(scope, again) for scope in _lacking(headers)]


async def _gone(installations: Installations, team: str) -> bool:
    await installations.forget(team)
    return team not in await installations.teams()
