"""docs/operating.md: every line that the bot can log is explained, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
_LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
_EVENT = re.compile(r"[a-z]+\.[a-z_]+")


def events_in(source: str) -> Iterator[str]:
    """The names of the events that a module logs."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and _is_log(node.func):
            for name in ast.walk(node.args[0]) if node.args else ():
                if isinstance(name, ast.Constant) and _EVENT.fullmatch(str(name.value)):
                    yield str(name.value)


def _is_log(function: ast.expr) -> bool:
    """`log.info`, or `(log.info if … else log.error)`."""
    if isinstance(function, ast.IfExp):
        return _is_log(function.body)
    if not isinstance(function, ast.Attribute) or function.attr not in _LEVELS:
        return False
    return isinstance(function.value, ast.Name) and function.value.id == "log"


def logged() -> set[str]:
    folders = ("bot", "connectors", "providers")
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return {event for path in paths for event in events_in(path.read_text())}


def explained() -> set[str]:
    page = (ROOT / "docs" / "operating.md").read_text()
    table = page.split("| event | says |")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def test_every_event_is_explained_and_no_other() -> None:
    assert len(logged()) > 50
    assert logged() == explained()


def test_an_event_is_found_however_it_is_logged() -> None:
    assert list(events_in('log.warning("a.b", x=1)')) == ["a.b"]
    assert list(events_in('(log.info if x else log.error)("c.d")')) == ["c.d"]
    assert list(events_in('log.info("free text of a library")')) == []
