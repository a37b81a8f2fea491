"""The way by which a workspace installs the app: to Slack, back with a code for a token, and the
two pages that are seen then.
"""

from __future__ import annotations

import logging
import re
import secrets
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote

from slack_sdk.oauth import AuthorizeUrlGenerator, OAuthStateUtils
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from yarl import URL

from connectors.base import ConnectorError, Refused
from connectors.keys import Keys
from connectors.slack.api import Api, OneToken
from connectors.slack.options import SCOPES, OAuth

# The two pages that somebody sees who has installed the app, or tried to. No script runs there.


_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    # The address of the page has the code and the state in it.
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1.1rem/1.5 system-ui, sans-serif; max-width: 34rem; }}
body {{ margin: 15vh auto; padding: 0 1rem; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{text}</p>
<p><a href="{address}">{label}</a></p>
</body>
</html>
"""


def success(team_name: str, address: str) -> HTMLResponse:
    """The app is installed; `address` leads to it in Slack."""
    text = f"Everytoken is installed in {team_name}. Invite it to a channel and mention it."
    return _page("Done", text, address, "Open Slack", 200)


def failure(reason: str, address: str, status: int) -> HTMLResponse:
    """The app is not installed; `address` is where to begin again."""
    return _page("That did not work", reason, address, "Try again", status)


def _page(title: str, text: str, address: str, label: str, status: int) -> HTMLResponse:
    content = _PAGE.format(
        title=escape(title), text=escape(text), address=escape(address), label=escape(label)
    )
    return HTMLResponse(content, status, _HEADERS)


log = logging.getLogger(__name__)

INSTALL = "/slack/install"
REDIRECT = "/slack/oauth_redirect"
COOKIE = OAuthStateUtils.default_cookie_name
_LIFE_S = OAuthStateUtils.default_expiration_seconds
_TEAM = re.compile("T[A-Z0-9]{1,30}")

_CANCELLED = "You did not allow it, or Slack did not."
_OTHER_BROWSER = "Please finish in the browser in which you began, and have cookies switched on."
_TOO_LATE = "The link was used before, or is older than ten minutes."
_NO_CODE = "Slack did not send you here with a code."
_NO_WORKSPACE = "Please install it in a workspace, not in a whole organisation."
_ROTATION = "The app's tokens expire: its owner has to leave token rotation off."
_NOT_NOW = "Slack or our database could not be reached. Please try again in a minute."
_REFUSED = "Slack did not accept it. The bot's log says why."

Use = Callable[[str, int], Awaitable[bool]]
"""Whether a nonce comes for the first time within so many microseconds."""
Save = Callable[[str, str, str], Awaitable[None]]
"""Keeps a workspace's id, its name and the bot's token."""


class OAuthFlow:
    """The pages `/slack/install` and `/slack/oauth_redirect`."""

    def __init__(self, api_url: str, oauth: OAuth, keys: Keys, use: Use, save: Save) -> None:
        self._api_url = api_url
        self._oauth = oauth
        self._keys = keys
        self._use = use
        self._save = save
        root = oauth.public_url.rstrip("/")
        self.install_url = f"{root}{INSTALL}"
        self.redirect_url = f"{root}{REDIRECT}"
        self._secure = root.startswith("https://")
        self._slack = AuthorizeUrlGenerator(
            client_id=quote(oauth.client_id, safe=""),
            redirect_uri=quote(self.redirect_url, safe=""),
            scopes=[scope.name for scope in SCOPES],
            authorization_url=str(URL(api_url).origin() / "oauth/v2/authorize"),
        )

    def routes(self) -> Sequence[Route]:
        """The way to Slack and the way back."""
        return [Route(INSTALL, self._begin), Route(REDIRECT, self._end)]

    async def _begin(self, request: Request) -> Response:
        state = self._keys.state(secrets.token_urlsafe(24))
        team = request.query_params.get("team", "")
        wanted = team if _TEAM.fullmatch(team) else None
        response = RedirectResponse(self._slack.generate(state, wanted), 302)
        response.headers["Cache-Control"] = "no-store"
        self._set_cookie(response, state, _LIFE_S)
        return response

    async def _end(self, request: Request) -> Response:
        response = await self._answer(request.query_params, request.cookies.get(COOKIE, ""))
        self._set_cookie(response, "", 0)
        return response

    async def _answer(self, query: Mapping[str, str], cookie: str) -> Response:
        if "error" in query:
            return self._failure(_CANCELLED, 200)
        try:
            if problem := await self._problem(query.get("state", ""), cookie):
                return self._failure(problem, 400)
            if not (code := query.get("code")):
                return self._failure(_NO_CODE, 400)
            return await self._install(await self._exchange(code))
        except Refused as error:
            log.warning("a workspace could not install the app: %s", error)
            return self._failure(_REFUSED, 400)
        except ConnectorError as error:
            log.warning("a workspace could not install the app: %s", error)
            return self._failure(_NOT_NOW, 503)

    async def _problem(self, state: str, cookie: str) -> str:
        """Why somebody who comes back is not let in; empty where they are."""
        if not state or not secrets.compare_digest(state.encode(), cookie.encode()):
            return _OTHER_BROWSER
        nonce = self._keys.nonce_in(state, _LIFE_S)
        # A second more, so that no state outlives the memory of its use.
        fresh = nonce is not None and await self._use(nonce, (_LIFE_S + 1) * 1_000_000)
        return "" if fresh else _TOO_LATE

    async def _exchange(self, code: str) -> Mapping[str, Any]:
        client = f"{self._oauth.client_id}:{self._oauth.client_secret}"
        basic = f"Basic {b64encode(client.encode()).decode()}"
        api = Api(self._api_url, OneToken(""))
        try:
            told, _ = await api.request(
                "oauth.v2.access", basic, code=code, redirect_uri=self.redirect_url
            )
        finally:
            await api.aclose()
        return told

    async def _install(self, told: Mapping[str, Any]) -> Response:
        team = told.get("team")
        if told.get("is_enterprise_install") or not team:
            return self._failure(_NO_WORKSPACE, 400)
        if told.get("refresh_token"):
            return self._failure(_ROTATION, 400)
        name = str(team.get("name") or team["id"])
        await self._save(team["id"], name, told["access_token"])
        log.info("the app was installed in workspace %s (%s)", team["id"], name)
        address = URL("https://slack.com/app_redirect")
        return success(
            name, str(address.with_query(app=str(told.get("app_id", "")), team=team["id"]))
        )

    def _failure(self, reason: str, status: int) -> Response:
        return failure(reason, self.install_url, status)

    def _set_cookie(self, response: Response, value: str, seconds: int) -> None:
        # Lax, since the way back begins on Slack's site.
        response.set_cookie(
            COOKIE,
            value,
            max_age=seconds,
            path="/slack",
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )
