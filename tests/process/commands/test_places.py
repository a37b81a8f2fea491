"""`places`: what is set is shown, changed and logged; `runs show` says what a run was made with."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.cli import cli
from bot.settings import Settings
from bot.store import open_store, upgrade
from tests.doubles.stored import start

pytestmark = pytest.mark.real_time


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("MODELS", "fast=local:one,deep=local:two")
    monkeypatch.chdir(tmp_path)


def places(*words: str) -> Result:
    return CliRunner().invoke(cli, ["places", *words])


def test_what_is_set_for_a_channel_holds_in_its_threads_and_says_where_it_is_from() -> None:
    done = places("set", "slack:T1/C2", "model=deep,fast", "persona=Lawyer", "prompt=Be exact.")
    assert "slack:T1/C2  model: - -> deep, fast" in done.output
    places("set", "slack:T1", "reasoning=shown")
    told = places("show", "slack:T1/C2/1700.1").output
    assert "model                deep, fast  from slack:T1/C2\n" in told
    assert "reasoning            shown  from slack:T1\n" in told
    assert "tools                -  as for everybody" in told
    assert "Be exact." in told
    elsewhere = json.loads(places("show", "slack:T1/C3", "--json").output)
    assert elsewhere == {"reasoning": {"value": "shown", "from": "slack:T1", "change": 3}}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("set", "slack:T1/C2", "model=dep"), "Did you mean deep?"),
        (("set", "slack:T1/C2", "modle=deep"), "Did you mean model?"),
        (("set", "slack:T1/C2", "deep"), "deep is no NAME=VALUE"),
        (("set", "slack:T1/C2", "prompt=@none.txt"), "none.txt can't be read: No such file"),
        (("set", "here", "model=deep"), "Here names no place; write for example slack:T1/C2"),
        (("unset", "slack:T1/C2", "modle"), "Did you mean model?"),
        (("show", "slack:/C2"), "names no place"),
        (("log", "slack"), "names no place"),
    ],
)
def test_a_typo_is_refused_and_changes_nothing(words: tuple[str, ...], told: str) -> None:
    refused = places(*words)
    assert refused.exit_code == 1
    assert told in refused.output
    assert json.loads(places("show", "--json").output) == []


def test_a_prompt_is_read_from_a_file_and_one_that_is_too_long_is_refused(tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("x" * 100_000)
    (tmp_path / "odd.txt").write_bytes(b"\xff\xfe\xff")
    (tmp_path / "good.txt").write_text("Be kind.")
    assert "100,000 characters, at most" in places("set", "slack:T1", "prompt=@long.txt").output
    assert "it is no UTF-8" in places("set", "slack:T1", "prompt=@odd.txt").output
    assert places("set", "slack:T1", "prompt=@good.txt").exit_code == 0
    assert "Be kind." in places("show", "slack:T1").output


def test_each_change_is_listed_newest_first() -> None:
    places("set", "slack:T1/C2", "model=deep")
    places("unset", "slack:T1/C2", "model")
    assert "That is what was set already." in places("unset", "slack:T1/C2", "model").output
    newest, oldest = places("log", "slack:T1/C2").output.splitlines()
    assert "model: deep -> -  by operator" in newest
    assert "model: - -> deep  by operator" in oldest
    assert "Nothing was changed yet." in places("log", "slack:T1/C3").output


def test_a_model_that_went_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    places("set", "slack:T1/C2", "model=deep")
    monkeypatch.setenv("MODELS", "fast=local:one")
    assert (
        "deep is set for slack:T1/C2 and not offered any more."
        in places("show", "slack:T1/C2").output
    )


def test_a_run_says_what_it_was_made_with_and_where_that_is_from(tmp_path: Path) -> None:
    made = {
        "model": {"value": ["deep"], "from": "slack:T1/C2", "change": 1},
        "persona": {"value": "Lawyer", "version": "0a1b2c3d", "from": "slack:T1 (file)"},
    }
    run = replace(start(), made_with=made)

    async def store_it() -> None:
        url = f"sqlite:///{tmp_path}/data/everytoken.db"
        await upgrade(url)
        store = open_store(url)
        store.runs.begin(run)
        await store.aclose()

    asyncio.run(store_it())
    shown = CliRunner().invoke(cli, ["runs", "show", str(run.run_id)]).output
    assert "model     deep  from slack:T1/C2\n" in shown
    assert "persona   Lawyer (0a1b2c3d)  from slack:T1 (file)\n" in shown
    as_json = CliRunner().invoke(cli, ["runs", "show", str(run.run_id), "--json"]).output
    assert json.loads(as_json)["made_with"] == made
