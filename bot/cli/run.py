"""`run` and `db`: the bot as a server, and its database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import click

from bot import logs
from bot.app.embedded import fetch_embedded
from bot.app.serve import serve
from bot.app.wiring import Half
from bot.cli.output import hint, unknown_setting
from bot.settings import Settings, load_database, load_settings, unknown_in_dotenv
from bot.store import upgrade as upgrade_database
from bot.words import english


@click.command()
@click.option("--only", type=click.Choice(["http", "gateway"]), help="Start one half of the bot.")
def run(only: Half | None) -> None:
    """Start the bot with every connector that has credentials; the page needs none."""
    settings = load_settings()
    logs.set_up(settings.log_level, settings.log_format)
    for name in unknown_in_dotenv():
        click.echo(f"Warning: {english(unknown_setting(name))}", err=True)
    for line in settings.bare_ids():
        click.echo(f"Warning: {line}", err=True)
    fetch_embedded(settings, hint)
    click.echo(f"Starting with {settings.model} ...", err=True)
    with asyncio.Runner(loop_factory=_event_loop()) as runner:
        code = runner.run(serve(settings, only, lambda at, names: _greet(settings, at, names)))
    raise SystemExit(code)


def _event_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's, where it is installed (there is none for Windows): it reads many streams for less
    CPU. None is Python's own."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        return None
    return new_event_loop


def _greet(settings: Settings, address: str, connectors: Sequence[str]) -> None:
    click.echo(f"\n  Everytoken is ready: {address}", err=True)
    click.echo(f"  Connected: {', '.join(connectors)}\n", err=True)
    if settings.provider == "local":
        click.echo("  A small embedded model answers: a demonstration, often wrong.", err=True)
        click.echo("  Choose another with MODEL, for example MODEL=openai:gpt-4o-mini.", err=True)
    if settings.public and settings.web_password is None:
        click.echo("  The page is closed on a public address: set WEB_PASSWORD.", err=True)
    if settings.port is not None and settings.host is None:
        click.echo(
            "  PORT without HOST listens on all of this machine's addresses, as hosting", err=True
        )
        click.echo("  services expect. On your own machine set HOST=127.0.0.1 as well.", err=True)
    click.echo("  Ctrl+C stops.\n", err=True)


@click.group()
def db() -> None:
    """The database."""


@db.command()
def upgrade() -> None:
    """Bring the database's tables up to date."""
    logs.set_up("error", "console")
    asyncio.run(upgrade_database(load_database()))
    click.echo("The database is up to date.")
