"""`ask`."""

from __future__ import annotations

import asyncio
import sys

import click

from bot import app
from bot.cli.output import as_json_option, print_json, settings_for_command
from bot.receipts import Verdict, summary
from bot.runs import Outcome, Result


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
