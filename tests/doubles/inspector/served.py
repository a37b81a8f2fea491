"""The inspector alone, over a store, on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette

from bot.app.monitoring import PageDoor
from bot.http import listen, serve
from bot.inspector import Inspector, Options
from bot.store import Store
from connectors.base import MessageRef
from connectors.web.access import AccessRules
from connectors.web.login import InspectorGate


def slack_link(ref: MessageRef) -> str:
    """Where a message of Slack's can be seen."""
    return f"https://acme.slack.com/archives/{ref.place.channel}/p{ref.id}"


@asynccontextmanager
async def serving(store: Store, now_us: int) -> AsyncIterator[str]:
    """Serves it as of this time; its address."""
    options = Options(lambda: now_us, slack_link, questions=True)
    inspector = Inspector(store, PageDoor(InspectorGate(AccessRules())), options)
    with listen("127.0.0.1", 0) as listener:
        server = serve(Starlette(routes=inspector.routes()))
        server.config.load()
        server.lifespan = server.config.lifespan_class(server.config)
        await server.startup(sockets=[listener])
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.force_exit = True
            await server.shutdown(sockets=[listener])
