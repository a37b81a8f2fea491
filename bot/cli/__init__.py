"""The commands: `everytoken …`, or `python -m bot …` where nothing is installed.

Here are their names and what `--help` says of them; a command is imported once it is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import click

from bot.imports import uncollected

COMMANDS: Mapping[str, tuple[str, str]] = {
    "ask": ("bot.cli.ask", "Ask one question; the answer is streamed to the terminal."),
    "chat": ("bot.cli.ask", "Talk with the model in the terminal."),
    "config": (
        "bot.cli.config",
        "The settings: whether they can be used, and where each comes from.",
    ),
    "data": ("bot.cli.data", "What is kept of a person: see it, erase it."),
    "db": ("bot.cli.run", "The database."),
    "doctor": ("bot.cli.doctor", "Check settings, database, model and the whole way of a token."),
    "init": ("bot.cli.config", "Ask five questions and write everytoken.toml."),
    "keys": ("bot.cli.keys", "The keys that sign the ids of the page's visitors."),
    "places": ("bot.cli.places", "The model, persona and manner of a channel: see them, set them."),
    "run": ("bot.cli.run", "Start the bot with every connector that has credentials."),
    "runs": ("bot.cli.runs", "The token log: what was asked, generated, recorded and shown."),
    "tools": ("bot.cli.tools", "Turn tools off and on; what people have allowed of them."),
    "usage": ("bot.cli.data", "Show how many runs, tokens and dollars were used."),
}
"""The module of each command, which has it under its name, and its line in the list of them."""


class _Commands(click.Group):
    """The commands of the table; listing them imports none."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        with uncollected():
            module = import_module(COMMANDS[cmd_name][0])
        command: click.Command = module.__dict__[cmd_name]
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


def _print_version(context: click.Context, _option: click.Parameter, asked: bool) -> None:
    """Prints the installed version; a host that installs only the requirements has none."""
    if not asked:
        return
    from importlib.metadata import PackageNotFoundError, version  # for this alone

    try:
        installed = version("everytoken")
    except PackageNotFoundError:
        installed = "(not installed: run from its folder)"
    click.echo(f"everytoken, version {installed}")
    context.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """A chat bot that proves that what the model generated is what you see."""


def main() -> None:
    """The console script: every expected failure is plain text and exit code 1."""
    try:
        cli(prog_name="everytoken")
    except Exception as error:
        from bot.cli.output import expected, fail  # what raises these has imported all of it

        if (told := expected(error)) is None:
            raise
        fail(told)
