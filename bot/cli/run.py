"""`run`, `db`, `ask` and `keys`: the bot as a server, its database, one question, its signing
keys.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import click

from bot import app, logs
from bot.cli.output import as_json_option, fail, print_json, settings_for_command, unknown_setting
from bot.runs import Outcome, Result
from bot.runs.receipts import Verdict, summary
from bot.settings import Settings, load_settings, unknown_in_dotenv
from bot.store import upgrade as upgrade_database
from bot.words import english

# `run` and `db`.


@click.command()
@click.option("--only", type=click.Choice(["http", "gateway"]), help="Start one half of the bot.")
def run(only: app.Half | None) -> None:
    """Start the bot with every connector that has credentials; the page needs none."""
    settings = load_settings()
    logs.set_up(settings.log_level, settings.log_format)
    for name in unknown_in_dotenv():
        click.echo(f"Warning: {english(unknown_setting(name))}", err=True)
    for line in settings.bare_ids():
        click.echo(f"Warning: {line}", err=True)
    click.echo(f"Starting with {settings.model} ...", err=True)
    with asyncio.Runner(loop_factory=_event_loop()) as runner:
        code = runner.run(app.serve(settings, only, lambda at, names: _greet(settings, at, names)))
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
    click.echo("  Ctrl+C stops.\n", err=True)


@click.group()
def db() -> None:
    """The database."""


@db.command()
def upgrade() -> None:
    """Bring the database's tables up to date."""
    settings = settings_for_command()
    asyncio.run(upgrade_database(settings.database))
    click.echo("The database is up to date.")


# `ask`.


@click.command()
@click.argument("question")
@as_json_option
def ask(question: str, as_json: bool) -> None:
    """Ask one question; the answer is streamed to the terminal.

    The exit code is 0 where the answer is complete and its receipt whole.
    """
    settings = settings_for_command()
    result = asyncio.run(app.ask(settings, question, None if as_json else sys.stdout))
    if as_json:
        print_json(_as_dict(result))
    else:
        receipt = summary(result.receipt, result.tokens)
        click.echo(f"\n{result.outcome.value} · {receipt} · run {result.run_id}", err=True)
        sys.stdout.flush()  # where nobody reads any more, click ends the command quietly here
    whole = result.receipt.verdict in (Verdict.VERIFIED, Verdict.MENDED)
    raise SystemExit(0 if whole and result.outcome is Outcome.COMPLETE else 1)


def _as_dict(result: Result) -> dict[str, object]:
    return {
        "answer": result.text,
        "run_id": str(result.run_id),
        "outcome": result.outcome.value,
        "error": result.error,
        "tokens": result.tokens,
        "receipt": result.receipt.as_dict(),
    }


_SET = (
    "SECRET_KEY is set, and signs instead of keys in the database. To change it, put a new one in "
    "front: SECRET_KEY=new,old. Take the old one out later, and restart."
)
_WITHIN = f"within {app.KEYS_KNOWN_S:g} seconds"


@click.group()
def keys() -> None:
    """The keys that sign the ids of the page's visitors. See docs/security.md."""


@keys.command("list")
@as_json_option
def list_(as_json: bool) -> None:
    """List the keys by number and age, never themselves: the newest signs, all verify."""
    found = asyncio.run(app.keys_made(_settings()))
    if as_json:
        print_json([{"number": key.number, "made_us": key.made_us} for key in found])
        return
    for key in found:
        click.echo(_line(key.number, key.made_us, signs=key is found[0]))
    if not found:
        click.echo("There is none yet: the first visitor of the page makes it.")


@keys.command()
def rotate() -> None:
    """Add a key that signs from now on. The older ones still verify, until they are retired."""
    asyncio.run(app.rotate_keys(_settings()))
    click.echo(
        f"A new key signs: in processes that run, {_WITHIN}. Visitors who come back get their id "
        "signed by it. Once most have, `everytoken keys retire` ends the older ones."
    )


@keys.command()
@click.option("--yes", is_flag=True, help="Don't ask whether it is meant.")
def retire(yes: bool) -> None:
    """Delete all keys but the newest.

    Whoever has not come since that was made is a new visitor then: without the questions, files
    and limits of before.
    """
    if not yes:
        click.confirm("End all keys but the newest?", abort=True, err=True)
    gone = asyncio.run(app.retire_keys(_settings()))
    click.echo(f"{gone} older keys are gone. Processes that run forget them {_WITHIN}.")


def _settings() -> Settings:
    """The settings; the command fails where the database's keys count for nothing."""
    settings = settings_for_command()
    if settings.secret_key:
        fail(_SET)
    return settings


def _line(number: int, made_us: int, *, signs: bool) -> str:
    made = datetime.fromtimestamp(made_us / 1e6, UTC)
    return f"{number:>4}  {made:%Y-%m-%d %H:%M} UTC  {'signs' if signs else 'verifies'}"
