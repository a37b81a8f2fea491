"""`config` and `init`: the settings as they are, whether they can be used, and a first file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import click
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from bot.app.models import make_servers, make_transcriber, scopes_of_file
from bot.cli.output import as_json_option, fail, print_json
from bot.runs.outcomes import in_full
from bot.scopes import Offered
from bot.settings import (
    CONFIG_FILE,
    DEFAULT_FILE,
    GROUPS,
    Settings,
    SettingsError,
    load_settings,
    own_fields,
    sources,
)
from bot.words import typed
from providers.base import ProviderError

_MASK = "********"
_file = click.argument(
    "file", required=False, type=click.Path(dir_okay=False, path_type=Path), metavar="FILE"
)


@click.group()
def config() -> None:
    """The settings: whether they can be used, and where each comes from. See docs/settings.md."""


@config.command()
@_file
def check(file: Path | None) -> None:
    """Check the environment, `.env` and FILE (usually everytoken.toml) without starting anything.

    The exit code is 1 where something can't be used; each fault is a line.
    """
    try:
        settings = load_settings(file)
        offered = Offered(tuple(settings.models), tuple(make_servers(settings).names))
        scopes = scopes_of_file(settings, offered)
        make_transcriber(settings)
    except SettingsError as error:
        fail(str(error))
    except ProviderError as error:
        fail(in_full(error))
    where = settings.file.path if settings.file else "no file"
    click.echo(f"The settings can be used ({where}, {len(scopes)} scopes).")


@config.command()
@click.option("--all", "everything", is_flag=True, help="Also those that have their default.")
@as_json_option
def show(everything: bool, as_json: bool) -> None:
    """Show the settings by group and where each value comes from; secrets are masked."""
    settings = load_settings()
    came = sources(settings)
    if as_json:
        print_json({n: {"value": _shown(settings, n), "from": came[n]} for n in came})
        return
    for group, cls in GROUPS.items():
        names = [n for n in own_fields(cls) if everything or came[n] != "default"]
        if names:
            click.echo(f"[{group}]")
        for name in names:
            where = settings.file.path if settings.file and came[name] == "file" else came[name]
            click.echo(f"{name} = {_shown(settings, name)}  ({where})")
    for scope, values in (settings.file.scopes if settings.file else {}).items():
        click.echo(f'[scopes."{scope}"]  {", ".join(values)}')


def _shown(settings: Settings, name: str) -> Any:
    """A setting's value for people, masked if it is a secret or may hold one."""
    value = getattr(settings, name)
    if value in (None, (), {}, frozenset()):
        return "-"
    if is_secret(Settings.model_fields[name]):
        return _MASK
    if isinstance(value, frozenset | tuple):
        return ", ".join(sorted(map(str, value)))
    if isinstance(value, Mapping):
        return json.dumps(value, default=str)
    return value if isinstance(value, bool | int | float) else str(value)


def is_secret(field: FieldInfo) -> bool:
    """Whether a setting's value is not for other eyes."""
    kinds = (field.annotation, *get_args(field.annotation))
    return SecretStr in kinds or field.repr is False


# The first file, by five questions.


@click.command()
@click.option("--force", is_flag=True, help="Replace the file that is there.")
def init(force: bool) -> None:
    """Ask five questions and write everytoken.toml."""
    path = Path(os.environ.get(CONFIG_FILE) or DEFAULT_FILE)
    if path.exists() and not force:
        fail(f"{path} is there already; --force replaces it.")
    text = _as_toml(_asked())
    try:
        with open(path, "w", encoding="utf-8", opener=_for_the_owner_alone) as file:
            file.write(text)
    except OSError as error:
        fail(f"{path} can't be written: {error.strerror}")
    click.echo(f"\n{path} is written; only you can read it.")
    try:
        load_settings(path)
    except SettingsError as error:
        fail(f"It can't be used yet:\n{error}")
    click.echo(f"Next: {typed('doctor')}, then {typed('run')}")


def _asked() -> dict[str, dict[str, str]]:
    """The answers, by group and setting."""
    told: dict[str, dict[str, str]] = {"model": {}, "slack": {}, "discord": {}, "people": {}}
    model = _ask("1/5 Which model answers (provider:name)?", Settings.model_fields["model"].default)
    told["model"]["model"] = model
    for name in _needs(model):
        told.setdefault(_group_of(name), {})[name] = _ask(f"    {name.upper()}", "", name)
    token = _ask("2/5 Slack's bot token (xoxb-…; empty: no Slack)", "", "slack_bot_token")
    if token:
        told["slack"]["slack_bot_token"] = token
        told["slack"]["slack_app_token"] = _ask("    its app token (xapp-…)", "", "slack_app_token")
    told["discord"]["discord_token"] = _ask(
        "3/5 Discord's bot token (empty: no Discord)", "", "discord_token"
    )
    told["people"]["admins"] = _ask("4/5 Who are the bot's admins (slack:U…, discord:…)?", "")
    told["answers"] = {
        "system_prompt": _ask(
            "5/5 What is the model told first?", Settings.model_fields["system_prompt"].default
        )
    }
    return told


def _ask(question: str, default: str, secret: str = "") -> str:
    hidden = bool(secret) and is_secret(Settings.model_fields[secret])
    answer: str = click.prompt(
        question, default=default, show_default=bool(default), hide_input=hidden
    )
    return answer.strip()


def _needs(model: str) -> tuple[str, ...]:
    """The settings that a model can't be used without, and the key that its service wants."""
    from providers.registry import PROVIDERS  # with what the question is about

    entry = PROVIDERS.get(model.partition(",")[0].partition(":")[0])
    if entry is None:
        return ()
    return tuple(dict.fromkeys((*entry.needs, *([entry.key] if entry.key else []))))


def _group_of(name: str) -> str:
    return next(group for group, cls in GROUPS.items() if name in own_fields(cls))


def _as_toml(told: Mapping[str, Mapping[str, str]]) -> str:
    """The answers as a file; those that are empty are left out."""
    return "".join(_lines(told))


def _lines(told: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    yield "# Settings of Everytoken; all of them: docs/settings.md. It may hold secrets.\n"
    for group, values in told.items():
        given = {name: value for name, value in values.items() if value}
        if given:
            yield f"\n[{group}]\n"
        for name, value in given.items():
            yield f"{name} = {json.dumps(value)}\n"


def _for_the_owner_alone(path: str, flags: int) -> int:
    descriptor = os.open(path, flags, 0o600)
    os.fchmod(descriptor, 0o600)
    return descriptor
