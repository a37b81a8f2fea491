"""What Slack serves beside the Web API: files, response_urls, the page that asks to install."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from tests.doubles.slack import mrkdwn
from tests.doubles.slack.board import Board
from tests.doubles.slack.platform import Hook
from tests.doubles.slack.records import Version


@dataclass(frozen=True, slots=True)
class Pages:
    """The routes that need no method of the Web API."""

    board: Board

    def routes(self) -> list[web.RouteDef]:
        """To be added to the server's own."""
        return [
            web.get("/files-pri/{name}/{path:.*}", self.file),
            web.post("/upload/v1/{name}", self.upload),
            web.get("/signin", self.sign_in),
            web.get("/oauth/v2/authorize", self.authorize),
            web.post("/response/{name}", self.respond),
        ]

    async def file(self, request: web.Request) -> web.Response:
        """A file's content, for the bearer of the token; others are asked to sign in."""
        team, _, name = request.match_info["name"].partition("-")
        stored = self.board.platform.files.get(name)
        workspace = self.board.platform.workspaces.get(team)
        if stored is None or workspace is None:
            raise web.HTTPNotFound
        bearer = request.headers.get("Authorization") == f"Bearer {workspace.bot_token}"
        if not bearer or workspace.void or "files:read" not in workspace.scopes:
            raise web.HTTPFound("/signin")
        content = stored.content[1:] if self.board.platform.strips_files else stored.content
        return web.Response(body=content, content_type=stored.about["mimetype"])

    async def upload(self, request: web.Request) -> web.Response:
        """The content of a file, raw or as a form, to the address that was given for it."""
        pending = self.board.platform.uploads.get(request.match_info["name"])
        if pending is None:
            raise web.HTTPNotFound
        if request.content_type == "multipart/form-data":
            part = next(iter((await request.post()).values()))
            content = part.file.read() if isinstance(part, web.FileField) else b""
        else:
            content = await request.read()
        if len(content) != pending.length:
            raise web.HTTPBadRequest(text="the length is not what was announced")
        pending.content = content
        return web.Response(text=f"OK - {len(content)}")

    async def sign_in(self, _request: web.Request) -> web.Response:
        """The page that comes, with status 200, in place of a file that one may not see."""
        return web.Response(text="<!DOCTYPE html><title>Sign in</title>", content_type="text/html")

    async def authorize(self, request: web.Request) -> web.Response:
        """Somebody agrees at once: sends them back with a code, to install in `team`."""
        platform = self.board.platform
        team = request.query.get("team") or next(iter(platform.workspaces))
        code = platform.new_id("code")
        platform.codes[code] = team
        answer = {"code": code, "state": request.query.get("state", "")}
        raise web.HTTPFound(f"{request.query['redirect_uri']}?{urlencode(answer)}")

    async def respond(self, request: web.Request) -> web.Response:
        """A response_url: answers a command or a button, to one person unless said otherwise."""
        hook = self.board.platform.hooks.get(request.match_info["name"])
        if hook is None:
            raise web.HTTPNotFound(text="expired_url")
        said = await request.json()
        if said.get("delete_original"):
            self.board.delete(self.board.platform.messages[hook.ts])
        elif said.get("replace_original") and hook.ts:
            self.board.change(self.board.platform.messages[hook.ts], self._version(said))
        else:
            self._post(hook, said)
        return web.Response(text="ok")

    def _post(self, hook: Hook, said: Mapping[str, Any]) -> None:
        everybody = said.get("response_type") == "in_channel"
        message = self.board.post(
            hook.workspace,
            hook.channel,
            hook.workspace.bot_user,
            self._version(said),
            thread_ts=str(said.get("thread_ts") or hook.thread_ts),
            to="" if everybody else hook.user,
        )
        if everybody:
            self.board.events.posted(message)

    def _version(self, said: Mapping[str, Any]) -> Version:
        return self.board.version(mrkdwn.escaped(said.get("text") or ""), said.get("blocks"))
