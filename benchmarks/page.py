"""The last figures and their machine, in the page that explains them."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_BEGIN, _END = "<!-- figures: written by make bench -->", "<!-- /figures -->"


def write(page: Path, figures: Sequence[dict[str, Any]]) -> None:
    """Puts tables of figures between the marks of a page. Raises `ValueError` where it has none."""
    before, begin, rest = page.read_text().partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        raise ValueError(f"{page} has no marks for the figures")
    aimed = [each for each in figures if each["aim"] is not None]
    others = [each for each in figures if each["aim"] is None]
    lines = [
        begin,
        f"{datetime.now(UTC):%Y-%m-%d}, {machine()}. A part that was not run keeps its figures.",
        "",
        *_table(aimed),
        "",
        "<details><summary>All other figures</summary>",
        "",
        *_table(others),
        "",
        "</details>",
        end,
    ]
    page.write_text(before + "\n".join(lines) + after)


def machine() -> str:
    """What ran the benchmarks."""
    model = re.search(r"model name\s*: (.+)", _read(Path("/proc/cpuinfo")))
    name = model[1] if model else platform.processor() or platform.machine()
    return (
        f"{name}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    )


def _read(file: Path) -> str:
    return file.read_text() if file.exists() else ""


def _table(figures: Sequence[dict[str, Any]]) -> list[str]:
    rows = [_row(each) for each in figures]
    return ["| figure | value | unit | aim | |", "|---|---:|---|---:|---|", *rows]


def _row(figure: dict[str, Any]) -> str:
    aim = "" if figure["aim"] is None else f"{figure['aim']:g}"
    met = {None: "", True: "met", False: "missed"}[figure["met"]]
    return f"| `{figure['name']}` | {figure['value']:g} | {figure['unit']} | {aim} | {met} |"
