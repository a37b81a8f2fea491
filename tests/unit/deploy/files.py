"""The files that a deployment is made of, as their tools read them."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
DOCS = sorted((ROOT / "docs" / "deploy").glob("*.md"))
PROCFILE = ROOT / "Procfile"

_NAME = r"[A-Z][A-Z0-9_]+"


def procfile() -> dict[str, str]:
    """The commands by the names of their processes."""
    lines = [line.partition(":") for line in PROCFILE.read_text().splitlines() if line.strip()]
    return {name: command.strip() for name, _, command in lines}


def app_json() -> dict[str, Any]:
    """Heroku's file."""
    found: dict[str, Any] = json.loads((ROOT / "app.json").read_text())
    return found


def fly() -> dict[str, Any]:
    """Fly's file."""
    return tomllib.loads((ROOT / "fly.toml").read_text())


def compose() -> dict[str, Any]:
    """Compose's file."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return found


def dockerfile() -> list[tuple[str, str]]:
    """The steps of the image, comments and continued lines undone."""
    lines = [
        line
        for line in (ROOT / "Dockerfile").read_text().splitlines()
        if not line.lstrip().startswith("#")
    ]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    steps = [line.partition(" ") for line in joined.splitlines() if line.strip()]
    return [(step, given.strip()) for step, _, given in steps]


def dockerfile_environment() -> dict[str, str]:
    """What the image sets."""
    given = " ".join(text for step, text in dockerfile() if step == "ENV")
    return dict(re.findall(rf"({_NAME})=(\S+)", given))


def unit_environment() -> dict[str, str]:
    """What the systemd unit sets."""
    unit = (ROOT / "deploy" / "everytoken.service").read_text()
    lines = re.findall(r"^Environment=(.*)$", unit, re.MULTILINE)
    return dict(re.findall(rf"({_NAME})=(\S+)", " ".join(lines)))


def named_in(page: Path) -> set[str]:
    """What a page sets: `NAME=…`, at the start of a line of code or within."""
    return set(re.findall(rf"\b({_NAME})=", page.read_text()))


def interpolated(value: str) -> str:
    """A value of Compose's with the defaults of its variables."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)
