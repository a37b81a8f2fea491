"""`ask`: one question, and its answer as JSON for programs or as a stream for people."""

from __future__ import annotations

import asyncio
import hashlib
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from connectors.markdown import VERSION
from tests.commands.helpers import (
    MODEL,
    Child,
    Ran,
    Shell,
    asks,
    lines,
    needs_model,
    run_id_in,
    whole,
    words,
)
from tests.servers.openai import (
    STREAMS,
    Answer,
    Drop,
    Freeze,
    OpenAIServer,
    Wait,
    chunk,
    finish,
    spaced,
    text,
)

pytestmark = pytest.mark.real_time

TOKENS = ("Paris", ", *of* ", "course", " 🙂.")
BURSTS = [b"".join(text(*words(300)[n : n + 100])) for n in range(0, 300, 100)]


@pytest.fixture(scope="module")
async def answered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ran]:
    """One question to several models."""
    shell = Shell(tmp_path_factory.mktemp("ask"))
    question = ("ask", "What is the capital of France?", "--json")
    async with (
        OpenAIServer(whole(*TOKENS)) as good,
        OpenAIServer(Answer([*text("Half", " an"), Wait(0.1), Drop()])) as bad,
        OpenAIServer(azures_worst()) as azure,
    ):
        settings = {"good": asks(good), "bad": asks(bad), "azure": deployment(azure)}
        if MODEL.exists():
            settings["embedded"] = {"LOCAL_MODEL_PATH": str(MODEL)}
        ran = await shell.run_each(*question, settings=settings)
        assert azure.exchanges[0].path.startswith("/openai/deployments/dep/chat/completions?")
        assert azure.exchanges[0].headers["api-key"] == "sk-secret"
    return ran


def azures_worst() -> Answer:
    """Empty choices, chunks without a delta, tokens in bursts, and the filter's end."""
    recorded = (STREAMS / "azure_async_filter.sse").read_bytes().split(b"\n\n")
    odd = [part + b"\n\n" for part in recorded if b"{" in part and b'"delta"' not in part]
    assert len(odd) > 2
    parts = [*odd, *spaced(BURSTS, 0.3), *odd[1:], chunk(None), chunk({}, "content_filter")]
    return Answer([*parts, b"data: [DONE]\n\n"])


def deployment(server: OpenAIServer) -> dict[str, str]:
    """The settings of a bot whose model is a deployment of Azure's."""
    return {
        "MODEL": "azure:dep",
        "AZURE_OPENAI_ENDPOINT": server.root,
        "AZURE_OPENAI_API_KEY": "sk-secret",
    }


def witness(answer: str) -> dict[str, Any]:
    """What a receipt says of a text."""
    return {"chars": len(answer), "sha256": hashlib.sha256(answer.encode()).hexdigest()}


async def test_json_is_one_object_with_the_answer_and_its_receipt(answered: dict[str, Ran]) -> None:
    """All three witnesses are measured, and say the same."""
    ran, answer = answered["good"], "".join(TOKENS)
    assert (ran.code, ran.err) == (0, "")
    assert ran.json == {
        "answer": answer,
        "run_id": run_id_in(ran.out),
        "outcome": "complete",
        "error": None,
        "tokens": len(TOKENS),
        "receipt": {
            "verdict": "verified",
            "generated": witness(answer),
            "recorded": witness(answer),
            "shown": witness(answer),
            "faults": [],
            "unproven": "",
            "plain": VERSION,
            "unknown": [],
            "late": False,
        },
    }


async def test_where_the_model_fails_the_text_so_far_stays_in_the_json(
    answered: dict[str, Ran],
) -> None:
    """The exit code says that the answer is not whole."""
    ran = answered["bad"]
    assert ran.code == 1
    assert (ran.json["answer"], ran.json["outcome"]) == ("Half an", "failed")
    assert ran.json["error"].startswith("Disconnected: ")
    assert ran.json["receipt"]["verdict"] == "verified"


async def test_azures_worst_stream_loses_nothing_and_ends_as_filtered(
    answered: dict[str, Ran],
) -> None:
    """Empty choices first, missing deltas, bursts with pauses, and the filter's end."""
    ran = answered["azure"]
    assert (ran.code, ran.json["outcome"], ran.json["error"]) == (1, "filtered", None)
    assert (ran.json["answer"], ran.json["tokens"]) == ("".join(words(300)), 300)
    assert ran.json["receipt"]["verdict"] == "verified"


@needs_model
async def test_the_embedded_model_knows_a_capital(answered: dict[str, Ran]) -> None:
    """With no account and no network."""
    ran = answered["embedded"]
    assert (ran.code, ran.json["outcome"]) == (0, "complete")
    assert "Paris" in ran.json["answer"]
    assert ran.json["tokens"] > 1
    assert ran.json["receipt"]["verdict"] == "verified"


async def test_people_see_the_answer_as_it_grows(shell: Shell) -> None:
    """What the model has said so far is there while it pauses; the receipt is told apart."""
    acts = [*spaced(text(*words(40))), Wait(0.5), *text("the end"), *finish()]
    async with OpenAIServer(Answer(acts)) as server:
        ran = await shell.run("ask", "Count.", **asks(server))
    assert (ran.code, ran.out) == (0, "".join(words(40)) + "the end\n")
    assert len(ran.writes) > 3
    assert "complete · 41 tokens: generated = recorded = shown · verified · run " in ran.err


@pytest.fixture(scope="module")
async def cut_short(tmp_path_factory: pytest.TempPathFactory) -> dict[str, CutShort]:
    """An answer that the person at the terminal ends, and one that nobody reads any more."""
    endless = Answer([*spaced(text(*words(50))), Freeze()])
    async with OpenAIServer(endless) as server:
        shells = [Shell(tmp_path_factory.mktemp("cut"), asks(server)) for _ in range(2)]
        ran = await asyncio.gather(
            cut_off(shells[0], lambda child: child.send(signal.SIGINT)),
            cut_off(shells[1], Child.close_output),
        )
    return dict(zip(("ctrl-c", "left"), ran, strict=True))


@dataclass(frozen=True)
class CutShort:
    """What became of an `ask` that was cut short, and of its run."""

    code: int
    err: str
    outcome: str
    generated: str


async def cut_off(shell: Shell, end: Callable[[Child], object]) -> CutShort:
    """Asks, and ends it once the answer's beginning was read."""
    async with shell.started("ask", "Count.") as child:
        assert (await child.read(1)) == "w"
        end(child)
        code = await child.ended()
    ((outcome, generated),) = shell.query("SELECT outcome, generated_text FROM runs")
    return CutShort(code, child.err, outcome, generated)


async def test_ctrl_c_ends_it_in_plain_words(cut_short: dict[str, CutShort]) -> None:
    """The run is kept, with what was generated by then."""
    ended = cut_short["ctrl-c"]
    assert (ended.code, ended.outcome) == (1, "interrupted")
    assert lines(ended.err)[-1] == "Aborted!"
    assert ended.generated
    assert "".join(words(50)).startswith(ended.generated)


async def test_a_reader_who_leaves_harms_nothing(cut_short: dict[str, CutShort]) -> None:
    """As in `ask … | head -1`: it ends by itself, without a complaint of Python's."""
    ended = cut_short["left"]
    assert (ended.code, ended.outcome) == (1, "stopped")
    assert "Exception" not in ended.err
    assert "".join(words(50)).startswith(ended.generated)
