"""What the documents say of security is so: the tests they name exist, and the tables are whole."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from bot.settings import Settings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
SECURITY = ("security.md", "privacy.md", "threat-model.md", "owasp.md")


def named() -> list[tuple[str, str]]:
    """The tests that the documents name."""
    texts = ((DOCS / name).read_text() for name in SECURITY)
    return sorted({found for text in texts for found in NAMED.findall(text)})


@pytest.mark.parametrize(("path", "test"), named())
def test_each_test_that_is_named_exists(path: str, test: str) -> None:
    tree = ast.parse((ROOT / path).read_text())
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    assert test in {node.name for node in ast.walk(tree) if isinstance(node, functions)}


def test_every_item_is_answered_and_what_is_held_is_shown() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in (DOCS / "owasp.md").read_text().splitlines()
        if re.match(r"\| (LLM|V)\d", line)
    ]
    items = {row[0].split(" ")[0].strip("| ") for row in rows}
    assert items == {f"LLM{n:02}" for n in range(1, 11)} | {f"V{n}" for n in range(1, 18)}
    for item, state, shown in rows:
        assert re.match(r"held|fails|does not apply", state), item
        if state.startswith("held") and "host's TLS" not in state:
            assert NAMED.search(shown), f"{item} is said to be held, and nothing shows it"


@pytest.mark.parametrize("page", SECURITY)
def test_every_setting_that_is_named_exists(page: str) -> None:
    known = {name.upper() for name in Settings.model_fields}
    text = (DOCS / page).read_text()
    settings = set(re.findall(r"`([A-Z][A-Z]+(?:_[A-Z]+)+)(?:=[^`]*)?`", text))
    assert settings - known <= {"MESSAGE_CREATE"}


def test_files_are_said_to_be_kept_where_they_are() -> None:
    """The page keeps what is attached: neither document may say that nothing is stored."""
    for page in ("security.md", "privacy.md"):
        text = " ".join((DOCS / page).read_text().split())
        assert "Attached files are read, given to the model, and not stored" not in text
        assert "attached on the page" in text
