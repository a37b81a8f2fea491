"""How commands speak: JSON for programs, plain lines for people, failures to standard error."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import click

from bot import logs
from bot.app.dialogue import NothingToGoOnWith
from bot.app.selftest import ChainBroken
from bot.runs.outcomes import in_full
from bot.settings import Settings, SettingsError, load_settings, meant
from bot.store import RunEnd, StoreUnavailable
from bot.words import Sentence
from connectors.base import Unavailable
from providers.base import ProviderError

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def settings_for_command(
    given: Mapping[str, Any] | None = None, *, quiet: bool | None = None
) -> Settings:
    """The settings, with the log turned down to errors: a command's output is its own.

    What is `given` comes before the environment. `quiet` turns the log down further; false leaves
    it as it is set.
    """
    settings = load_settings(given=given)
    level = "error" if quiet is None else "critical" if quiet else settings.log_level
    logs.set_up(level, settings.log_format)
    return settings


def print_json(value: Any) -> None:
    """Prints one JSON document."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def hint(line: str) -> None:
    """Says something beside the command's output, on standard error."""
    click.echo(line, err=True)


def fail(message: str) -> NoReturn:
    """Ends the command with a plain message and exit code 1."""
    click.echo(message, err=True)
    raise SystemExit(1)


def expected(error: Exception) -> str | None:
    """What is said of a failure that may happen to any command; None for all others."""
    if isinstance(error, ProviderError):
        return in_full(error)
    known = isinstance(
        error, (SettingsError, StoreUnavailable, Unavailable, ChainBroken, NothingToGoOnWith)
    )
    return str(error) if known else None


def one_line(text: Any, most: int = 200) -> str:
    """The beginning of a text, without what could steer a terminal."""
    line = " ".join(str(text or "").split())
    shown = "".join(c if c.isprintable() else "\ufffd" for c in line)
    return shown if len(shown) <= most else shown[:most] + " …"


# What was used, in words.


def usd(microusd: int) -> str:
    """Money; small sums with all of their digits."""
    return f"{microusd / 1e6:,.2f} USD" if microusd >= 1_000_000 else f"{microusd / 1e6:.6f} USD"


def used_lines(model: str, end: RunEnd) -> Iterator[str]:
    """A run's tokens and their price, as `runs show` prints them; nothing where it used none."""
    if end.input_tokens is None or end.output_tokens is None:
        return
    cached = f" ({end.cached_input_tokens:,} of them cached)" if end.cached_input_tokens else ""
    estimated = ", estimated" if end.usage_estimated else ""
    yield f"usage     {end.input_tokens:,} tokens in{cached}, {end.output_tokens:,} out{estimated}"
    if end.cost_microusd is None:
        yield f"cost      unknown: no price is known for {model}"
    else:
        yield f"cost      {usd(end.cost_microusd)}{estimated}"


# What cures a name in `.env` that is no setting.


def misspelt(name: str) -> Sentence | None:
    """What cures a name in `.env` that is most like a setting; None where it is like none."""
    other = meant(name)
    if other is None:
        return None
    return Sentence("cure.settings.misspelt", {"meant": other, "name": name})


def unknown_setting(name: str) -> Sentence:
    """What is said of a name in `.env` that is no setting."""
    if (other := meant(name)) is not None:
        return Sentence("settings.misspelt", {"name": name, "meant": other})
    return Sentence("settings.unknown", {"name": name})
