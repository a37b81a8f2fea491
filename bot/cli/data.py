"""`data` and `usage`: what is kept of a person, and who used how much."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import get_args

import click

from bot.app import retention
from bot.app.lifecycle import now_us, opened_store
from bot.cli.output import as_json_option, fail, one_line, print_json, settings_for_command, usd
from bot.identity import Account
from bot.settings import Settings
from bot.store import By, Rows, Total

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
        account, rows = asyncio.run(retention.person_data(settings_for_command(), person))
    except retention.PersonUnknown as error:
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
        account, erased = asyncio.run(retention.erase_person(settings_for_command(), person))
    except (retention.PersonUnknown, retention.PersonBusy) as error:
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
        click.echo(f"\n{row['run_id']}  {one_line(row['question'])}")
        click.echo(f"  {one_line(row['generated_text'])}")
    click.echo("\n`--json` shows every row.")


# `usage`: who used how much, with which model, and at what price.


_DAY_US = 86_400_000_000


@click.group(invoke_without_command=True)
@click.option("--by", default="person", show_default=True, type=click.Choice(get_args(By)))
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 3650))
@as_json_option
@click.pass_context
def usage(context: click.Context, by: By, days: int, as_json: bool) -> None:
    """Show how many runs, tokens and dollars were used, the most first."""
    if context.invoked_subcommand is not None:
        return
    totals = asyncio.run(_totals(settings_for_command(), by, days))
    if as_json:
        print_json([_as_dict(total) for total in totals])
        return
    for total in totals:
        click.echo(_line(total))
    if not totals:
        click.echo(f"No runs in the last {days} days.", err=True)


@usage.command()
@click.argument("person")
def reset(person: str) -> None:
    """Reset a person's limits: what they have used no longer counts against them.

    PERSON is connector:id or slack:workspace/id, or an id that only one person has. The totals
    stay as they are.
    """
    try:
        account = asyncio.run(retention.reset_person(settings_for_command(), person))
    except retention.PersonUnknown as error:
        fail(str(error))
    click.echo(f"The limits of {account} are reset.")


async def _totals(settings: Settings, by: By, days: int) -> list[Total]:
    async with opened_store(settings) as store:
        return await store.usage.totals(by, now_us() - days * _DAY_US)


def _as_dict(total: Total) -> dict[str, object]:
    values = asdict(total)
    del values["bucket_us"]
    return values


def _price(total: Total) -> str:
    """What it cost, as far as prices are known; a part of it is said to be one."""
    if not total.unpriced:
        return usd(total.microusd)
    return f"{usd(total.microusd)} or more" if total.microusd else "unknown"


def _line(total: Total) -> str:
    name = f"{total.key} ({total.name})" if total.name else total.key
    notes = [f"{total.unpriced} without a known price"] if total.unpriced else []
    notes += [f"{total.estimated} estimated"] if total.estimated else []
    notes += [f"{total.unfinished} unfinished"] if total.unfinished else []
    return (
        f"{name:<40} {total.runs:>6} runs  {total.input_tokens:>12,} in  "
        f"{total.output_tokens:>12,} out  {_price(total):>14}"
        + (f"  ({', '.join(notes)})" if notes else "")
    )
