"""`everytoken.toml`: the settings in groups, and what holds for scopes, for those who keep
configuration in git.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings

CONFIG_FILE = "CONFIG_FILE"
"""The variable that names another file than the one in the current folder."""
DEFAULT_FILE = Path("everytoken.toml")
SCOPES = "scopes"
"""The group of what is set for scopes, each in a group of its own: `[scopes."slack:T1/C2"]`."""
_ALIKE = 0.6

Groups = Mapping[str, type[BaseSettings]]
"""The settings classes by the names of their groups in the file."""


class FileFault(Exception):
    """The file can't be used; `lines` name each fault, with the cure."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """What the file says: settings by their names, and by scope what is set for it."""

    path: Path
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    scopes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def file_path() -> Path | None:
    """The file that is used: the one that is named, or the usual one where it is there."""
    named = os.environ.get(CONFIG_FILE)
    if named:
        return Path(named)
    return DEFAULT_FILE if DEFAULT_FILE.exists() else None


def read_file(path: Path, groups: Groups) -> ConfigFile:
    """Reads the file; raises `FileFault`."""
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileFault([f"{path} can't be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise FileFault([f"{path} is no UTF-8 text"]) from error
    except tomllib.TOMLDecodeError as error:
        raise FileFault([f"{path} is no TOML: {error}"]) from error
    scopes = told.pop(SCOPES, {})
    faults, values = list(_scope_faults(scopes)), dict[str, Any]()
    for group, settings in told.items():
        faults += _group_faults(group, settings, groups)
        if isinstance(settings, dict):
            values |= {name: value for name, value in settings.items() if value != ""}
    if faults:
        raise FileFault([f"{path}: {fault}" for fault in faults])
    return ConfigFile(path, values, scopes)


def _group_faults(group: str, settings: Any, groups: Groups) -> Iterator[str]:
    if group not in groups:
        where = next((name for name, cls in groups.items() if group in own_fields(cls)), None)
        if where is not None:
            yield f"{group} belongs into the group [{where}]"
        else:
            names = [*groups, SCOPES]
            yield f"there is no group [{group}]{_meant(group, names)}; there are: {_all(names)}"
    elif not isinstance(settings, dict):
        yield f"[{group}] has to be a group of settings"
    else:
        for name in settings:
            if name not in own_fields(groups[group]):
                yield f"[{group}] {_misplaced(name, group, groups)}"


def _misplaced(name: str, group: str, groups: Groups) -> str:
    where = next((other for other, cls in groups.items() if name in own_fields(cls)), None)
    if where is not None:
        return f"{name} belongs into the group [{where}]"
    if name.lower() != name:
        return f"has no setting {name}: names are written in small letters here"
    known = [each for cls in groups.values() for each in own_fields(cls)]
    return f"has no setting {name}{_meant(name, [*own_fields(groups[group]), *known])}"


def _scope_faults(scopes: Any) -> Iterator[str]:
    if not isinstance(scopes, dict):
        yield f'[{SCOPES}] has to have a group for each scope: [{SCOPES}."slack:T1/C2"]'
        return
    for scope, values in scopes.items():
        if not isinstance(values, dict):
            yield f'[{SCOPES}] {scope} has to be a group: [{SCOPES}."{scope}"]'


def own_fields(settings: type[BaseSettings]) -> list[str]:
    """The names of the settings that a class declares itself."""
    return [name for name in settings.model_fields if name in settings.__annotations__]


def _meant(name: str, known: list[str]) -> str:
    meant = get_close_matches(name, known, 1, _ALIKE)
    return f"; did you mean {meant[0]}?" if meant else ""


def _all(names: list[str]) -> str:
    return ", ".join(f"[{name}]" for name in names)


# What the settings are read from while they are being read.

_read: ContextVar[Mapping[str, Any]] = ContextVar("settings of the file")


@contextmanager
def reading(file: ConfigFile | None) -> Iterator[None]:
    """While this lasts, settings take from the file what the environment doesn't say."""
    token = _read.set({} if file is None else file.values)
    try:
        yield
    finally:
        _read.reset(token)


def values_of_file() -> dict[str, Any]:
    """What the file says that is being read."""
    return dict(_read.get({}))
