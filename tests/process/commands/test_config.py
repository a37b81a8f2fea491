"""`config` and `init`: what is wrong is told, sources are shown, and a file is written."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.cli import cli
from bot.settings import Settings, load_settings

pytestmark = pytest.mark.real_time
FILE = Path("everytoken.toml")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*Settings.model_fields, "config_file"):
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def run(*words: str, answers: str = "") -> Result:
    return CliRunner().invoke(cli, words, input=answers)


def test_a_file_that_can_be_used_is_said_to_be() -> None:
    assert "can be used (no file, 0 scopes)" in run("config", "check").output
    FILE.write_text('[model.models]\ndeep = "local:x"\n[scopes."slack:T1"]\nmodel = "deep"\n')
    assert "can be used (everytoken.toml, 1 scopes)" in run("config", "check").output


def test_what_is_wrong_is_told_line_by_line() -> None:
    Path("other.toml").write_text("[hosting]\nprot = 1\n[slak]\n")
    refused = run("config", "check", "other.toml")
    assert refused.exit_code == 1
    assert refused.output.splitlines() == [
        "other.toml: [hosting] has no setting prot; did you mean port?",
        "other.toml: there is no group [slak]; did you mean slack?; there are: [model], "
        "[services], [slack], [discord], [answers], [masking], [people], [limits], [hosting], "
        "[scopes]",
    ]


def test_where_each_value_comes_from_is_shown_and_secrets_are_masked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    FILE.write_text('[model]\nopenai_api_key = "hunter2"\n[hosting]\nport = 1\nhost = "a"\n')
    monkeypatch.setenv("PORT", "2")
    monkeypatch.setenv("SECRET_KEY", "hunter2" * 6)
    monkeypatch.setenv("MODEL_OPTIONS", '{"api_key": "hunter2"}')
    shown = run("config", "show").output
    assert "port = 2  (environment)" in shown
    assert "host = a  (everytoken.toml)" in shown
    assert "openai_api_key = ********  (everytoken.toml)" in shown
    assert "secret_key = ********  (environment)" in shown
    assert "stall_seconds" not in shown
    everything = run("config", "show", "--all").output
    assert "stall_seconds = 60.0  (default)" in everything
    as_json = run("config", "show", "--json").output
    assert json.loads(as_json)["port"] == {"value": 2, "from": "environment"}
    assert "hunter2" not in shown + everything + as_json


def test_five_questions_write_a_file_that_can_be_used() -> None:
    answers = 'openai:gpt-4o-mini\nsk-1\nxoxb-1\nxapp-1\n\nslack:U024BE7LH\nBe "kind".\n'
    asked = run("init", answers=answers)
    assert asked.exit_code == 0, asked.output
    assert stat.S_IMODE(FILE.stat().st_mode) == 0o600
    settings = load_settings()
    assert (settings.model, settings.slack, settings.discord_token) == (
        "openai:gpt-4o-mini", True, None,
    )  # fmt: skip
    assert settings.system_prompt == 'Be "kind".'
    assert settings.admins == {"slack:U024BE7LH"}
    for secret in ("sk-1", "xoxb-1", "xapp-1"):
        assert secret not in asked.output


def test_a_file_that_is_there_stays() -> None:
    FILE.write_text("# mine\n")
    assert "is there already" in run("init").output
    assert FILE.read_text() == "# mine\n"


def test_an_answer_that_can_t_work_is_told() -> None:
    asked = run("init", answers="opnai:x\n\n\n\n\n")
    assert asked.exit_code == 1
    assert "It can't be used yet" in asked.output
    assert "MODEL is not one of local:…" in asked.output
