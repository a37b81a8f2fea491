"""How complex the code is and how far one answer travels in it, seen in processes of their own."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.house import limits, sources
from tests.house.__main__ import main
from tests.house.answer import Passed, fresh_trace
from tests.house.limits import differences, excess, files_of, functions_of
from tests.house.sources import Source

Plant = Callable[..., list[Source]]


@pytest.fixture(scope="module")
def house() -> list[Source]:
    """The source files as they are."""
    return sources.read_sources()


@pytest.fixture(scope="module")
def passed() -> list[Passed]:
    """The functions that one short answer passes."""
    return fresh_trace()


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    """Writes `bot/NAME.py` files and reads them as the whole code."""

    def planted(**files: str) -> list[Source]:
        (tmp_path / "bot").mkdir()
        for name, text in files.items():
            (tmp_path / "bot" / f"{name}.py").write_text(text)
        return sources.read_sources(tmp_path)

    return planted


def test_no_function_is_too_complex(house: list[Source]) -> None:
    found = (one.name for one in sources.complex_functions(house))
    assert differences(found, limits.COMPLEX_FUNCTIONS) == []


def test_a_short_answer_passes_few_functions(passed: list[Passed]) -> None:
    assert excess(len(functions_of(passed)), limits.ANSWER_FUNCTIONS) == []


def test_a_short_answer_passes_few_files(passed: list[Passed]) -> None:
    assert excess(len(files_of(passed)), limits.ANSWER_FILES) == []


def test_the_way_of_an_answer_has_what_it_must_have(passed: list[Passed]) -> None:
    """From the socket over the model and the database's thread to the receipt, in this order."""
    files = list(dict.fromkeys(one.file.split("/")[0] for one in passed))
    assert files == ["connectors", "bot", "providers"]
    packages = list(dict.fromkeys(one.package for one in passed))
    order = ["connectors/slack", "bot/intake", "bot/runs", "providers/openai_stream"]
    assert [package for package in packages if package in order] == order
    written = {one.function for one in passed if one.file == "bot/store/database.py"}
    assert {"SqlDatabase.run", "transacted"} <= written


def test_an_answer_passes_the_files_that_the_architecture_names(passed: list[Passed]) -> None:
    document = (sources.ROOT / "docs" / "architecture.md").read_text()
    way = document.split("## The way of a Slack mention")[1].split("\n## ")[0]
    named = re.findall(r"`([\w/]+)(?:\.py|/)?`", way)
    files = [each.file for each in passed]
    unseen = [name for name in named if name.islower() and not any(name in file for file in files)]
    assert named
    assert unseen == []


def test_the_way_of_an_answer_is_the_same_each_time(passed: list[Passed]) -> None:
    assert fresh_trace() == passed


def test_a_planted_complex_function_is_found_even_if_it_is_excused(
    plant: Plant, tmp_path: Path
) -> None:
    branch = "    if x:\n        x -= 1\n"
    most = limits.COMPLEXITY.now
    edge = "def edge(x):\n" + branch * (most - 1)
    beyond = "def beyond(x):  # noqa: C901\n" + branch * most
    found = sources.complex_functions(plant(one=f"{edge}\n\n{beyond}"), tmp_path)
    assert [(one.name, one.size) for one in found] == [("bot/one.py::beyond", most + 1)]


def test_the_command_prints_the_table(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    passed: list[Passed],
    house: list[Source],
) -> None:
    monkeypatch.setattr("tests.house.__main__.trace", lambda: passed)
    monkeypatch.setattr("tests.house.sources.read_sources", lambda: house)
    main(["--full"])
    printed = capsys.readouterr().out
    assert re.search(rf"distinct functions +{len(functions_of(passed))} ", printed)
    assert all(f"{one.file}  {one.function}\n" in printed for one in passed)
