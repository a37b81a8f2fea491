"""The control API: what a test does by method calls, a benchmark in another process does by HTTP.

`POST /_control/ACTION` with a JSON object of arguments; the answer is JSON. An argument that does
not fit is a 400 with `{"error": …}`.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.doubles.discord import faults
from tests.doubles.discord.interactions import Interaction
from tests.doubles.discord.report import interaction_report, message_report, report

if TYPE_CHECKING:
    from tests.doubles.discord.server import DiscordServer

BASE = "/_control"

_OUTCOMES: dict[str, type[faults.Outcome]] = {
    "refuse": faults.Refuse,
    "reset": faults.Reset,
    "hang": faults.Hang,
    "slow": faults.Slow,
}

Action = Callable[..., Any]


def actions(server: DiscordServer) -> dict[str, Action]:
    """Every action by its name; its arguments are the method's own."""
    people, gateway = server.people, server.gateway
    acts: list[Action] = [
        people.say,
        people.dm,
        people.forward,
        people.webhook_say,
        people.edit,
        people.delete,
        people.delete_many,
        people.typing,
        people.join,
        people.pin,
        people.open_thread,
        people.create_thread,
        people.archive,
        people.delete_channel,
        people.press,
        people.choose,
        people.submit,
        people.command,
        people.message_command,
        gateway.reconnect,
        gateway.invalidate,
        gateway.drop,
        gateway.freeze,
        gateway.ignore_heartbeats,
        gateway.forget,
        server.ban,
    ]
    return {act.__name__: act for act in acts} | _others(server)


def _others(server: DiscordServer) -> dict[str, Action]:
    platform = server.platform

    def add_channel(name: str) -> str:
        return platform.add_channel(server.people.guild, name).id

    def add_fault(kind: str, outcome: dict[str, Any] | None = None, **where: Any) -> None:
        server.faults.add(_OUTCOMES[kind](**(outcome or {})), **where)

    def interaction(id: str) -> dict[str, Any]:  # noqa: A002 (the name of the argument on the wire)
        return interaction_report(platform.interactions[id])

    def messages(**filters: Any) -> list[dict[str, Any]]:
        found = server.record.messages(**filters)
        return [message_report(server.record, each, versions=True) for each in found]

    return {
        "add_channel": add_channel,
        "fault": add_fault,
        "clear_faults": server.faults.clear,
        "interaction": interaction,
        "messages": messages,
        "report": lambda: report(server),
    }


def add_routes(router: web.UrlDispatcher, server: DiscordServer) -> None:
    """Adds the control API to a web server."""
    for name, act in actions(server).items():
        router.add_route("*", f"{BASE}/{name}", _handler(act))


def _handler(act: Action) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        text = await request.text()
        try:
            done = act(**(json.loads(text) if text else {}))
        except (LookupError, TypeError, ValueError) as error:
            return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)
        if isinstance(done, Interaction):
            done = interaction_report(done)
        return web.json_response({"result": done})

    return handle
