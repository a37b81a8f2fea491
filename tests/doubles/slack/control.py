"""The hands of another process on the double: `/_control/…`, JSON in and out."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.doubles.slack.faults import KINDS
from tests.doubles.slack.people import Acted, Upload
from tests.doubles.slack.report import message, report

if TYPE_CHECKING:
    from tests.doubles.slack.server import Slack

Json = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_ACTS = {
    "say",
    "ask",
    "edit",
    "delete",
    "press",
    "command",
    "shortcut",
    "submit_view",
    "open_assistant",
    "view_channel",
    "join",
    "stop_stream",
    "uninstall",
    "revoke",
}
"""What people do: the arguments of `People`'s methods as JSON. The answer has channel and ts."""


class Control:
    """Drives the double over HTTP."""

    def __init__(self, slack: Slack) -> None:
        self._slack = slack

    def routes(self) -> list[web.RouteDef]:
        """To be added to the server's own."""
        acts = [web.post(f"/_control/{name}", self._acting(name)) for name in sorted(_ACTS)]
        return [
            *acts,
            web.post("/_control/faults", self.faults),
            web.post("/_control/limits", self.limits),
            web.post("/_control/draws", self.draws),
            web.post("/_control/sockets", self.sockets),
            web.post("/_control/deliver_to", self.deliver_to),
            web.post("/_control/channel", self.channel),
            web.get("/_control/message", self.message),
            web.get("/_control/report", self.report),
        ]

    async def faults(self, request: web.Request) -> web.Response:
        """`{"method", "kind", "times": 1, …}`: the rest are the fault's arguments. `{}` clears."""
        said = await request.json()
        if not said:
            self._slack.platform.faults.clear()
            return web.json_response({})
        method, kind, times = said.pop("method"), said.pop("kind"), said.pop("times", 1)
        self._slack.fault(method, *[KINDS[kind](**said)] * times)
        return web.json_response({})

    async def limits(self, request: web.Request) -> web.Response:
        """Changes fields of the limits; `{"unmetered": true}` takes every rate away."""
        said = await request.json()
        platform = self._slack.platform
        if said.pop("unmetered", False):
            platform.limits = platform.limits.unmetered()
        platform.limits = replace(platform.limits, **said)
        return web.json_response({})

    async def draws(self, request: web.Request) -> web.Response:
        """`{"returns": "drawn", "angle_links": false}`: how Markdown is read and returned."""
        said = await request.json()
        platform = self._slack.platform
        platform.returns = said.pop("returns", platform.returns)
        platform.reading = replace(platform.reading, **said)
        return web.json_response({})

    async def sockets(self, request: web.Request) -> web.Response:
        """`{"drop": true}`, `{"disconnect": reason}`, `{"wait": connections}`; says how many."""
        said = await request.json()
        if said.get("drop"):
            self._slack.drop_sockets()
        if said.get("disconnect"):
            await self._slack.disconnect(said["disconnect"])
        if said.get("wait"):
            await self._slack.connected(said["wait"])
        sockets = self._slack.sockets
        return web.json_response({"now": len(sockets.connections), "opened": sockets.opened})

    async def deliver_to(self, request: web.Request) -> web.Response:
        """`{"url", "signing_secret"}`: events over HTTP from now on."""
        self._slack.deliver_to(**await request.json())
        return web.json_response({})

    async def channel(self, request: web.Request) -> web.Response:
        """`{"id"}`: a channel of the first workspace in which the bot is."""
        name = (await request.json())["id"]
        self._slack.workspace.add_channel(name, name.lower())
        return web.json_response({})

    async def message(self, request: web.Request) -> web.Response:
        """`?ts=`: a message with all that it ever showed."""
        slack = self._slack
        found = slack.platform.messages.get(request.query["ts"])
        if found is None:
            raise web.HTTPNotFound
        return web.json_response(message(slack, found, text=True))

    async def report(self, request: web.Request) -> web.Response:
        """The whole record; `?text=1` with the texts."""
        text = request.query.get("text") == "1"
        return web.json_response(report(self._slack, self._slack.platform, text=text))

    def _acting(self, name: str) -> Handler:
        async def act(request: web.Request) -> web.Response:
            said: Json = await request.json()
            wait = said.pop("wait", False)
            if "files" in said:
                said["files"] = [_upload(each) for each in said["files"]]
            acted: Acted = getattr(self._slack, name)(**said)
            answer: Json = {"channel": acted.channel, "ts": acted.ts}
            if wait:
                answer["acknowledged"] = await acted.acknowledged()
                answer["response"] = acted.response
            return web.json_response(answer)

        return act


def _upload(said: Json) -> Upload:
    content = base64.b64decode(said.pop("content"))
    return Upload(content=content, **said)
