"""`keys`: what signs the ids of the page's visitors."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import click

from bot.app import retention
from bot.cli.output import as_json_option, fail, print_json, settings_for_command
from bot.settings import Settings
from bot.words import typed

_SET = (
    "SECRET_KEY is set, and signs instead of keys in the database. To change it, put a new one in "
    "front: SECRET_KEY=new,old. Take the old one out later, and restart."
)
_WITHIN = f"within {retention.KEYS_KNOWN_S:g} seconds"


@click.group()
def keys() -> None:
    """The keys that sign the ids of the page's visitors. See docs/security.md."""


@keys.command("list")
@as_json_option
def list_(as_json: bool) -> None:
    """List the keys by number and age, never themselves: the newest signs, all verify."""
    found = asyncio.run(retention.keys_made(_settings()))
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
    asyncio.run(retention.rotate_keys(_settings()))
    click.echo(
        f"A new key signs: in processes that run, {_WITHIN}. Visitors who come back get their id "
        f"signed by it. Once most have, `{typed('keys retire')}` ends the older ones."
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
    gone = asyncio.run(retention.retire_keys(_settings()))
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
