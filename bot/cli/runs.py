"""`runs`: the token log, for people and programs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from bot.app.lifecycle import now_us, opened_store
from bot.app.wiring import connector_for_reading
from bot.cli.output import (
    as_json_option,
    fail,
    one_line,
    print_json,
    settings_for_command,
    used_lines,
)
from bot.inspector import Story, call_as_dict, call_line, one_file, tell
from bot.runs import verify as verify_run
from bot.runs.receipts import Receipt, Verdict
from bot.scopes import made_lines
from bot.settings import Settings
from bot.store import AmbiguousRun, CallRow, EditRow, Filters, RunEnd, RunRow, Store, TokenRow
from bot.words import typed
from providers.base import ANSWER_KINDS

_run_id = click.argument("run_id", metavar="ID")


@click.group()
def runs() -> None:
    """The token log: what was asked, generated, recorded and shown."""


class _Moment(click.ParamType[int]):
    """A time, as microseconds since the epoch: `2h` ago, or a date, or a date and a time."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """Reads what was typed."""
        if match := _AGO.fullmatch(value.strip()):
            return now_us() - int(match[1]) * _UNITS_US[match[2]]
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no time: write 30m, 2h, 3d, or 2026-01-31 (UTC).", param, ctx)
        return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1_000_000)


_UNITS_US = {"m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000, "w": 604_800_000_000}
_AGO = re.compile(r"(\d{1,6})\s*([mhdw])")
_FILTERS = (
    click.option("--outcome", default="", help="complete, failed, stopped, … or running."),
    click.option("--verdict", default="", help="verified, mended, broken, unproven, or none."),
    click.option("--connector", default="", help="slack, discord, web, terminal."),
    click.option("--person", default="", help="Who asked: an id, or connector:realm/id."),
    click.option("--model", default="", help="The model, as MODEL names it."),
    click.option("--since", "since_us", type=_Moment(), help="30m, 2h, 3d, or 2026-01-31 (UTC)."),
    click.option("--until", "until_us", type=_Moment(), help="The same: those before it."),
)


def _filtered(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_FILTERS):
        command = option(command)
    return command


@runs.command(name="list")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@_filtered
@as_json_option
def list_runs(limit: int, as_json: bool, **given: Any) -> None:
    """List the newest runs, those alone that all filters let pass."""
    filters = Filters(**given)
    rows = asyncio.run(_newest(settings_for_command(), limit, filters))
    if as_json:
        print_json([run_as_dict(row) for row in rows])
        return
    if rows:
        click.echo(_HEADER)
    for row in rows:
        click.echo(f"{_line(row)}  {one_line(row.start.question, 40)}".rstrip())
    if not rows and filters == Filters():
        click.echo(f'No runs yet. Ask something: {typed("ask")} "..."', err=True)
    elif not rows:
        click.echo(f"No run is like that. Without filters: {typed('runs list')}", err=True)


@runs.command()
@_run_id
@as_json_option
@click.option(
    "--html", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write its page there."
)
def show(run_id: str, as_json: bool, file: Path | None) -> None:
    """Show one run: times, text, calls to the platform, receipt. ID may be a unique prefix."""
    if file is not None:
        _write_page(file, asyncio.run(_story(settings_for_command(), run_id)))
        return
    row, edits, tokens, calls = asyncio.run(_details(settings_for_command(), run_id))
    if as_json:
        details = {"tokens": [token._asdict() for token in tokens]}
        shown = {"edits": [asdict(edit) for edit in edits], "calls": list(map(call_as_dict, calls))}
        print_json(run_as_dict(row) | shown | details)
    else:
        _print_details(row, edits, tokens, calls)


@runs.command()
@_run_id
@as_json_option
def verify(run_id: str, as_json: bool) -> None:
    """Compare generated, recorded and shown once more; the message is read back.

    The exit code is 1 where a link is broken.
    """
    row, receipt = asyncio.run(_verified(settings_for_command(), run_id))
    if as_json:
        print_json({"run_id": str(row.start.run_id)} | receipt.as_dict())
    else:
        _print_receipt(row, receipt)
    raise SystemExit(1 if receipt.verdict is Verdict.BROKEN else 0)


@runs.command()
@_run_id
@click.option("--speed", default=1.0, show_default=True, type=click.FloatRange(0.01, 1000))
@as_json_option
def replay(run_id: str, speed: float, as_json: bool) -> None:
    """Type a run's tokens again at their recorded pace."""
    row, _, tokens, _ = asyncio.run(_details(settings_for_command(), run_id))
    if as_json:
        found = [token._asdict() for token in tokens]
        print_json({"run_id": str(row.start.run_id), "tokens": found})
    else:
        asyncio.run(type_again(tokens, speed))


async def _story(settings: Settings, prefix: str) -> Story:
    async with opened_store(settings) as store:
        return await tell(await _find(store, prefix), store)


def _write_page(file: Path, story: Story) -> None:
    try:
        file.write_text(one_file(story), encoding="utf-8")
    except OSError as error:
        fail(f"{file} can't be written: {error.strerror}")


async def _newest(settings: Settings, limit: int, filters: Filters) -> list[RunRow]:
    async with opened_store(settings) as store:
        page = await store.listing.page(filters, limit)
        rows = [await store.runs.get(UUID(found.run_id)) for found in page.runs]
        return [row for row in rows if row is not None]


_Details = tuple[RunRow, list[EditRow], list[TokenRow], list[CallRow]]


async def _details(settings: Settings, prefix: str) -> _Details:
    async with opened_store(settings) as store:
        row = await _find(store, prefix)
        run_id = row.start.run_id
        edits, tokens = await store.edits.read(run_id), await store.tokens.read(run_id)
        return row, edits, tokens, await store.calls.of_run(run_id)


async def _verified(settings: Settings, prefix: str) -> tuple[RunRow, Receipt]:
    async with opened_store(settings) as store:
        row = await _find(store, prefix)
        async with connector_for_reading(settings, store, row.start.place) as connector:
            return row, await verify_run(row, store, connector)


async def _find(store: Store, prefix: str) -> RunRow:
    try:
        found = await store.runs.find(prefix)
    except AmbiguousRun:
        fail(f"{prefix} is the beginning of more than one run's id: give more of it.")
    if found is None:
        fail(f"There is no run {prefix}. `{typed('runs list')}` shows the newest.")
    return found


async def type_again(tokens: Sequence[TokenRow], speed: float) -> None:
    """Writes an answer's tokens with the pauses that were between them, `speed` times as fast."""
    at_us = 0
    for token in tokens:
        if token.kind in ANSWER_KINDS:
            await asyncio.sleep((token.at_us - at_us) / 1_000_000 / speed)
            at_us = token.at_us
            click.echo(token.text, nl=False)
    click.echo()


def run_as_dict(row: RunRow) -> dict[str, Any]:
    """A run as JSON has it; what its end would fill is null until then."""
    start, end = row.start, row.end
    return {
        "run_id": str(start.run_id),
        "started": _time(start.started_us),
        **asdict(start.place),
        "person": start.person.name or start.person.id,
        "model": start.model,
        "made_with": start.made_with,
        "kind": start.kind,
        "parent_run_id": None if start.parent_run_id is None else str(start.parent_run_id),
        "question": start.question,
        "files": [file.name for file in start.files],
        **_end_as_dict(end, start.started_us),
    }


def _end_as_dict(end: Any, started_us: int) -> dict[str, Any]:
    names = (
        "outcome", "verdict", "finish_reason", "finish_word", "error", "tokens", "input_tokens",
        "output_tokens", "cached_input_tokens", "usage_estimated", "cost_microusd", "attempts",
        "first_token_us", "first_text_us", "generated_text", "receipt",
    )  # fmt: skip
    values = {name: getattr(end, name, None) for name in names}
    return values | {"duration_us": None if end is None else end.ended_us - started_us}


_HEADER = (
    f"{'ID':<8}  {'STARTED (UTC)':<25}  {'WHERE':<8} {'OUTCOME':<13} {'VERDICT':<9} "
    f"{'TOKENS':>6}         MODEL  QUESTION"
)


def _line(row: RunRow) -> str:
    start, end = row.start, row.end
    outcome = "unfinished" if end is None else end.outcome
    verdict = "-" if end is None or end.verdict is None else end.verdict
    tokens = 0 if end is None else end.tokens
    return (
        f"{str(start.run_id)[:8]}  {_time(start.started_us)}  {start.place.connector:<8} "
        f"{outcome:<13} {verdict:<9} {tokens:>6} tokens  {start.model}"
    )


def _print_details(
    row: RunRow, edits: Sequence[EditRow], tokens: Sequence[TokenRow], calls: Sequence[CallRow]
) -> None:
    start, end = row.start, row.end
    click.echo(_line(row))
    click.echo(f"run       {start.run_id}")
    click.echo(f"place     {' / '.join(part for part in asdict(start.place).values() if part)}")
    click.echo(f"person    {start.person.name} ({start.account})")
    click.echo(f"question  {start.question}")
    for file in start.files:
        click.echo(f"file      {file.name}")
    for name, value, source in made_lines(start.made_with):
        click.echo(f"{name:<9} {value}  from {source}")
    for attempt in (end.attempts if end is not None else None) or ():
        click.echo(f"try       {_attempt(attempt)}")
    click.echo(f"recorded  {len(tokens)} tokens")
    for call in calls:
        click.echo(f"call      {call_line(call)}")
    for edit in edits:
        fault = f"  {edit.error}" if edit.error else ""
        click.echo(
            f"{edit.at_us / 1e6:9.3f} s  {edit.call} part {edit.part}, "
            f"{edit.position} characters shown{fault}"
        )
    if end is not None:
        _print_end(start.model, end)


def _print_end(model: str, end: RunEnd) -> None:
    for line in used_lines(model, end):
        click.echo(line)
    click.echo(f"\n{end.generated_text}\n")
    if end.finish_word:
        click.echo(f"the service said {end.finish_word!r}")
    if told := masked_line(end):
        click.echo(told)
    late = " (late)" if end.receipt and end.receipt.get("late") else ""
    click.echo(f"{end.outcome}, {end.verdict}{late}" + (f": {end.error}" if end.error else ""))


def masked_line(end: RunEnd) -> str:
    """What services saw placeholders for, in one line; empty where nothing is masked."""
    masks = (end.receipt or {}).get("masks")
    if not masks:
        return ""
    kinds = ", ".join(f"{count} {kind.lower()}" for kind, count in masks["kinds"].items())
    return (
        f"masked    {masks['values']} values{f' ({kinds})' if kinds else ''} in "
        f"{masks['requests']} requests, none of which held one; "
        f"the service sent {masks['chars']} characters, sha256 {masks['sha256']}"
    )


def _attempt(attempt: dict[str, Any]) -> str:
    """One try of a model: when, which, why, where in the answer, and how it failed."""
    goes_on = f", goes on at character {attempt['chars']}" if attempt["chars"] else ""
    error = f": {attempt['error']}" if attempt["error"] else ""
    at_s = attempt["at_us"] / 1e6
    return f"{at_s:.3f} s  {attempt['model']} ({attempt['kind']}{goes_on}){error}"


def _print_receipt(row: RunRow, receipt: Receipt) -> None:
    click.echo(f"{row.start.run_id}: {receipt.verdict.value}")
    for name in ("generated", "recorded", "shown"):
        witness = getattr(receipt, name)
        told = "-" if witness is None else f"{witness.chars} characters, sha256 {witness.sha256}"
        click.echo(f"  {name:<9}  {told}")
    for fault in receipt.faults:
        click.echo(f"  broken: {fault}")
    if receipt.shown is not None:
        click.echo(f"  shown: what can be read was compared (normal form {receipt.plain})")
    if receipt.unproven:
        click.echo(f"  unproven: {receipt.unproven}")


def _time(us: int) -> str:
    return datetime.fromtimestamp(us / 1e6, UTC).isoformat(timespec="seconds")
