"""`runs`: one asked at the terminal and one on the page, then looked at from the command line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.doubles.commands import Ran, Shell, asks, lines
from tests.doubles.openai import Answer, OpenAIServer, Wait, finish, text

pytestmark = pytest.mark.real_time

TOKENS = ("alpha ", "beta ", "gamma ", "delta.")
ANSWER = "".join(TOKENS)
PAUSE = 1.2
UNKNOWN = "00000000-0000-4000-8000-000000000000"
TWINS = ("ffffffff-ffff-4fff-8fff-fffffffffff1", "ffffffff-ffff-4fff-8fff-fffffffffff2")


@dataclass(frozen=True)
class Talk:
    """A bot that runs, and the ids of the two runs in its log."""

    shell: Shell
    at_terminal: str
    on_page: str

    async def both(self, *arguments: str) -> tuple[Ran, Ran]:
        """A command of `runs`, for people and as JSON."""
        plain, as_json = await asyncio.gather(
            self.shell.run("runs", *arguments), self.shell.run("runs", *arguments, "--json")
        )
        assert plain.code == as_json.code
        return plain, as_json


@pytest.fixture(scope="module")
async def talk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Talk]:
    """The bot goes on running beside the commands."""
    answer = Answer([*text(*TOKENS[:2]), Wait(PAUSE), *text(*TOKENS[2:]), *finish()])
    async with OpenAIServer(answer) as server:
        shell = Shell(tmp_path_factory.mktemp("runs"), asks(server))
        asking = asyncio.create_task(shell.run("ask", "At the terminal?", "--json"))
        async with shell.bot() as bot, bot.page() as page:
            await page.ask("On the page?")
            shown = await page.shown(lambda message: "verified" in message["footer"])
            asked = await asking
            await shell.recorded(2)
            for twin in TWINS:
                copy_first_run(shell, twin)
            yield Talk(shell, asked.json["run_id"], shown["run_id"])


def copy_first_run(shell: Shell, run_id: str) -> None:
    """An older run, which differs in its id."""
    columns = [name for _, name, *_ in shell.query("PRAGMA table_info(runs)")]
    values = {"run_id": f"'{run_id}'", "started_us": "started_us - 1000000"}
    chosen = ", ".join(values.get(name, name) for name in columns)
    shell.query(f"INSERT INTO runs SELECT {chosen} FROM runs ORDER BY started_us LIMIT 1")


async def test_list_has_the_newest_first(talk: Talk) -> None:
    """A line each for people; the same runs as JSON."""
    plain, as_json = await talk.both("list", "--limit", "2")
    newest = talk.shell.query("SELECT run_id FROM runs ORDER BY started_us DESC LIMIT 2")
    ids = [run_id for (run_id,) in newest]
    assert set(ids) == {talk.at_terminal, talk.on_page}
    assert [run["run_id"] for run in as_json.json] == ids
    header, *told = lines(plain.out)
    assert header.split()[:2] == ["ID", "STARTED"]
    assert [line[:8] for line in told] == [run_id[:8] for run_id in ids]
    for run, line in zip(as_json.json, told, strict=True):
        known = {talk.at_terminal: "At the terminal?", talk.on_page: "On the page?"}
        assert run["question"] == known[run["run_id"]]
        said = (run["connector"], "complete", "verified", "4 tokens", "compatible:x")
        for word in (*said, run["question"]):
            assert word in line


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (("--connector", "terminal"), {"terminal"}),
        (("--connector", "web", "--outcome", "complete", "--since", "1h"), {"web"}),
        (
            ("--verdict", "verified", "--model", "compatible:x", "--since", "2026-01-01"),
            {"terminal", "web"},
        ),
        (("--until", "2026-01-01"), set()),
        (("--person", "nobody-at-all"), set()),
    ],
)
async def test_list_has_those_alone_that_the_filters_let_pass(
    talk: Talk, filters: tuple[str, ...], found: set[str]
) -> None:
    plain, as_json = await talk.both("list", *filters)
    assert {run["connector"] for run in as_json.json} == found
    assert bool(plain.out) is bool(found)
    assert found or "No run is like that" in plain.err


async def test_a_time_that_is_none_is_said_to_be_none(talk: Talk) -> None:
    ran = await talk.shell.run("runs", "list", "--since", "yesterday")
    assert ran.code == 2
    assert "'yesterday' is no time: write 30m" in ran.err


async def test_show_tells_a_run_by_its_beginning(talk: Talk) -> None:
    """Its question, its text, its calls to the platform, its tokens."""
    plain, as_json = await talk.both("show", talk.on_page[:10].upper())
    assert plain.code == 0
    for word in (talk.on_page, "On the page?", f"\n{ANSWER}\n", "post part 0", "4 tokens"):
        assert word in plain.out
    assert "the service said 'stop'" in plain.out
    run = as_json.json
    assert (run["finish_reason"], run["finish_word"]) == ("stop", "stop")
    assert (run["run_id"], run["generated_text"]) == (talk.on_page, ANSWER)
    assert [token["text"] for token in run["tokens"]] == list(TOKENS)
    assert run["edits"][0]["call"] == "post"
    assert run["edits"][-1]["position"] == len(ANSWER)
    assert run["receipt"]["verdict"] == "verified"


async def test_replay_types_the_tokens_again(talk: Talk) -> None:
    """In little time where it is told to hurry; as JSON each token has its time."""
    plain, as_json = await talk.both("replay", talk.on_page, "--speed", "1000")
    assert (plain.code, plain.out) == (0, ANSWER + "\n")
    tokens = as_json.json["tokens"]
    assert [token["text"] for token in tokens] == list(TOKENS)
    assert tokens[2]["at_us"] - tokens[1]["at_us"] > PAUSE * 500_000


async def test_a_terminal_can_not_be_read_back(talk: Talk) -> None:
    """Nothing speaks against the run, so that is no failure; but it is said."""
    plain, as_json = await talk.both("verify", talk.at_terminal)
    assert plain.code == 0
    assert f"{talk.at_terminal}: unproven" in plain.out
    assert "unproven: a terminal can't be read back" in plain.out
    assert (as_json.json["verdict"], as_json.json["shown"]) == ("unproven", None)
    assert as_json.json["recorded"] == as_json.json["generated"]


async def test_the_page_is_read_back_and_verified(talk: Talk) -> None:
    """All three witnesses say the same once more."""
    plain, as_json = await talk.both("verify", talk.on_page)
    assert plain.code == 0
    assert f"{talk.on_page}: verified" in plain.out
    receipt = as_json.json
    assert receipt["verdict"] == "verified"
    assert receipt["generated"] == receipt["recorded"] == receipt["shown"]
    assert receipt["shown"]["chars"] == len(ANSWER)


async def test_a_token_that_lacks_in_the_log_is_found(talk: Talk, tmp_path: Path) -> None:
    """The link and the position are named."""
    shell = talk.shell.copied_to(tmp_path)
    shell.query("DELETE FROM tokens WHERE run_id = ? AND seq = 1", talk.on_page)
    plain, as_json = await Talk(shell, "", "").both("verify", talk.on_page)
    assert plain.code == 1
    assert "broken: recorded at character 6: " in plain.out
    assert "token 1 is missing" in plain.out
    (fault,) = as_json.json["faults"]
    assert (fault["link"], fault["position"]) == ("recorded", len(TOKENS[0]))


async def test_a_character_that_differs_on_the_page_is_found(talk: Talk, tmp_path: Path) -> None:
    """The link and the position are named."""
    shell = talk.shell.copied_to(tmp_path)
    change = "UPDATE web_messages SET text = replace(text, 'gamma', 'gamna') WHERE run_id = ?"
    shell.query(change, talk.on_page)
    plain, as_json = await Talk(shell, "", "").both("verify", talk.on_page)
    assert plain.code == 1
    assert "broken: shown at character 14: " in plain.out
    (fault,) = as_json.json["faults"]
    assert (fault["link"], fault["position"]) == ("shown", ANSWER.index("ma"))


async def test_an_id_that_names_no_run_or_several_is_told_in_a_line(talk: Talk) -> None:
    """Nothing is printed on standard output, which a program may read."""
    beginning = TWINS[0][:-1]
    unknown, ambiguous = await asyncio.gather(
        talk.shell.run("runs", "verify", UNKNOWN, "--json"),
        talk.shell.run("runs", "show", beginning),
    )
    assert (unknown.code, unknown.out) == (ambiguous.code, ambiguous.out) == (1, "")
    (line,) = lines(unknown.err)
    assert line.startswith(f"There is no run {UNKNOWN}. `")
    assert line.endswith("everytoken runs list` shows the newest.")
    (line,) = lines(ambiguous.err)
    assert line.startswith(f"{beginning} is the beginning of more than one run's id")
