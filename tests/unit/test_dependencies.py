"""The page of dependencies names each of them, and no other."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_each_dependency_says_what_it_is_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = (re.split(r"[^\w.-]", line)[0] for line in project["dependencies"])
    wanted = {name.replace(".", "-") for name in names}
    rows = re.findall(r"^\| (`.*?) \|", (ROOT / "docs/dependencies.md").read_text(), re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`([^`]+)`", row)} == wanted


def test_each_extra_is_on_the_page() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    page = (ROOT / "docs/dependencies.md").read_text()
    assert {e for e in project["optional-dependencies"] if f"`{e}`" not in page} == set()
