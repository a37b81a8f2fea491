"""The commands: `everytoken …`, or `python -m bot …` where nothing is installed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

import click

from bot.app import ChainBroken
from bot.cli.data import data, usage
from bot.cli.doctor import doctor
from bot.cli.output import fail
from bot.cli.run import ask, db, keys, run
from bot.cli.runs import runs
from bot.runs.outcomes import in_full
from bot.settings import SettingsError
from bot.store import StoreUnavailable
from connectors.base import Unavailable
from providers.base import ProviderError


def _version() -> str:
    """The installed version; a host that installs only the requirements has none."""
    try:
        return version("everytoken")
    except PackageNotFoundError:
        return "(not installed: run from its folder)"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(_version())
def cli() -> None:
    """A chat bot that proves that what the model generated is what you see."""


cli.add_command(run)
cli.add_command(ask)
cli.add_command(doctor)
cli.add_command(runs)
cli.add_command(usage)
cli.add_command(data)
cli.add_command(keys)
cli.add_command(db)


def main() -> None:
    """The console script: every expected failure is plain text and exit code 1."""
    try:
        cli(prog_name="everytoken")
    except ProviderError as error:
        fail(in_full(error))
    except (SettingsError, StoreUnavailable, Unavailable, ChainBroken) as error:
        fail(str(error))
