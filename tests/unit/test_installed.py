"""What is to be typed fits how this copy was installed: `make` is said in a checkout alone."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.words import CATALOGUE, Sentence, english, installed
from connectors.words.installation import Installation, Kind, found, typed

ROOT = Path(__file__).parents[2]


def _environment(top: Path, *, files: dict[str, str], name: str = "env") -> Path:
    prefix = top / name
    prefix.mkdir(parents=True)
    for file, text in files.items():
        (prefix / file).write_text(text)
    return prefix


def _by_uv(at: str) -> Callable[[Path], Path]:
    return lambda top: _environment(top, files={"pyvenv.cfg": "home = /x\nuv = 0.11\n"}, name=at)


ENVIRONMENTS: dict[Kind, Callable[[Path], Path]] = {
    "pip": lambda top: _environment(top, files={"pyvenv.cfg": "home = /x\n"}),
    "uv": _by_uv("env"),
    "uvx": _by_uv("archive-v0/a1b2"),
    "uv tool": lambda top: _environment(top, files={"uv-receipt.toml": "", "pyvenv.cfg": "uv = 1"}),
    "pipx": lambda top: _environment(top, files={"pipx_metadata.json": "{}"}),
}


@pytest.mark.parametrize("kind", ENVIRONMENTS)
def test_an_environment_is_known_by_what_made_it(kind: Kind, tmp_path: Path) -> None:
    prefix = ENVIRONMENTS[kind](tmp_path)
    assert found(prefix, prefix / "lib" / "site-packages").kind == kind


def test_a_system_python_has_pip(tmp_path: Path) -> None:
    assert found(tmp_path, tmp_path).kind == "pip"


def test_a_checkout_is_set_up_by_make_only_in_its_own_environment(tmp_path: Path) -> None:
    """On Heroku the checkout is there, and its Python elsewhere."""
    for name in ("Makefile", "pyproject.toml"):
        (tmp_path / name).touch()
    (tmp_path / ".venv").mkdir()
    assert found(tmp_path / ".venv", tmp_path).kind == "make"
    assert found(ENVIRONMENTS["pip"](tmp_path), tmp_path).kind == "pip"


INSTALLS: dict[Kind, str] = {
    "make": "make setup",
    "uvx": "uvx --from 'everytoken[local]' everytoken run",
    "uv tool": "uv tool install --force 'everytoken[local]'",
    "pipx": "pipx install --force 'everytoken[local]'",
    "uv": "uv pip install --python /env/bin/python 'everytoken[local]'",
    "pip": "/env/bin/python -m pip install 'everytoken[local]'",
}


@pytest.mark.parametrize("kind", INSTALLS)
def test_an_extra_comes_by_the_tool_that_brought_the_rest(kind: Kind) -> None:
    assert Installation(kind, "/env/bin/python").install("local") == INSTALLS[kind]


def test_a_wheel_is_installed_again_from_where_it_came() -> None:
    """No index may have it under its name."""
    copy = Installation("uvx", "/env/bin/python", url="file:///x/everytoken-1-py3-none-any.whl")
    assert copy.everytoken == (
        "uvx --from 'everytoken @ file:///x/everytoken-1-py3-none-any.whl' everytoken"
    )
    assert "'everytoken[socks] @ file:///x/" in copy.install("socks")


def test_other_extras_of_a_checkout_are_installed_beside_it() -> None:
    assert Installation("make", ".venv/bin/python").install("google") == (
        ".venv/bin/python -m pip install --editable '.[google]'"
    )


def test_a_command_is_named_as_a_shell_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = _environment(tmp_path, files={})
    (prefix / "bin").mkdir()
    script = prefix / "bin" / "everytoken"
    script.touch(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    assert found(prefix, tmp_path).everytoken == "env/bin/everytoken"
    monkeypatch.setenv("PATH", str(prefix / "bin"))
    assert found(prefix, tmp_path).everytoken == "everytoken"
    script.unlink()
    assert found(prefix, tmp_path).everytoken.endswith(" -m bot")


def test_sentences_say_what_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    copy = Installation("pipx", "/env/bin/python", "everytoken")
    monkeypatch.setattr("connectors.words.installed", lambda: copy)
    cure = english(Sentence("cure.package_missing", {"package": "socksio", "extra": "socks"}))
    assert cure.startswith("run `pipx install --force 'everytoken[socks]'`")
    assert english(Sentence("cure.local_missing")).startswith("run `pipx install --force")
    assert english(Sentence("cure.store.old")) == "run `everytoken db upgrade`"


def test_only_one_place_says_make_or_how_a_command_is_typed() -> None:
    """In the templates, and in what the commands themselves print."""
    command = r"(?<![{\w./@-])everytoken (?:run|doctor|db|runs|ask|config)\b"
    bad = re.compile(rf"`make |pip install|{command}")
    assert {id_ for id_, template in CATALOGUE.items() if bad.search(template)} == set()
    told: list[str] = []
    sources = {*ROOT.glob("bot/**/*.py"), *ROOT.glob("connectors/**/*.py")}
    for path in sources - {ROOT / "connectors/words/installation.py"}:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if bad.search(line) and not line.lstrip().startswith("#"):
                told.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    assert [line for line in told if '"""' not in line] == []


def test_this_copy_is_known() -> None:
    assert installed().python
    assert typed("doctor").endswith(" doctor")
    assert str(Path(sys.executable).name).startswith("python")
