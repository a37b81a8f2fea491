"""`data`: what is kept of a person, to be seen and erased."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from bot import app
from bot.cli.output import as_json_option, fail, print_json, settings_for_command
from bot.identity import Account
from bot.store import Rows

_person = click.argument("person")
_REST = (
    "Not erased: the messages on the platform, which only people there can delete; what others "
    "wrote; the bot's own log files; and backups of the database."
)


@click.group()
def data() -> None:
    """What is kept of a person: see it, erase it. See docs/privacy.md."""


@data.command()
@_person
@as_json_option
def show(person: str, as_json: bool) -> None:
    """Show all that is kept of a person.

    PERSON is connector:id or slack:workspace/id, or an id that only one person has.
    """
    try:
        account, rows = asyncio.run(app.person_data(settings_for_command(), person))
    except app.PersonUnknown as error:
        fail(str(error))
    if as_json:
        print_json({"person": str(account), **rows})
    else:
        _print(account, rows)


@data.command()
@_person
@click.option("--yes", is_flag=True, help="Don't ask whether it is meant.")
@as_json_option
def delete(person: str, yes: bool, as_json: bool) -> None:
    """Erase all that is kept of a person, for good: their usage is not counted any more either.

    PERSON is connector:id or slack:workspace/id, or an id that only one person has.
    """
    if not yes:
        click.confirm(f"Erase all that is kept of {person}?", abort=True, err=True)
    try:
        account, erased = asyncio.run(app.erase_person(settings_for_command(), person))
    except (app.PersonUnknown, app.PersonBusy) as error:
        fail(str(error))
    if as_json:
        rows = {table: count for table, count in erased.rows.items() if count}
        print_json({"person": str(account), "rows": rows, "scrubbed": erased.scrubbed})
        return
    for table, count in sorted(erased.rows.items()):
        click.echo(f"{table:<14} {count:>8} rows erased")
    click.echo(f"Nothing is kept of {account} any more. {_REST}")
    if not erased.scrubbed:
        click.echo(
            "The database's file was in use: what was erased may still be legible in it until "
            "this command has run once more.",
            err=True,
        )


def _print(account: Account, rows: Rows) -> None:
    names = {row["person_name"] for table in ("inbox", "runs") for row in rows[table]}
    click.echo(f"{account}  {', '.join(sorted(names))}".rstrip())
    for table, found in rows.items():
        click.echo(f"{table:<14} {len(found):>8} rows")
    for row in rows["runs"]:
        click.echo(f"\n{row['run_id']}  {_one_line(row['question'])}")
        click.echo(f"  {_one_line(row['generated_text'])}")
    click.echo("\n`--json` shows every row.")


def _one_line(text: Any, most: int = 200) -> str:
    """The beginning of a text, without what could steer a terminal."""
    line = " ".join(str(text or "").split())
    shown = "".join(c if c.isprintable() else "\ufffd" for c in line)
    return shown if len(shown) <= most else shown[:most] + " …"
