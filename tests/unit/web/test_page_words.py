"""The page's tables of sentences: each language has all of them, with the same parameters."""

from __future__ import annotations

import re
from pathlib import Path

STATIC = Path(__file__).parents[3] / "connectors/web/static"
_ENTRY = re.compile(r'^ {2}"([\w.]+)":\s*((?:"(?:[^"\\]|\\.)*"(?:\s*\+\s*)?)+),?$', re.M)


def table(name: str) -> dict[str, set[str]]:
    """The parameters of each sentence of a table."""
    found = _ENTRY.findall((STATIC / name).read_text("utf-8"))
    return {id_: set(re.findall(r"\{(\w+)\}", said)) for id_, said in found}


def test_chinese_has_every_sentence_of_the_page_and_no_other() -> None:
    assert len(table("words.js")) > 80
    assert table("words.zh.js") == table("words.js")


def test_the_page_names_only_sentences_that_are_there() -> None:
    page = (STATIC / "page.html").read_text("utf-8")
    named = set(re.findall(r'data-say(?:-\w+)?="([\w.]+)"', page))
    assert named
    assert named <= table("words.js").keys()


def test_every_script_that_the_page_needs_is_fetched_at_once() -> None:
    page = (STATIC / "page.html").read_text("utf-8")
    assert '<link rel="modulepreload" href="/static/words.zh.js">' in page
