"""The Chinese README has the sections and commands of the English one; its pages are reached."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.settings import Settings
from connectors.words import Language, catalogue

ROOT = Path(__file__).parents[2]
ENGLISH, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"
PAGES = sorted((ROOT / "docs/zh").glob("*.md"))
_FENCED = re.compile(r"^ *```\w*\n(.*?)^ *```", re.M | re.S)
_SETTING = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?==)")


def headings(text: str) -> list[int]:
    """The level of each heading, in order."""
    return [len(marks) for marks in re.findall(r"^(#+) ", _FENCED.sub("", text), re.M)]


def commands(text: str) -> list[list[str]]:
    """The lines of each block of code, without comments and the space around them."""
    blocks = [block.splitlines() for block in _FENCED.findall(text)]
    return [[line.partition(" # ")[0].strip() for line in block] for block in blocks]


def links(text: str) -> set[str]:
    """The files that a text leads to."""
    found = re.findall(r"\]\(([^)#\s]+)", text)
    return {link for link in found if not link.startswith("http")}


def test_both_have_the_same_sections() -> None:
    assert headings(CHINESE.read_text()) == headings(ENGLISH.read_text())


def test_both_have_the_same_commands() -> None:
    assert commands(CHINESE.read_text()) == commands(ENGLISH.read_text())


def test_both_have_the_same_pictures_and_pages() -> None:
    """The Chinese one leads to pages of its own where there are some."""
    more = {"README.md", "docs/zh/models.md", "docs/zh/deploy.md"}
    theirs = {
        link.replace("docs/zh/connect-", "docs/connect-") for link in links(CHINESE.read_text())
    }
    assert theirs - more == links(ENGLISH.read_text()) - {"README.zh-CN.md"}


@pytest.mark.parametrize("path", [CHINESE, *PAGES], ids=lambda path: path.name)
def test_what_a_chinese_page_leads_to_is_there(path: Path) -> None:
    assert [link for link in links(path.read_text()) if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("path", [CHINESE, *PAGES], ids=lambda path: path.name)
def test_the_settings_that_a_chinese_page_sets_are_there(path: Path) -> None:
    others = {"POSTGRES_PASSWORD", "HTTPS_PROXY"}
    named = set(_SETTING.findall(path.read_text())) - others
    assert {name for name in named if name.lower() not in Settings.model_fields} == set()


def test_the_buttons_are_called_as_they_are() -> None:
    words = catalogue(Language.CHINESE)
    for path in (CHINESE, ROOT / "docs/zh/connect-slack.md", ROOT / "docs/zh/connect-discord.md"):
        text = path.read_text()
        for id_ in ("control.stop", "control.retry", "control.continue", "ask.about"):
            assert words[id_] in text, (path.name, id_)


def test_a_section_or_command_that_is_left_out_would_be_found() -> None:
    whole = ENGLISH.read_text()
    assert headings(whole.replace("## Commands\n", "")) != headings(whole)
    assert commands(whole.replace("runs verify ID ", "runs check ID ")) != commands(whole)
