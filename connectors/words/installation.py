"""How this copy was installed, and so what has to be typed: the one place that decides it.

Sentences name a command as `{everytoken}`, and the way to install an extra as `{install}`.
"""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import sysconfig
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Literal

Kind = Literal["make", "uvx", "uv tool", "pipx", "uv", "pip"]
"""`make` is a checkout whose `.venv` is used; `uv` an environment without pip, made by uv."""

NAME = "everytoken"
SUPPLIED = frozenset({"everytoken", "install"})
"""The parameters of templates that nobody has to give."""


@dataclass(frozen=True, slots=True)
class Installation:
    """A copy: how it was installed, from where, and what starts it."""

    kind: Kind
    python: str
    """The path of its interpreter."""
    script: str | None = None
    """What the script `everytoken` is called by from here; None if there is none."""
    url: str | None = None
    """Where it was installed from; None: by its name, from an index."""

    @property
    def everytoken(self) -> str:
        """What stands before a command's name: `everytoken`, or `uvx everytoken`."""
        if self.kind == "uvx":
            source = "" if self.url is None else f"--from {shlex.quote(self._wanted(''))} "
            return f"uvx {source}{NAME}"
        return self.script or shlex.join([self.python, "-m", "bot"])

    def install(self, extra: str) -> str:
        """The command that installs an extra beside this copy."""
        wanted = shlex.quote(self._wanted(extra))
        match self.kind:
            case "make" if extra == "local":
                return "make setup"
            case "make":
                return f"{shlex.quote(self.python)} -m pip install --editable {_editable(extra)}"
            case "uvx":
                return f"uvx --from {wanted} {NAME} run"
            case "uv tool":
                return f"uv tool install --force {wanted}"
            case "pipx":
                return f"pipx install --force {wanted}"
            case "uv":
                return f"uv pip install --python {shlex.quote(self.python)} {wanted}"
            case _:
                return f"{shlex.quote(self.python)} -m pip install {wanted}"

    def _wanted(self, extra: str) -> str:
        name = f"{NAME}[{extra}]" if extra else NAME
        return name if self.url is None else f"{name} @ {self.url}"


def _editable(extra: str) -> str:
    return shlex.quote(f".[{extra}]")


@cache
def installed() -> Installation:
    """This copy."""
    return found(Path(sys.prefix), Path(__file__).parents[2])


def typed(command: str) -> str:
    """A command of the bot as it is typed here: `doctor` may be `uvx everytoken doctor`."""
    return f"{installed().everytoken} {command}"


def found(prefix: Path, root: Path) -> Installation:
    """The copy in `root` (a checkout, or `site-packages`) that the environment `prefix` runs."""
    checkout = (root / "Makefile").is_file() and (root / "pyproject.toml").is_file()
    python = _from_here(Path(sys.executable))
    script = Path(sysconfig.get_path("scripts", vars={"base": str(prefix)})) / NAME
    return Installation(
        _kind(prefix, mine=checkout and prefix.resolve() == (root / ".venv").resolve()),
        python,
        _called(script) if script.exists() else None,
        None if checkout else _origin(),
    )


def _kind(prefix: Path, *, mine: bool) -> Kind:
    if mine:
        return "make"
    if (prefix / "uv-receipt.toml").exists():
        return "uv tool"
    if (prefix / "pipx_metadata.json").exists():
        return "pipx"
    try:
        made_by_uv = "\nuv = " in "\n" + (prefix / "pyvenv.cfg").read_text("utf-8")
    except OSError:
        return "pip"
    if not made_by_uv:
        return "pip"
    # The folders of uv's cache in which `uvx` makes its environments.
    cached = prefix.parent.name.startswith(("archive-v", "environments-v"))
    return "uvx" if cached else "uv"


def _origin() -> str | None:
    try:
        told = distribution(NAME).read_text("direct_url.json")
    except PackageNotFoundError:
        return None
    url = json.loads(told).get("url") if told else None
    return url if isinstance(url, str) else None


def _called(script: Path) -> str:
    """The script as it is typed: by its name alone, if a shell finds it so."""
    known = shutil.which(NAME)
    if known is not None and Path(known).resolve() == script.resolve():
        return NAME
    return shlex.quote(_from_here(script))


def _from_here(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)
