"""`ask`: one question, and its answer as JSON for programs or as a stream for people."""

from __future__ import annotations

import asyncio
import hashlib
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.attachments import silence
from connectors.markdown import VERSION
from tests.doubles.commands import (
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
from tests.doubles.openai import (
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
            "calls": None,
            "files": [],
            "masks": None,
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
    """With a receipt; the run is kept, with what was generated by then."""
    ended = cut_short["ctrl-c"]
    assert (ended.code, ended.outcome) == (130, "stopped")
    assert lines(ended.err)[-1].startswith("stopped · ")
    assert "generated = recorded = shown · verified" in ended.err
    assert ended.generated
    assert "".join(words(50)).startswith(ended.generated)


async def test_a_reader_who_leaves_harms_nothing(cut_short: dict[str, CutShort]) -> None:
    """As in `ask … | head -1`: it ends by itself, without a word. Nobody deleted anything."""
    ended = cut_short["left"]
    assert (ended.code, ended.outcome, ended.err) == (1, "undeliverable", "")
    assert "".join(words(50)).startswith(ended.generated)


def asked(server: OpenAIServer, at: int = -1) -> list[tuple[str, str]]:
    """What the model was sent: who says what."""
    messages = server.exchanges[at].body["messages"]
    return [(each["role"], each["content"]) for each in messages]


@pytest.mark.parametrize(
    ("words", "typed", "question"),
    [
        (("Why", "is", "the", "sky", "blue?"), "", "Why is the sky blue?"),
        (("What is this?",), "def f(): ...\n", "What is this?\n\ndef f(): ..."),
        ((), "From a pipe?\n", "From a pipe?"),
    ],
)
async def test_the_question_is_the_words_and_what_standard_input_has(
    tmp_path: Path, words: tuple[str, ...], typed: str, question: str
) -> None:
    async with OpenAIServer(whole(*TOKENS)) as server:
        ran = await Shell(tmp_path, asks(server), typed=typed).run("ask", *words)
        assert ran.code == 0
        assert asked(server)[-1] == ("user", question)


async def test_files_go_with_the_question(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("alpha")
    (tmp_path / "q.wav").write_bytes(silence(0.1))
    async with OpenAIServer(whole(*TOKENS)) as server:
        shell = Shell(tmp_path, asks(server))
        ran = await shell.run("ask", "What?", "--file", "a.txt", "-f", "q.wav")
        assert ran.code == 0
        assert asked(server)[-1] == ("user", 'What?\n\nFile "a.txt":\n```\nalpha\n```')
    assert "Not read: q.wav: I can't listen to recordings here" in ran.err


async def test_without_a_question_it_says_how_to_ask_one(shell: Shell) -> None:
    ran = await shell.run("ask", MODEL="compatible:x", OPENAI_API_KEY="sk-secret")
    assert (ran.code, ran.out) == (1, "")
    assert "everytoken ask" in ran.err


async def test_model_and_system_prompt_can_be_given_for_one_question(tmp_path: Path) -> None:
    async with OpenAIServer(whole(*TOKENS)) as server:
        ran = await Shell(tmp_path, asks(server)).run(
            "ask", "-m", "compatible:other", "-s", "You are a pirate.", "Why?"
        )
        assert ran.code == 0
        assert server.exchanges[-1].body["model"] == "other"
        assert asked(server)[0] == ("system", "You are a pirate.")


async def test_continue_goes_on_with_the_last_conversation_and_no_other(tmp_path: Path) -> None:
    async with OpenAIServer(whole(*TOKENS)) as server:
        shell = Shell(tmp_path, asks(server))
        await shell.run("ask", "Another one.")
        for arguments in (("First?",), ("-c", "Second?"), ("-c", "Third?")):
            assert (await shell.run("ask", *arguments)).code == 0
        answer = ("assistant", "".join(TOKENS))
        assert asked(server)[1:] == [
            ("user", "First?"), answer, ("user", "Second?"), answer, ("user", "Third?"),
        ]  # fmt: skip


async def test_where_there_is_nothing_to_go_on_with_it_says_so(tmp_path: Path) -> None:
    async with OpenAIServer(whole(*TOKENS)) as server:
        ran = await Shell(tmp_path, asks(server)).run("ask", "-c", "And?")
        assert (ran.code, server.exchanges) == (1, [])
        assert "no conversation yet" in ran.err


async def test_what_goes_wrong_is_said_beside_the_answer_and_never_in_it(tmp_path: Path) -> None:
    async with OpenAIServer(Answer([*text("Half", " an"), Wait(0.1), Drop()])) as server:
        ran = await Shell(tmp_path, asks(server)).run("ask", "Why?")
    assert (ran.code, ran.out) == (1, "Half an\n")
    assert "the connection broke off" in ran.err
    assert "Cure: " in ran.err
    assert "[error" not in ran.err  # no line of the log


async def test_the_log_is_there_for_who_asks_for_it(tmp_path: Path) -> None:
    async with OpenAIServer(whole(*TOKENS)) as server:
        ran = await Shell(tmp_path, asks(server)).run("ask", "-v", "Why?")
    assert "run.link" in ran.err
    assert ran.out == "".join(TOKENS) + "\n"


async def test_chat_is_a_conversation(tmp_path: Path) -> None:
    """Each line is a question; /new forgets; the receipts stand beside the answers."""
    async with OpenAIServer(whole("Yes.")) as server:
        typed = "First?\n\nSecond?\n/new\nThird?\n"
        ran = await Shell(tmp_path, asks(server), typed=typed).run("chat")
        assert (ran.code, ran.out) == (0, "Yes.\n" * 3)
        assert ran.err.count("generated = recorded = shown · verified") == 3
        turns = [asked(server, at)[1:] for at in range(3)]
    second = [("user", "First?"), ("assistant", "Yes."), ("user", "Second?")]
    assert turns == [[("user", "First?")], second, [("user", "Third?")]]
