"""The inspector's routes: the list, a run and the overview."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, Protocol
from uuid import UUID

import structlog
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from bot.identity import Account
from bot.inspector import exports
from bot.inspector.charts import SPANS, Span
from bot.inspector.overview import Hourly, overview_values, since_us
from bot.inspector.query import BadQuery, cursor_text, read_query
from bot.inspector.story import Story, tell
from bot.inspector.views import STATIC, Link, filled, run_values
from bot.store import RunStart, Store, StoreUnavailable

log = structlog.get_logger(__name__)

PAGE_RUNS = 100


@dataclass(frozen=True, slots=True)
class Sight:
    """Who looks, as the log names them. `own`: the person whose runs alone they may see."""

    by: str
    own: Account | None = None

    def sees(self, start: RunStart) -> bool:
        """Whether they may see a run."""
        return self.own is None or self.own == Account.of(start.place, start.person)


class Door(Protocol):
    """Who may come in: made by the app, so that page and inspector have one login."""

    middleware: Middleware
    """Turns away what may not come, and sends the security headers."""
    asks: bool
    """Whether one has to log in."""

    async def sight(self, request: Request) -> Sight | None:
        """Who looks, and whose runs they may see; None: they may not. Raises `StoreUnavailable`."""
        ...

    def way_in(self, path: str) -> str:
        """Where to log in, to come back to a path."""
        ...


@dataclass(frozen=True, slots=True)
class Options:
    """How the inspector shows runs."""

    now_us: Callable[[], int]
    link: Link
    questions: bool = False
    """Whether the list shows the first words of questions."""


Handler = Callable[["Inspector", Request, Sight], Awaitable[Response]]


def _guarded(handler: Handler) -> Callable[[Inspector, Request], Awaitable[Response]]:
    """Only for who is in; a database that is away is said plainly."""

    @wraps(handler)
    async def guarded(self: Inspector, request: Request) -> Response:
        try:
            sight = await self.door.sight(request)
            if sight is None:
                path = f"{request.url.path}?{request.url.query}".rstrip("?")
                return RedirectResponse(self.door.way_in(path), 303)
            return await handler(self, request, sight)
        except StoreUnavailable as error:
            return self.message("The database can't be read", str(error), 503)
        except BadQuery as error:
            return self.message("That address can't be read", str(error), 400)

    return guarded


class Inspector:
    """The routes of the inspector."""

    def __init__(self, store: Store, door: Door, options: Options) -> None:
        self._store = store
        self.door = door
        self._options = options

    def routes(self) -> list[BaseRoute]:
        """The routes, each behind the door."""
        behind = [self.door.middleware]
        return [
            Route("/runs", self._list, middleware=behind),
            Route("/runs/{name}", self._run, middleware=behind),
            Route("/overview", self._overview, middleware=behind),
            Mount("/inspector/static", StaticFiles(directory=STATIC), middleware=behind),
        ]

    def message(self, title: str, text: str, status: int) -> Response:
        """A page with a few words."""
        return self._page("message.html", status, title=title, text=text)

    @_guarded
    async def _list(self, request: Request, sight: Sight) -> Response:
        """The list, or only its rows where `part=rows` asks for them."""
        query = read_query(request.query_params)
        filters = query.filters
        if sight.own is not None:
            filters = replace(filters, connector=sight.own.connector, person=str(sight.own))
        page = await self._store.listing.page(
            filters, PAGE_RUNS, older_than=query.older, newer_than=query.newer
        )
        at = [cursor_text(run.cursor) for run in page.runs]
        values: dict[str, Any] = {
            "page": page,
            "query": query,
            "older": query.address(older=at[-1]) if page.older and at else None,
            "newer": query.address(newer=at[0]) if page.newer and at else None,
            "questions": self._options.questions,
        }
        if request.query_params.get("part") == "rows":
            return HTMLResponse(filled("rows.html", **values))
        return self._page("list.html", **values)

    @_guarded
    async def _run(self, request: Request, sight: Sight) -> Response:
        """A run's page, or its file."""
        name, _, kind = request.path_params["name"].partition(".")
        story = await self._story(name)
        hidden = story is not None and not sight.sees(story.row.start)
        if story is None or hidden or kind not in ("", "json", "md"):
            return self.message("There is no such run", "The list has the newest ones.", 404)
        person = str(Account.of(story.row.start.place, story.row.start.person))
        log.info("inspector.opened", by=sight.by, run_id=str(story.run_id), person=person)
        # A long run takes a third of a second of work: in a thread, for answers are streaming here.
        if not kind:
            return await asyncio.to_thread(self._run_page, story)
        write = exports.as_json if kind == "json" else exports.as_markdown
        text = await asyncio.to_thread(write, story)
        media = "application/json" if kind == "json" else "text/markdown"
        # The name is made of the id alone.
        saved = {"Content-Disposition": f'attachment; filename="run-{story.run_id}.{kind}"'}
        return Response(text, media_type=media, headers=saved)

    def _run_page(self, story: Story) -> Response:
        return self._page("run.html", **run_values(story, self._options.link), alone=False)

    @_guarded
    async def _overview(self, request: Request, sight: Sight) -> Response:
        """The overview, for those who may see all runs."""
        if sight.own is not None:
            return self.message("That is not for you", "Your own runs are in the list.", 403)
        span = SPANS.get(request.query_params.get("span", ""), SPANS["24h"])
        now_us = self._options.now_us()
        found = await self._store.hours.read(since_us(span, now_us), now_us)
        return await asyncio.to_thread(self._overview_page, span, now_us, *found)

    def _overview_page(self, span: Span, now_us: int, hours: Hourly, lacking: int) -> Response:
        return self._page("overview.html", **overview_values(span, now_us, hours, lacking))

    async def _story(self, name: str) -> Story | None:
        try:
            run_id = UUID(name)
        except ValueError:
            return None
        row = await self._store.runs.get(run_id)
        return None if row is None else await tell(row, self._store)

    def _page(self, template: str, status: int = 200, **values: Any) -> Response:
        text = filled(template, **values, logout=self.door.asks)
        # With no-referrer a browser sends the form that logs out with the Origin "null".
        return HTMLResponse(text, status, {"Referrer-Policy": "same-origin"})
