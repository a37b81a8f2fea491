"""`tools`: whether they are on, and the rules by which they may be called without a press, see
docs/tools.md.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from datetime import UTC, datetime

import click

from bot.app.lifecycle import opened_store
from bot.cli.output import as_json_option, fail, print_json, settings_for_command
from bot.settings import Settings
from bot.store import ToolRule
from bot.words import typed


@click.group(invoke_without_command=True)
@click.pass_context
def tools(context: click.Context) -> None:
    """Turn tools off and on; what people have allowed of them. See docs/tools.md.

    Without a command: say whether they are on.
    """
    if context.invoked_subcommand is None:
        click.echo(asyncio.run(_state(settings_for_command())))


@tools.command()
def off() -> None:
    """Turn all tools off, in every process at once: no call is sent any more."""
    asyncio.run(_turn(settings_for_command(), off=True))
    click.echo("Tools are off.")


@tools.command()
def on() -> None:
    """Turn tools on again."""
    settings = settings_for_command()
    asyncio.run(_turn(settings, off=False))
    click.echo(asyncio.run(_state(settings)))


@tools.command()
@as_json_option
def rules(as_json: bool) -> None:
    """List the rules that hold now: who may have what called, where, and until when."""
    found = asyncio.run(_in_force(settings_for_command()))
    if as_json:
        print_json([_as_dict(rule) for rule in found])
        return
    for rule in found:
        click.echo(_line(rule))
    if not found:
        click.echo("No rule holds now.", err=True)


@tools.command()
@click.argument("rule_id", metavar="ID")
def revoke(rule_id: str) -> None:
    """End a rule: from the next call on people are asked again. ID is as `tools rules` lists it."""
    if not asyncio.run(_revoke(settings_for_command(), rule_id)):
        fail(f"No rule {rule_id} holds. `{typed('tools rules')}` lists those that do.")
    click.echo("The rule is revoked.")


async def _turn(settings: Settings, *, off: bool) -> None:
    async with opened_store(settings) as store:
        await (store.brakes.put_on("tools") if off else store.brakes.take_off("tools"))


async def _state(settings: Settings) -> str:
    async with opened_store(settings) as store:
        brakes = await store.brakes.every()
    if not settings.tools:
        return "Tools are off: TOOLS=false."
    if not brakes:
        return "Tools are on."
    by = brakes[0].by or "the operator"
    return f"Tools are off since {_time(brakes[0].since_us)}, by {by}: `{typed('tools on')}`"


async def _in_force(settings: Settings) -> list[ToolRule]:
    async with opened_store(settings) as store:
        return await store.rules.in_force()


async def _revoke(settings: Settings, rule_id: str) -> bool:
    async with opened_store(settings) as store:
        return await store.rules.revoke(rule_id)


def _line(rule: ToolRule) -> str:
    scope = rule.scope
    place = " / ".join(part for part in asdict(scope.place).values() if part)
    until = _time(rule.until_us)
    return f"{rule.id}  {scope.server}.{scope.tool}  for {scope.asker} in {place}  until {until}"


def _time(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).isoformat(timespec="minutes")


def _as_dict(rule: ToolRule) -> dict[str, object]:
    scope = asdict(rule.scope) | {"asker": str(rule.scope.asker)}
    return scope | {
        "id": rule.id,
        "approver": rule.approver,
        "made_us": rule.made_us,
        "until_us": rule.until_us,
    }
