"""How commands speak: JSON for programs, plain lines for people, failures to standard error."""

from __future__ import annotations

import json
from typing import Any, NoReturn

import click

from bot import logs
from bot.settings import Settings, load_settings

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def settings_for_command() -> Settings:
    """The settings, with the log turned down to errors: a command's output is its own."""
    settings = load_settings()
    logs.set_up("error", settings.log_format)
    return settings


def print_json(value: Any) -> None:
    """Prints one JSON document."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def fail(message: str) -> NoReturn:
    """Ends the command with a plain message and exit code 1."""
    click.echo(message, err=True)
    raise SystemExit(1)
