"""The inspector looks like the playground: the same colours and fonts, light and dark."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "connectors" / "web" / "static"
INSPECTOR = ROOT / "bot" / "inspector" / "static"
VARIABLE = re.compile(r"(--[a-z-]+):\s*([^;]+);")


def themes(path: Path) -> list[dict[str, str]]:
    """The variables, light and dark."""
    light, dark = path.read_text().split("prefers-color-scheme: dark", 1)
    return [dict(VARIABLE.findall(light)), dict(VARIABLE.findall(dark))]


def test_the_colours_and_fonts_are_the_playgrounds() -> None:
    pairs = zip(themes(PAGE / "page.css"), themes(INSPECTOR / "inspector.css"), strict=True)
    for page, inspector in pairs:
        shared = page.keys() & inspector.keys()
        assert len(shared) >= 11
        assert {name: inspector[name] for name in shared} == {name: page[name] for name in shared}


def test_the_sign_is_the_playgrounds() -> None:
    assert (PAGE / "icon.svg").read_bytes() == (INSPECTOR / "icon.svg").read_bytes()
