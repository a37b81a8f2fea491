"""`doctor`."""

from __future__ import annotations

import asyncio

import click

from bot import logs
from bot.cli.output import as_json_option, print_json
from bot.doctor import Check, examine


@click.command()
@click.option("--channel", help="A Discord channel's id: what the bot may do there.")
@as_json_option
def doctor(as_json: bool, channel: str | None) -> None:
    """Check settings, database, model and the whole way of a token, with a probe.

    The exit code is 1 where anything fails; each failure comes with its cure.
    """
    logs.set_up("critical", "console")
    checks = asyncio.run(examine(channel))
    healthy = all(check.ok for check in checks)
    if as_json:
        print_json({"ok": healthy, "checks": [check.as_dict() for check in checks]})
    else:
        for check in checks:
            _print(check)
    raise SystemExit(0 if healthy else 1)


def _print(check: Check) -> None:
    click.echo(f"{'ok  ' if check.ok else 'FAIL'} {check.name}: {check.detail}")
    if check.cure:
        click.echo(f"     cure: {check.cure}")
