"""Finding a Chromium for the browser tests, and saying what becomes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import chromium as browser


def _program(folder: Path, name: str) -> str:
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def test_the_named_one_is_taken_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`CHROMIUM` is a path or a name; one that is not there is no browser."""
    _program(tmp_path, "chromium")
    other = _program(tmp_path, "other")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CHROMIUM", other)
    assert browser.find() == other
    monkeypatch.setenv("CHROMIUM", str(tmp_path / "absent"))
    assert browser.find() is None


def test_the_path_is_searched_before_playwright_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the names that distributions give it."""
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(browser, "_playwrights", lambda: "playwright's")
    assert browser.find() == "playwright's"
    chrome = _program(tmp_path, "google-chrome")
    assert browser.find() == chrome
    chromium = _program(tmp_path, "chromium-browser")
    assert browser.find() == chromium
    light = _program(tmp_path, "chromium-headless-shell")
    assert browser.find() == light


def test_without_any_it_says_that_browser_tests_are_skipped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After it tried to install one; and it does not fail."""
    tried: list[bool] = []
    monkeypatch.setattr(browser, "find", lambda: None)
    monkeypatch.setattr(browser, "install", lambda: tried.append(True))
    browser.main()
    assert tried
    assert "will be skipped" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("has", "installs"), [("chromium", True), ("chrome-headless-shell", False)]
)
def test_beside_a_whole_browser_the_light_one_is_installed_where_the_user_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has: str, installs: bool
) -> None:
    """A page costs less than half in it; where it can't be had, the whole one serves."""
    commands: list[str] = []

    def run(command: list[str]) -> bool:
        commands.append(command[-1])
        return False

    found = _program(tmp_path, has)
    _program(tmp_path, "apt-get")
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(browser, "_run", run)
    browser.main()
    assert ("chromium-headless-shell" in commands) is installs
    assert "chromium" not in commands, "there is one"
    assert browser.find() == found


@pytest.mark.parametrize(("user", "first"), [(0, "apt-get"), (1000, "playwright")])
def test_debian_s_package_is_for_root_playwright_s_for_all(
    monkeypatch: pytest.MonkeyPatch, user: int, first: str
) -> None:
    """Where the first way fails, the second is tried."""
    commands: list[str] = []

    def run(command: list[str]) -> bool:
        commands.append(" ".join(command))
        return False

    monkeypatch.setattr("os.geteuid", lambda: user)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(browser, "_run", run)
    browser.install()
    assert first in commands[0]
    assert commands[-1].endswith("playwright install chromium")
