"""The pages on how something is added: their code is made from the toys here, and can be followed.

`python -m tests.process.howto.pages` writes the toys into the pages. What stands before a block
says what it is: a new `file`, an `edit` of one that is there, as a diff without line numbers, or
a `run`.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGES = ("howto-setting.md", "howto-connector.md", "howto-provider.md")
_BLOCK = re.compile(
    r"^<!-- (?P<do>file|edit|run)(: (?P<path>\S+)( = (?P<toy>\S+))?)? -->\n"
    r"```\w+\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_COPIED = (
    "benchmarks",
    "bot",
    "connectors",
    "providers",
    "tests",
    "pyproject.toml",
    "README.md",
    ".env.example",
)
_MOVED = {
    "tests.contract.howto.folder": "connectors.folder",
    "tests.contract.howto.lines": "providers.lines",
}
"""The toys are tested here; who follows a page puts them where they belong."""
_SECONDS = 120


@dataclass(frozen=True)
class Step:
    """One block of a page."""

    do: str
    path: str
    text: str


def page(name: str) -> Path:
    """Where a page is."""
    return ROOT / "docs" / name


def steps(name: str) -> Iterator[Step]:
    """What a page says to do, in order."""
    for block in _BLOCK.finditer(page(name).read_text()):
        yield Step(block["do"], block["path"] or "", block["text"])


def written(name: str) -> str:
    """A page with the toys as they are."""

    def with_toy(block: re.Match[str]) -> str:
        if block["toy"] is None:
            return block[0]
        code = (ROOT / block["toy"]).read_text()
        for here, there in _MOVED.items():
            code = code.replace(here, there)
        code = _sorted(code)
        head, _, _ = block[0].partition("```python\n")
        return f"{head}```python\n{code}```"

    return _BLOCK.sub(with_toy, page(name).read_text())


def _sorted(code: str) -> str:
    """Code whose imports are where they belong once what it imports is in its place."""
    ours = 'lint.isort.known-first-party=["bot", "connectors", "providers", "tests"]'
    command = [sys.executable, "-m", "ruff", "check", "--select=I", "--fix", "--config", ours, "-"]
    ran = subprocess.run(command, cwd=ROOT, input=code, capture_output=True, text=True, check=True)
    return ran.stdout


def copied(folder: Path) -> Path:
    """A copy of the project, to follow a page in."""
    for name in _COPIED:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("howto")
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


def follow(name: str, folder: Path) -> None:
    """Does what a page says, in a copy of the project. Raises `AssertionError` where that fails."""
    for step in steps(name):
        if step.do == "run":
            for line in step.text.splitlines():
                _run(line, folder)
        elif step.do == "file":
            assert not (folder / step.path).exists(), f"{step.path} is no new file"
            (folder / step.path).write_text(step.text)
        else:
            _edit(folder / step.path, step.text)
    _run(".venv/bin/python -m ruff check", folder)
    _run(".venv/bin/python -m ruff format --check", folder)


def _run(line: str, folder: Path) -> None:
    program, *arguments = shlex.split(line)
    assert program == ".venv/bin/python"
    command = [sys.executable, *arguments]
    ran = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    assert ran.returncode == 0, f"{line}\n{ran.stdout[-4000:]}{ran.stderr[-2000:]}"


def _edit(path: Path, diff: str) -> None:
    lines = diff.splitlines(keepends=True)
    before = "".join(line[1:] or "\n" for line in lines if not line.startswith("+"))
    after = "".join(line[1:] or "\n" for line in lines if not line.startswith("-"))
    text = path.read_text()
    assert text.count(before) == 1, f"{path.name} has not once:\n{before}"
    path.write_text(text.replace(before, after))


def main() -> None:
    """Writes the toys into the pages."""
    for name in PAGES:
        page(name).write_text(written(name))
    sys.stdout.write("wrote the toys into the pages\n")


if __name__ == "__main__":
    main()
