"""`ask` and `chat`: questions at the terminal, without a server."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from mimetypes import guess_type
from pathlib import Path
from typing import Any
from uuid import uuid4

import click

from bot.app.deciding import Allows, nothing
from bot.app.dialogue import Dialogue, dialogue
from bot.app.embedded import fetch_embedded
from bot.cli.output import as_json_option, fail, hint, print_json, settings_for_command
from bot.cli.screen import MarkdownScreen, sets_markdown
from bot.runs import Outcome, Result
from bot.runs.outcomes import in_full
from bot.runs.receipts import Verdict, summary, worth_saying
from bot.settings import Settings
from bot.store import CallRow
from bot.tools import arguments_of, harmless
from bot.words import Language, Sentence, language_of, render, system_language, typed
from connectors.base import File

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""

_HELP = """\
/new    the model forgets what was said before
/quit   ends the conversation, as Ctrl-D does
Ctrl-C  ends the answer that is being written"""

_OPTIONS = (
    click.option("-m", "--model", help="The model that answers, as MODEL names it."),
    click.option("-s", "--system", help="The system prompt, instead of SYSTEM_PROMPT."),
    click.option("-c", "--continue", "goes_on", is_flag=True, help="Go on with the last one."),
    click.option("-v", "--verbose", is_flag=True, help="Log to standard error."),
)


def _with_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command()
@click.argument("words", nargs=-1, metavar="[QUESTION]...")
@_with_options
@click.option(
    "-f",
    "--file",
    "paths",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file that goes with the question, or has it spoken; several times for several.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder that files of the answer are written to.",
)
@as_json_option
def ask(
    words: tuple[str, ...],
    paths: tuple[Path, ...],
    as_json: bool,
    goes_on: bool,
    out: Path | None,
    **given: Any,
) -> None:
    """Ask one question; the answer is streamed to the terminal.

    What standard input has follows the question, or is the question.

    The exit code is 0 where the answer is complete and its receipt whole, and 130 after Ctrl-C.
    """
    question = _question(words, optional=bool(paths))
    settings = _settings(**given)
    attached = _attached(paths, settings.max_file_bytes)
    code = _run(_ask(settings, question, attached, as_json=as_json, goes_on=goes_on, out=out))
    sys.stdout.flush()  # where nobody reads any more, click ends the command quietly here
    raise SystemExit(code)


@click.command()
@_with_options
def chat(goes_on: bool, **given: Any) -> None:
    """Talk with the model in the terminal."""
    raise SystemExit(_run(_chat(_settings(**given), goes_on=goes_on)))


def _run(work: Any) -> int:
    try:
        return int(asyncio.run(work))
    except KeyboardInterrupt:
        return INTERRUPTED


def _settings(model: str | None, system: str | None, verbose: bool) -> Settings:
    given = {"model": model, "system_prompt": system}
    chosen = {name: value for name, value in given.items() if value is not None}
    settings = settings_for_command(chosen, quiet=not verbose)
    fetch_embedded(settings, hint)
    return settings


def _attached(paths: tuple[Path, ...], most: int) -> dict[File, bytes]:
    """The files with their content: of a larger one no more than shows that it is."""
    found = {}
    for number, path in enumerate(paths, 1):
        try:
            with path.open("rb") as file:
                content = file.read(most + 1)
        except OSError as error:
            fail(f"{path} can't be read: {error.strerror}")
        media_type = guess_type(path.name)[0] or "application/octet-stream"
        size = max(len(content), path.stat().st_size)
        found[File(f"{number}-{uuid4().hex}", path.name, media_type, size)] = content
    return found


def _question(words: tuple[str, ...], *, optional: bool = False) -> str:
    """The words, and what standard input has, unless a person sits there.

    `optional`: there may be none.
    """
    given = "" if sys.stdin is None or sys.stdin.isatty() else _input()
    question = "\n\n".join(part for part in (" ".join(words), given) if part.strip())
    if not question and not optional:
        fail(f"There is no question. Ask one: {typed('ask Why is the sky blue?')}")
    return question


def _input() -> str:
    try:
        return sys.stdin.buffer.read().decode(errors="replace").rstrip("\n")
    except OSError:  # there is none, as under some supervisors
        return ""


async def _ask(
    settings: Settings,
    question: str,
    attached: dict[File, bytes],
    *,
    as_json: bool,
    goes_on: bool,
    out: Path | None,
) -> int:
    with _output(settled=as_json) as screen:
        async with (
            dialogue(settings, screen, _decider(screen), goes_on=goes_on, folder=out) as talk,
            _stoppable(talk) as stopped,
        ):
            result = await talk.ask(question, attached)
            _end(screen)
            left = talk.left
    if as_json:
        print_json(_as_dict(result))
    elif not left:
        _tell(result)
    return INTERRUPTED if stopped.is_set() else _code(result)


async def _chat(settings: Settings, *, goes_on: bool) -> int:
    seated = sys.stdin.isatty()
    if seated:
        with suppress(ImportError):  # no such module on Windows
            import readline  # noqa: F401 - `input` edits lines with it
        click.echo(f"{settings.model}. /help says what can be typed.", err=True)
    with _output() as screen:
        async with dialogue(settings, screen, _decider(screen), goes_on=goes_on) as talk:
            while (line := _line(seated)) is not None:
                if line == "/quit" or talk.left:
                    break
                await _take(line, talk, screen)
    return 0


async def _take(line: str, talk: Dialogue, screen: Any) -> None:
    if line == "/new":
        talk.forget()
        click.echo("Forgotten. The model is told nothing of what was said before.", err=True)
    elif line == "/help":
        click.echo(_HELP, err=True)
    elif line.strip():
        async with _stoppable(talk):
            result = await talk.ask(line)
        _end(screen)
        _tell(result)


def _line(seated: bool) -> str | None:
    """The next line that is typed; None at the end. Nothing runs meanwhile that could wait."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return input("> " if seated else "")
    except EOFError:
        return None
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _output(*, settled: bool = False) -> Iterator[Any]:
    """What an answer is written to: nothing where it is printed once it is `settled`."""
    if settled:
        yield None
    elif sets_markdown(sys.stdout):
        screen = MarkdownScreen(sys.stdout)
        try:
            yield screen
        finally:
            screen.end()
    else:
        yield sys.stdout


def _end(screen: Any) -> None:
    if isinstance(screen, MarkdownScreen):
        screen.end()


@asynccontextmanager
async def _stoppable(talk: Dialogue) -> AsyncIterator[asyncio.Event]:
    """Ctrl-C ends the answer, which then has its receipt; a second one ends the command."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()

    def hear() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        stopped.set()
        talk.stop()

    with suppress(NotImplementedError):  # on Windows the command ends at once
        loop.add_signal_handler(signal.SIGINT, hear)
    try:
        yield stopped
    finally:
        with suppress(NotImplementedError):
            loop.remove_signal_handler(signal.SIGINT)


def _tell(result: Result) -> None:
    """Beside the answer: what went wrong, and the receipt."""
    if result.failure is not None:
        click.echo(f"\n{in_full(result.failure)}", err=True)
    elif result.notes:
        click.echo("\n" + "\n".join(result.notes), err=True)
    told = [result.outcome.value, f"run {result.run_id}"]
    if worth_saying(result.receipt, result.tokens):
        told.insert(1, summary(result.receipt, result.tokens).to(_language()).text)
    click.echo(f"\n{' · '.join(told)}", err=True)


def _code(result: Result) -> int:
    whole = result.receipt.verdict in (Verdict.VERIFIED, Verdict.MENDED)
    return 0 if whole and result.outcome is Outcome.COMPLETE else 1


def _language() -> Language:
    """The language of who is at this terminal."""
    return (
        language_of(system_language())
        or language_of(os.environ.get("LANGUAGE", ""))
        or (Language.ENGLISH)
    )


def _interactive() -> bool:
    """Whether somebody sits there who can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _decider(screen: Any) -> Allows:
    """Who decides about tool calls that wait for somebody."""
    if not _interactive():
        return nothing

    async def decide(call: CallRow) -> bool:
        if isinstance(screen, MarkdownScreen):
            screen.hold()
        return await _allows(call)

    return decide


async def _allows(call: CallRow) -> bool:
    """Asks whether a call may be made; y allows it."""
    shown = {
        "name": call.asked.tool,
        "server": call.asked.server,
        "arguments": json.dumps(arguments_of(call.asked.arguments), ensure_ascii=False, indent=2),
    }
    asking = render(Sentence("ask.allow", shown), _language())
    click.echo(f"\n{harmless(asking)} ", err=True, nl=False)
    said = await asyncio.to_thread(sys.stdin.readline)
    return said.strip().lower() in ("y", "yes")


def _as_dict(result: Result) -> dict[str, object]:
    return {
        "answer": result.text,
        "run_id": str(result.run_id),
        "outcome": result.outcome.value,
        "error": result.error,
        "tokens": result.tokens,
        "receipt": result.receipt.as_dict(),
    }
