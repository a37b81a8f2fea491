"""`everytoken.toml`: the environment wins over it, and what is wrong is told with the cure."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.app.models import scopes_of_file
from bot.scopes import Offered
from bot.settings import GROUPS, Settings, SettingsError, load_settings, own_fields, sources
from connectors.base import Scope
from tests.unit.test_settings import _clean_environment

__all__ = ["_clean_environment"]


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "everytoken.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_every_setting_is_in_one_group() -> None:
    grouped = [name for cls in GROUPS.values() for name in own_fields(cls)]
    assert sorted(grouped) == sorted(Settings.model_fields)


def test_the_environment_wins_over_dotenv_and_that_over_the_file_and_that_over_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, "[answers]\nstall_seconds = 1\nrun_seconds = 2\nhistory_messages = 3\n")
    (tmp_path / ".env").write_text("STALL_SECONDS=10\nRUN_SECONDS=20\n")
    monkeypatch.setenv("STALL_SECONDS", "100")
    settings = load_settings()
    found = settings.stall_seconds, settings.run_seconds, settings.history_messages
    assert found == (100, 20, 3)
    came = sources(settings)
    names = ("stall_seconds", "run_seconds", "history_messages", "port")
    assert [came[name] for name in names] == ["environment", ".env", "file", "default"]


def test_values_have_their_own_types_in_the_file(tmp_path: Path) -> None:
    written(
        tmp_path,
        """
        [model]
        model = "local:x"
        model_options = {temperature = 0.5}
        [model.models]
        fast = "local:y"
        [people]
        admins = ["web:abcdefghijklmnopqrstuv"]
        follow_ups = false
        [limits]
        usd_per_day = 2.5
        [limits.prices."local:x"]
        input = 1
        output = 2
        [hosting]
        trusted_proxies = ["10.0.0.0/8"]
        port = 5000
        """,
    )
    settings = load_settings()
    assert settings.models == {"fast": "local:y"}
    assert settings.admins == {"web:abcdefghijklmnopqrstuv"}
    assert settings.follow_ups is False
    assert settings.model_options == {"temperature": 0.5}
    assert settings.trusted_proxies == ("10.0.0.0/8",)
    assert settings.prices is not None
    assert settings.port == 5000


def test_another_file_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other.toml").write_text("[hosting]\nport = 1234\n")
    monkeypatch.setenv("CONFIG_FILE", str(tmp_path / "other.toml"))
    assert load_settings().port == 1234


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[model]\nmodle = "x:y"', "[model] has no setting modle; did you mean model?"),
        ('[modle]\nmodel = "x:y"', "there is no group [modle]; did you mean model?"),
        ('model = "local:x"', "[model] has to be a group of settings"),
        ("[slack]\nport = 1", "[slack] port belongs into the group [hosting]"),
        ("port = 1", "port belongs into the group [hosting]"),
        ("[hosting]\nPORT = 1", "has no setting PORT: names are written in small letters here"),
        ('[hosting]\nport = "eighty"', "PORT is no whole number"),
        ("[model]\nmodel = 5", "MODEL is no text"),
        ("[hosting]\nlog_level = [1]", "LOG_LEVEL has to be one of 'debug', 'info'"),
        ("hosting = 5", "[hosting] has to be a group of settings"),
        ("[hosting]\nport = 80\nport = 81", "is no TOML: Cannot overwrite a value"),
        ("[hosting]\nport = ", "is no TOML: Invalid value (at end of document)"),
        ('[hosting]\ndata_dir = "half', "is no TOML: "),
        (b"[hosting]\nhost = '\xff'", "is no UTF-8 text"),
        ("[people]\nplaces = 'fil'", "PLACES has to be one of 'chat' or 'file'"),
        ("scopes = 5", "[scopes] has to have a group for each scope"),
        ("[scopes]\nmodel = 'x'", '[scopes] model has to be a group: [scopes."model"]'),
    ],
)
def test_what_is_wrong_is_told_with_the_cure(tmp_path: Path, text: str | bytes, told: str) -> None:
    written(tmp_path, text)
    with pytest.raises(SettingsError) as refusal:
        load_settings()
    assert told in str(refusal.value)


def test_a_file_that_is_not_there_or_can_t_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONFIG_FILE", str(tmp_path / "none.toml"))
    with pytest.raises(SettingsError, match=r"none\.toml can't be read: No such file"):
        load_settings()
    monkeypatch.setenv("CONFIG_FILE", str(tmp_path))
    with pytest.raises(SettingsError, match="can't be read: Is a directory"):
        load_settings()


def test_every_fault_of_a_file_is_a_line(tmp_path: Path) -> None:
    written(tmp_path, "[hosting]\nprot = 1\nhots = 'x'\n[slak]\n")
    with pytest.raises(SettingsError) as refusal:
        load_settings()
    assert len(str(refusal.value).splitlines()) == 3


def test_no_secret_of_the_file_is_printed(tmp_path: Path) -> None:
    written(
        tmp_path, '[model]\nopenai_api_key = "hunter2"\nmodel_options = {api_key = "hunter2"}\n'
    )
    settings = load_settings()
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in repr(settings.file)


OFFERED = Offered(("fast", "deep"), ("git",))


def test_scopes_are_read_and_a_persona_can_be_named_again(tmp_path: Path) -> None:
    written(
        tmp_path,
        """
        [scopes."slack:T1/C3"]
        persona = "Lawyer"
        tools = []
        follow_ups = false
        history_messages = 3
        model = ["deep", "fast"]
        [scopes."slack:T1/C2"]
        persona = "Lawyer"
        prompt = "Be exact."
        """,
    )
    found = scopes_of_file(load_settings(), OFFERED)
    lawyer = {"name": "Lawyer", "prompt": "Be exact."}
    assert found[Scope("slack", "T1", "C2")] == {"persona": lawyer}
    assert found[Scope("slack", "T1", "C3")] == {
        "persona": lawyer, "tools": [], "follow_ups": False, "history_messages": 3,
        "model": ["deep", "fast"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("scope", "line", "told"),
    [
        ("slack:T1/C2", "model = 'dep'", "Did you mean deep?"),
        ("slack:T1/C2", "modell = 'deep'", "Did you mean model?"),
        ("slack", "model = 'deep'", "names no place"),
        ("slack:T1", "history_messages = 1.5", "has to be a number"),
        ("slack:T1", "tools = ['got']", "Did you mean git?"),
    ],
)
def test_a_scope_that_can_t_be_used_is_told(
    tmp_path: Path, scope: str, line: str, told: str
) -> None:
    written(tmp_path, f'[scopes."{scope}"]\n{line}\n[scopes."slack:T9"]\nmodel = "nope"\n')
    with pytest.raises(SettingsError) as refusal:
        scopes_of_file(load_settings(), OFFERED)
    assert told in str(refusal.value)
    assert len(str(refusal.value).splitlines()) == 2
