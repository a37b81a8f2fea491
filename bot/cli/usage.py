"""`usage`: who used how much, with which model, and at what price."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import get_args

import click

from bot import app
from bot.cli.money import usd
from bot.cli.output import as_json_option, fail, print_json, settings_for_command
from bot.settings import Settings
from bot.store import By, Total

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
    """Let a person begin anew: what they have used counts no more against their limits.

    PERSON is connector:id or slack:workspace/id, or an id that only one person has. The totals
    stay as they are.
    """
    try:
        account = asyncio.run(app.reset_person(settings_for_command(), person))
    except app.PersonUnknown as error:
        fail(str(error))
    click.echo(f"The limits of {account} begin anew.")


async def _totals(settings: Settings, by: By, days: int) -> list[Total]:
    async with app.opened_store(settings) as store:
        return await store.usage.totals(by, app.now_us() - days * _DAY_US)


def _as_dict(total: Total) -> dict[str, object]:
    values = asdict(total)
    del values["bucket_us"]
    return values


def _line(total: Total) -> str:
    name = f"{total.key} ({total.name})" if total.name else total.key
    notes = [f"{total.unpriced} without a known price"] if total.unpriced else []
    notes += [f"{total.estimated} estimated"] if total.estimated else []
    notes += [f"{total.unfinished} unfinished"] if total.unfinished else []
    return (
        f"{name:<40} {total.runs:>6} runs  {total.input_tokens:>12,} in  "
        f"{total.output_tokens:>12,} out  {usd(total.microusd):>14}"
        + (f"  ({', '.join(notes)})" if notes else "")
    )
