"""Two services over real sockets, of which the first dies in mid-answer: the whole way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.callbacks import SEAM as THE_SEAM
from bot.words import small
from providers.base import GO_ON
from tests.doubles.commands import Ran, Shell, words
from tests.doubles.openai import Answer, Drop, OpenAIServer, Wait, failure, finish, text

SEAM = small(THE_SEAM)

pytestmark = pytest.mark.real_time

TOKENS = words(40)
FIRST, SECOND = "".join(TOKENS[:20]), "".join(TOKENS[20:])
BREAKS_OFF = Answer([*text(*TOKENS[:20]), Wait(0.2), Drop()])
GOES_ON = Answer([*text(*TOKENS[20:]), *finish()])


def services(azure: OpenAIServer, openai: OpenAIServer) -> dict[str, str]:
    """The settings of a bot with two models of different services."""
    return {
        "MODEL": "azure:a,openai:b",
        "AZURE_OPENAI_ENDPOINT": azure.root,
        "AZURE_OPENAI_API_KEY": "sk-secret-a",
        "OPENAI_BASE_URL": openai.url,
        "OPENAI_API_KEY": "sk-secret-b",
    }


@dataclass(frozen=True)
class Show:
    """What there was to see of one answer."""

    run_id: str
    footer: str
    parts: list[str]
    plain: Ran
    as_json: Ran
    verified: Ran
    asked: dict[str, Any]


@pytest.fixture(scope="module")
async def show(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Show]:
    """One question on the page; then the token log is looked at from the command line."""
    folder: Path = tmp_path_factory.mktemp("failover")
    async with OpenAIServer(BREAKS_OFF) as azure, OpenAIServer(GOES_ON) as openai:
        shell = Shell(folder, services(azure, openai))
        async with shell.bot() as bot, bot.page() as page:
            await page.ask("Count.")
            last = await page.shown(lambda message: "verified" in message["footer"])
            run_id = last["run_id"]
            await shell.recorded(1)
            plain, as_json, verified = await asyncio.gather(
                shell.run("runs", "show", run_id),
                shell.run("runs", "show", run_id, "--json"),
                shell.run("runs", "verify", run_id, "--json"),
            )
        asked = openai.exchanges[0].body
        # What readers saw is what the page keeps.
        kept = shell.query("SELECT text FROM web_messages WHERE run_id = ? ORDER BY seq", run_id)
        parts = [row[0] for row in kept]
        yield Show(run_id, last["footer"], parts, plain, as_json, verified, asked)


async def test_the_answer_is_whole_with_a_seam_and_verified(show: Show) -> None:
    """Two messages: what the first said, and the seam with what the second said."""
    assert show.parts == [FIRST.strip(), f"{SEAM}\n\n{SECOND.strip()}"]
    assert "verified" in show.footer
    run = show.as_json.json
    assert (run["outcome"], run["verdict"]) == ("complete", "verified")
    assert run["generated_text"] == FIRST + SECOND
    assert show.verified.json["verdict"] == "verified"


async def test_both_models_are_named_with_the_seams_place(show: Show) -> None:
    """For people and for programs."""
    run = show.as_json.json
    assert run["model"] == "azure:a,openai:b"
    first, second = run["attempts"]
    assert (first["model"], first["kind"]) == ("azure:a", "first")
    assert first["error"].startswith("Disconnected")
    assert (second["model"], second["kind"]) == ("openai:b", "failover")
    assert (second["chars"], second["error"]) == (len(FIRST), None)
    assert f"openai:b (failover, goes on at character {len(FIRST)})" in show.plain.out
    assert "azure:a (first): Disconnected" in show.plain.out
    assert [token["kind"] for token in run["tokens"]].index("seam") == 20


async def test_the_second_is_given_what_the_first_said(show: Show) -> None:
    """And nothing of the seam."""
    *_, said, wish = show.asked["messages"]
    assert said == {"role": "assistant", "content": FIRST}
    assert wish == {"role": "user", "content": GO_ON}


async def test_at_the_terminal_one_refused_key_is_no_end(shell: Shell) -> None:
    """The next service answers, and nobody but the log hears of it."""
    async with OpenAIServer(failure(401, "invalid_api_key")) as azure, OpenAIServer(GOES_ON) as b:
        ran = await shell.run("ask", "Count.", "--json", **services(azure, b))
    assert ran.code == 0
    assert ran.json["answer"] == SECOND
    assert len(azure.exchanges) == 1


async def test_a_model_that_refuses_at_start_keeps_the_bot_from_taking_messages(
    shell: Shell,
) -> None:
    """Where the operator wants it asked; in plain words, and with the way round."""
    async with OpenAIServer(failure(401, "invalid_api_key")) as refusing:
        settings = services(refusing, refusing) | {"START_CHECK": "model", "PORT": "0"}
        ran = await shell.run("run", HOST="127.0.0.1", **settings)
    assert (ran.code, ran.out) == (1, "")
    assert "is ready" not in ran.err
    assert "azure:a,openai:b does not answer: AuthFailed" in ran.err
    assert "START_CHECK=off" in ran.err
    assert len(refusing.exchanges) == 2
