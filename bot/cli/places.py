"""`places`: what is set for threads, channels, categories and workspaces, see docs/places.md."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from bot.app.lifecycle import opened_store
from bot.app.models import make_scopes
from bot.app.wiring import connector_for_reading
from bot.cli.output import as_json_option, fail, print_json, settings_for_command
from bot.scopes import (
    SETTINGS,
    FoundValue,
    Holding,
    Scopes,
    WrongValue,
    known_scope,
    lineage_for,
    lines,
    shown,
)
from bot.settings import Settings
from bot.store import ScopeChange, Store
from connectors.base import Place, Scope

OPERATOR = "operator"
"""Who the log names for a change by this command."""

_SCOPE = click.argument("scope", metavar="SCOPE")


@click.group()
def places() -> None:
    """The model, persona and manner of a channel: see them, set them. See docs/places.md.

    SCOPE is like slack:T1/C2 (a channel), slack:T1/C2/1700.1 (a thread), discord:G1/category/9,
    slack:T1 (a workspace), or default.
    """


@places.command()
@click.argument("scope", metavar="SCOPE", required=False)
@as_json_option
def show(scope: str | None, as_json: bool) -> None:
    """Show what holds in a scope and where it comes from; without SCOPE, all that is set."""
    settings = settings_for_command()
    if scope is None:
        _print_all(asyncio.run(_everything(settings)), as_json=as_json)
        return
    holding = asyncio.run(_holding(settings, _known(scope)))
    if as_json:
        paused = None if holding.paused is None else str(holding.paused)
        print_json(holding.record() | ({"paused": paused} if paused else {}))
    else:
        _print_holding(holding)


def _print_holding(holding: Holding) -> None:
    for name, value, source in lines(holding):
        click.echo(f"{name:<20} {value}  from {source}")
    for name in SETTINGS:
        if name not in holding.values and name != "prompt":
            click.echo(f"{name:<20} -  as for everybody")
    if holding.persona is not None:
        click.echo(f"\n{holding.persona.prompt}")
    if holding.paused is not None:
        click.echo(f"Paused: {holding.paused}.")
    for model, where in holding.gone:
        click.echo(f"{model} is set for {where} and not offered any more.", err=True)


@places.command(name="set")
@_SCOPE
@click.argument("values", metavar="NAME=VALUE…", nargs=-1, required=True)
def set_values(scope: str, values: Sequence[str]) -> None:
    """Set values: model=deep, persona=Lawyer, prompt=@file.txt, and so on.

    What there is: model, persona with prompt, tools, reasoning, language, follow_ups,
    max_question_chars, max_answer_tokens, history_messages, run_seconds,
    allow_people. A change holds from the next answer on.
    """
    _change(scope, dict(map(_pair, values)))


@places.command()
@_SCOPE
@click.argument("names", metavar="NAME…", nargs=-1, required=True)
def unset(scope: str, names: Sequence[str]) -> None:
    """Take values out: what is set for a wider scope holds again."""
    _change(scope, dict.fromkeys(names))


@places.command()
@_SCOPE
def pause(scope: str) -> None:
    """Begin no more answers in a scope (`default`: anywhere) until `resume`.

    Answers that have begun go on.
    """
    done = asyncio.run(_paused(settings_for_command(), _known(scope), pause_it=True))
    click.echo(f"Paused: {scope}." if done else f"{scope} was paused already.")


@places.command()
@_SCOPE
def resume(scope: str) -> None:
    """Answer again in a scope that was paused. A wider one that is paused as well stays so."""
    done = asyncio.run(_paused(settings_for_command(), _known(scope), pause_it=False))
    click.echo(f"Resumed: {scope}." if done else f"{scope} was not paused.")


@places.command()
@click.argument("scope", metavar="SCOPE", required=False)
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@as_json_option
def log(scope: str | None, limit: int, as_json: bool) -> None:
    """List the changes, newest first: who changed what, when, from what, to what."""
    wanted = [] if scope is None else [_known(scope)]
    changes = asyncio.run(_log(settings_for_command(), wanted, limit))
    if as_json:
        print_json([_change_as_dict(change) for change in changes])
        return
    for change in changes:
        click.echo(
            f"{_time(change.at_us)}  {change.scope}  {change.name}: "
            f"{shown(change.name, change.before)} -> {shown(change.name, change.after)}"
            f"  by {change.by or 'somebody whose data was erased'}"
        )
    if not changes:
        click.echo("Nothing was changed yet.", err=True)


def _pair(value: str) -> tuple[str, str]:
    name, equals, text = value.partition("=")
    if not equals:
        fail(f"{value} is no NAME=VALUE.")
    if not text.startswith("@"):
        return name, text
    try:
        return name, Path(text[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{text[1:]} can't be read: {getattr(error, 'strerror', None) or 'it is no UTF-8'}")


def _known(scope: str) -> Scope:
    try:
        return known_scope(scope)
    except WrongValue as error:
        fail(f"{_sentence(error)}.")


def _change(scope: str, written: dict[str, Any]) -> None:
    try:
        changes = asyncio.run(_changed(settings_for_command(), _known(scope), written))
    except WrongValue as error:
        fail(_sentence(error))
    for change in changes:
        before, after = shown(change.name, change.before), shown(change.name, change.after)
        click.echo(f"{change.scope}  {change.name}: {before} -> {after}")
    if not changes:
        click.echo("That is what was set already.", err=True)


def _sentence(error: WrongValue) -> str:
    said = str(error)
    return said[:1].upper() + said[1:]


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[tuple[Store, Scopes]]:
    async with opened_store(settings) as store:
        yield store, make_scopes(settings, store)


async def _changed(
    settings: Settings, scope: Scope, written: dict[str, Any]
) -> Sequence[ScopeChange]:
    async with _opened(settings) as (_, scopes):
        return await scopes.change(scope, written, OPERATOR)


async def _paused(settings: Settings, scope: Scope, *, pause_it: bool) -> bool:
    async with _opened(settings) as (_, scopes):
        return await (scopes.pause if pause_it else scopes.resume)(scope, OPERATOR)


async def _holding(settings: Settings, scope: Scope) -> Holding:
    async with _opened(settings) as (store, scopes):
        place = Place(scope.connector, scope.workspace, scope.channel, scope.thread)
        async with connector_for_reading(settings, store, place) as connector:
            return await scopes.holding_for(await lineage_for(connector, scope))


async def _everything(settings: Settings) -> Sequence[tuple[str, FoundValue]]:
    async with _opened(settings) as (_, scopes):
        return await scopes.everything()


async def _log(settings: Settings, scopes: Sequence[Scope], limit: int) -> Sequence[ScopeChange]:
    async with _opened(settings) as (_, found):
        return await found.log(scopes, limit)


def _print_all(found: Sequence[tuple[str, FoundValue]], *, as_json: bool) -> None:
    if as_json:
        rows = [{"scope": str(f.scope), "name": n, "value": f.value, "from": f.source}
                for n, f in found]  # fmt: skip
        print_json(rows)
        return
    for name, one in found:
        click.echo(f"{one.source:<30} {name:<20} {shown(name, one.value)}")
    if not found:
        click.echo("Nothing is set: everything is as for everybody.", err=True)


def _change_as_dict(change: ScopeChange) -> dict[str, Any]:
    return {
        "id": change.id,
        "at": _time(change.at_us),
        "scope": str(change.scope),
        "name": change.name,
        "before": change.before,
        "after": change.after,
        "by": change.by,
    }


def _time(us: int) -> str:
    return datetime.fromtimestamp(us / 1e6, UTC).isoformat(timespec="seconds")
