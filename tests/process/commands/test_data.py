"""`usage` and `data`: beside a bot that runs, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.doubles.commands import Shell, asks, whole
from tests.doubles.openai import OpenAIServer

pytestmark = pytest.mark.real_time

ADA, BOB = "ada-wanted-7", "bob-other-8"
SECRET = "wanted7secret"


@pytest.fixture
async def shell(tmp_path: Path) -> AsyncIterator[Shell]:
    """A bot that has answered two people on its page, and goes on running."""
    async with OpenAIServer(whole("The ", "wanted7 ", "answer."), whole("The other.")) as server:
        prices = '{"compatible:x": {"input": 2, "output": 10}}'
        shell = Shell(tmp_path, asks(server) | {"PRICES": prices, "PERSON_RUNS_PER_DAY": "1"})
        async with shell.bot() as bot:
            async with bot.page("conversation-1", ADA) as page:
                await page.ask(SECRET)
                await page.shown(lambda message: "verified" in message["footer"])
                again = {"type": "ask", "id": "question-2", "text": f"{SECRET} again"}
                await page.connection.send(json.dumps(again))
                refused = await page.told(lambda frame: frame["type"] == "refused")
                assert "the 1 answer of today" in refused["why"]
            async with bot.page("conversation-2", BOB) as page:
                await page.ask("Mine?", "question-3")
                await page.shown(lambda message: "verified" in message["footer"])
            await shell.recorded(2)
            yield shell


async def test_usage_is_shown_reset_and_a_person_s_data_erased(shell: Shell) -> None:
    listed = await shell.run("usage", "--json")
    assert {total["key"] for total in listed.json} == {
        f"web:playground/{ADA}",
        f"web:playground/{BOB}",
    }
    assert all(total["microusd"] > 0 and total["estimated"] == 0 for total in listed.json)
    by_model = await shell.run("usage", "--by", "model", "--days", "1")
    assert by_model.out.startswith("compatible:x")
    assert "2 runs" in by_model.out
    run = next(run for run in (await shell.run("runs", "list", "--json")).json if run["person"])
    assert run["cost_microusd"] > 0
    assert run["usage_estimated"] is False
    shown = await shell.run("runs", "show", run["run_id"])
    assert "tokens in" in shown.out
    assert "USD" in shown.out

    assert (await shell.run("usage", "reset", "nobody")).code == 1
    reset = await shell.run("usage", "reset", ADA)
    assert f"web:playground/{ADA}" in reset.out
    assert len(shell.query("SELECT * FROM usage_resets")) == 1

    data = (await shell.run("data", "show", ADA, "--json")).json
    assert [row["question"] for row in data["runs"]] == [SECRET]
    assert len(data["tokens"]) == 3
    assert len(data["web_messages"]) == 2, "a question and its answer: the other was not kept"
    assert BOB not in str(data)
    assert "wanted7 answer" in (await shell.run("data", "show", f"web:{ADA}")).out

    refused = await shell.run("data", "delete", ADA)
    assert refused.code == 1
    assert len(shell.query("SELECT * FROM usage_resets")) == 1
    erased = await shell.run("data", "delete", ADA, "--yes")
    assert erased.code == 0, erased.err
    assert "Not erased: the messages on the platform" in erased.out
    assert "may still be legible" not in erased.err
    contents = b"".join(path.read_bytes() for path in shell.folder.iterdir())
    for trace in (ADA, SECRET, "wanted7"):
        assert trace.encode() not in contents, trace
    assert BOB.encode() in contents
    gone = await shell.run("data", "show", ADA)
    assert gone.code == 1
    assert "Nothing is kept of" in gone.err


async def test_a_price_that_is_not_known_is_said_to_be_unknown(tmp_path: Path) -> None:
    """It isn't nothing."""
    async with OpenAIServer(whole("Yes.")) as server:
        shell = Shell(tmp_path, asks(server))
        await shell.run("ask", "Why?")
        used = await shell.run("usage")
    assert " unknown " in used.out
    assert "0.00" not in used.out
