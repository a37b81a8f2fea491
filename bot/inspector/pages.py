"""The inspector's routes: the list with its filters, the overview, and a run."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import wraps
from typing import Any, Protocol
from urllib.parse import urlencode
from uuid import UUID

import structlog
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from bot.identity import Account
from bot.inspector import views
from bot.inspector.charts import (
    OUTCOMES,
    SPANS,
    VERDICTS,
    Bar,
    Span,
    bars,
    plain_bars,
    spread,
    stacked,
)
from bot.inspector.story import Story, tell
from bot.inspector.views import STATIC, Link, filled, run_values
from bot.store import HOUR_US, Cursor, Expense, Filters, Hour, RunStart, Store, StoreUnavailable
from bot.store.hours import OTHERS, account_of, costliest

# The query parameters of the list: filters and the page, which can be bookmarked.


NAMES = ("outcome", "verdict", "connector", "person", "model")
_LONGEST = 200
"""Most characters of a filter."""
_ID = re.compile("[0-9a-f-]{36}")


class BadQuery(Exception):
    """A query parameter is invalid; the message names it."""


@dataclass(frozen=True, slots=True)
class Query:
    """The list's query parameters.

    `given` are the filters as texts. The page has the runs that are older than `older`, or newer
    than `newer`.
    """

    filters: Filters
    given: dict[str, str]
    older: Cursor | None
    newer: Cursor | None

    @property
    def first(self) -> bool:
        """Whether it is the first page, with the newest runs, which is refreshed by itself."""
        return self.older is None and self.newer is None

    def address(self, **changes: str) -> str:
        """The list's URL with some parameters changed; empty ones are left out."""
        wanted = {key: value for key, value in {**self.given, **changes}.items() if value}
        return f"/runs?{urlencode(wanted)}" if wanted else "/runs"


def read_query(parameters: Mapping[str, str]) -> Query:
    """Reads the parameters; raises `BadQuery`."""
    given = {name: parameters.get(name, "").strip()[:_LONGEST] for name in NAMES}
    times = {name: parameters.get(name, "").strip() for name in ("since", "until")}
    filters = Filters(
        **given, since_us=_time("since", times["since"]), until_us=_time("until", times["until"])
    )
    kept = {key: value for key, value in {**given, **times}.items() if value}
    older, newer = parameters.get("older", ""), parameters.get("newer", "")
    return Query(filters, kept, _cursor("older", older), _cursor("newer", newer))


def cursor_text(cursor: Cursor) -> str:
    """A position in the list as a query parameter."""
    return f"{cursor.started_us}-{cursor.run_id}"


def _cursor(name: str, text: str) -> Cursor | None:
    if not text:
        return None
    time, _, run_id = text.partition("-")
    if not (time.isascii() and time.isdigit() and len(time) < 18 and _ID.fullmatch(run_id)):
        raise BadQuery(f"{name} is no place of the list")
    return Cursor(int(time), run_id)


def _time(name: str, text: str) -> int | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        found = found if found.tzinfo else found.replace(tzinfo=UTC)
        return round(found.timestamp() * 1e6)
    except (ValueError, OverflowError) as error:
        raise BadQuery(f"{name} is no time: give one like 2026-11-23T09:30 (UTC)") from error


# The overview of the runs of a day, a week or a month.


Hourly = dict[int, Hour]
"""Statistics of hours by their beginning, in microseconds since the epoch."""

_MOST = 20
"""Most models and people that are listed one by one."""


def since_us(span: Span, now_us: int) -> int:
    """The beginning of a span that ends now, in microseconds since the epoch."""
    return now_us - span.hours * HOUR_US


def overview_values(span: Span, now_us: int, hours: Hourly, lacking: int) -> dict[str, Any]:
    """The values for the overview's template; `lacking` is how many hours are not counted yet."""
    some = bars(hours, since_us(span, now_us), span)
    total = Hour()
    for bar in some:
        total.add_figures(bar.hour)
    for hour in hours.values():
        total.add_spent(hour)
    return {
        "spans": SPANS,
        "span": span,
        "total": total,
        "whole": Bar(0, total),
        "lacking": lacking,
        "bars": some,
        "outcomes": [kind for kind in OUTCOMES if total.outcomes[kind]],
        "verdicts": [kind for kind in VERDICTS if total.verdicts[kind]],
        "pictures": {
            "outcomes": stacked("Answers by outcome", some, "outcomes", OUTCOMES),
            "verdicts": stacked("Answers by verdict", some, "verdicts", VERDICTS),
            "first_token": spread("Time to the first token", some, "first_token"),
            "first_text": spread("Time to the first text on the screen", some, "first_text"),
            "lag": spread("Time from the last token to the whole screen", some, "lag"),
            "limited": plain_bars("Calls refused with 429", some, lambda hour: hour.limited),
        },
        "percent": _percent,
        "models": _first(total.models),
        "people": _first(total.people),
        "spent_all": sum(spent.microusd for spent in total.models.values()),
        "tokens": sum(spent.tokens for spent in total.models.values()),
    }


def _percent(bar: Bar, what: str, share: float) -> float | None:
    """A percentile in microseconds."""
    value = bar.percentile(what, share)
    return None if value is None else value * 1e6


def _first(spent: Mapping[str, Expense]) -> list[tuple[str, str, Expense]]:
    """The most expensive models or people, and the sum of all others.

    Each is a connector (empty for models), a name, and the expense.
    """
    ordered = costliest(spent)
    left = Expense()
    found: list[tuple[str, str, Expense]] = []
    for number, (key, each) in enumerate(ordered):
        who = account_of(key) if "\n" in key else Account("", "", key)
        if key == OTHERS or number >= _MOST:
            left.add(each)
        else:
            found.append((who.connector, each.name or who.name, each))
    return [*found, ("", "all others", left)] if left.runs else found


log = structlog.get_logger(__name__)

PAGE_RUNS = 100
"""Runs on one page of the list."""


@dataclass(frozen=True, slots=True)
class Sight:
    """A visitor. `by` is their name for the log; `own`, if set, is the only person whose runs
    they may see."""

    by: str
    own: Account | None = None

    def sees(self, start: RunStart) -> bool:
        """Whether they may see a run."""
        return self.own is None or self.own == Account.of(start.place, start.person)


class InspectorDoor(Protocol):
    """Access control for the inspector; the app provides it, so that it shares the page's login."""

    middleware: Middleware
    """Rejects requests that are not allowed, and adds the security headers."""
    asks: bool
    """Whether visitors have to log in."""

    async def sight(self, request: Request) -> Sight | None:
        """The visitor; None if they have to log in first. Raises `StoreUnavailable`."""
        ...

    def way_in(self, path: str) -> str:
        """The URL of the login that leads back to `path`."""
        ...


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the inspector's pages."""

    now_us: Callable[[], int]
    """The current time in microseconds since the epoch."""
    link: Link
    questions: bool = False
    """Whether the list shows the first words of each question."""


Handler = Callable[["Inspector", Request, Sight], Awaitable[Response]]


def _guarded(handler: Handler) -> Callable[[Inspector, Request], Awaitable[Response]]:
    """Redirects visitors without access to the login, and turns errors into pages."""

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

    def __init__(self, store: Store, door: InspectorDoor, options: Options) -> None:
        self._store = store
        self.door = door
        self._options = options

    def routes(self) -> list[BaseRoute]:
        """The routes, all behind the access control."""
        behind = [self.door.middleware]
        return [
            Route("/runs", self._list, middleware=behind),
            Route("/runs/{name}", self._run, middleware=behind),
            Route("/overview", self._overview, middleware=behind),
            Mount("/inspector/static", StaticFiles(directory=STATIC), middleware=behind),
        ]

    def message(self, title: str, text: str, status: int) -> Response:
        """A page with a short message."""
        return self._page("message.html", status, title=title, text=text)

    @_guarded
    async def _list(self, request: Request, sight: Sight) -> Response:
        """The list, or with `part=rows` only its rows, which the page's script inserts."""
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
        """A run's page or, with an extension, its file.

        A run that the visitor may not see looks like one that doesn't exist.
        """
        name, _, kind = request.path_params["name"].partition(".")
        story = await self._story(name)
        hidden = story is not None and not sight.sees(story.row.start)
        if story is None or hidden or kind not in ("", "json", "md"):
            return self.message("There is no such run", "The list has the newest ones.", 404)
        person = str(Account.of(story.row.start.place, story.row.start.person))
        log.info("inspector.opened", by=sight.by, run_id=str(story.run_id), person=person)
        # In a thread: a long run takes a third of a second, and this event loop streams answers.
        if not kind:
            return await asyncio.to_thread(self._run_page, story)
        write = views.as_json if kind == "json" else views.as_markdown
        text = await asyncio.to_thread(write, story)
        media = "application/json" if kind == "json" else "text/markdown"
        # Only the id is in the name: text from a run could break out of the header.
        saved = {"Content-Disposition": f'attachment; filename="run-{story.run_id}.{kind}"'}
        return Response(text, media_type=media, headers=saved)

    def _run_page(self, story: Story) -> Response:
        return self._page("run.html", **run_values(story, self._options.link), alone=False)

    @_guarded
    async def _overview(self, request: Request, sight: Sight) -> Response:
        """The overview, for visitors who may see all runs."""
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
        # With `no-referrer`, browsers send the logout form with the header `Origin: null`, which
        # the check against cross-site requests refuses.
        return HTMLResponse(text, status, {"Referrer-Policy": "same-origin"})
