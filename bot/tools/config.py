"""The file that MCP_CONFIG names: `mcp.json`, in the form that other MCP clients read.

What others know (`command`, `args`, `env`, `cwd`; `url`, `headers`; `type`; `disabled`) means the
same here. `tools`, `approve`, `trust`, `remember`, `timeout` and `output` are this bot's own; other
clients ignore them, as this one ignores theirs.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, NoReturn, get_args

from dotenv import dotenv_values

from bot.settings import SettingsError

Approve = Literal["always", "writes", "never"]

IMAGES = "images"
"""The name under which IMAGE_MODEL is a server, too: see `bot.tools.images`."""

TIMEOUT_S = 30.0
OUTPUT_CHARS = 20_000
_MOST_SECONDS = 3600.0
_MOST_CHARS = 1_000_000
_MOST_BYTES = 1_000_000
"""Of the file."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
_PLACEHOLDER = re.compile(r"\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_OURS = ("tools", "approve", "trust", "remember", "timeout", "output")
_THEIRS = ("command", "args", "env", "cwd", "url", "headers", "type", "disabled")
_TYPES = {"stdio": "command", "http": "url", "streamable-http": "url", "streamableHttp": "url"}
_ALIKE = 0.8


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """One MCP server: a process that is started, or an address."""

    name: str
    command: str | None = None
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    """All that the process finds in its environment, but for what `bot.tools.process` adds."""
    cwd: str | None = None
    url: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    tools: tuple[str, ...] = ()
    """The tools that may be called; others don't exist here."""
    approve: Approve = "writes"
    trust: bool = False
    """Whether what the server says of its tools (that they only read) counts."""
    remember: tuple[str, ...] = ()
    """The tools of which a person may say "allow in this thread"."""
    timeout: float = TIMEOUT_S
    """Seconds that one call may take."""
    output: int = OUTPUT_CHARS
    """Characters of a result that the model is given."""
    sha256: str = ""
    """Of what stands in the file, in hexadecimal; names of placeholders, not their values, but
    for the command and the address."""


def load_servers(path: Path, environ: Mapping[str, str] | None = None) -> dict[str, ServerConfig]:
    """The servers of a file, by their names. `environ` is what placeholders name: by default the
    environment, and `.env` below it.

    Raises `SettingsError`, which says what is wrong and what to write.
    """
    if environ is None:
        in_file = {name: value or "" for name, value in dotenv_values(".env").items()}
        environ = in_file | dict(os.environ)
    found = _read(path)
    servers = found.get("mcpServers")
    if not isinstance(servers, dict):
        _wrong(path, 'has no object `mcpServers`: write {"mcpServers": {"time": {"command": …}}}')
    made = (_Entry(path, name, entry, environ) for name, entry in servers.items())
    return {entry.name: entry.config() for entry in made if not entry.disabled}


def canonical(value: Any) -> str:
    """JSON that is the same for equal values: keys in order, no white space."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256_of(text: str) -> str:
    """The hash of a text's UTF-8, in hexadecimal; half a surrogate pair counts too."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        _wrong(path, f"can't be read ({error.strerror}): name a file that is there, or unset it")
    if len(content) > _MOST_BYTES:
        _wrong(path, f"is larger than {_MOST_BYTES:,} bytes: is it the right file?")
    try:
        found = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        _wrong(path, "is not UTF-8: save it as such")
    except json.JSONDecodeError as error:
        _wrong(path, f"is no JSON: {error.msg}, in line {error.lineno}, column {error.colno}")
    if not isinstance(found, dict):
        _wrong(path, 'has to be an object: {"mcpServers": {…}}')
    return found


def _wrong(path: Path, what: str) -> NoReturn:
    raise SettingsError(f"MCP_CONFIG: {path} {what}")


class _Entry:
    """One server of the file, read key by key; what is wrong is said with its name and key."""

    def __init__(self, path: Path, name: str, entry: Any, environ: Mapping[str, str]) -> None:
        self._path = path
        self.name = name
        self._environ = environ
        if not _NAME.fullmatch(name):
            self._fail("", "needs a name of letters, digits, - and _, at most 40 of them")
        if not isinstance(entry, dict):
            self._fail("", 'has to be an object, like {"command": "mcp-server-time"}')
        self._entry: dict[str, Any] = entry
        self.disabled = entry.get("disabled") is True

    def config(self) -> ServerConfig:
        """The server as it was configured."""
        self._check_keys()
        command, url = self._optional("command"), self._optional("url")
        self._check_way(command, url)
        tools = self._texts("tools")
        remember = self._texts("remember")
        if strange := sorted(set(remember) - set(tools)):
            self._fail("remember", f"names {strange[0]!r}, which is not among its `tools`")
        return ServerConfig(
            name=self.name,
            command=command,
            args=tuple(map(self._filled_arg, self._texts("args"))),
            env=self._filled("env"),
            cwd=self._optional("cwd"),
            url=url,
            headers=self._filled("headers"),
            tools=tools,
            approve=self._approve(),
            trust=self._flag("trust"),
            remember=remember,
            timeout=self._number("timeout", TIMEOUT_S, _MOST_SECONDS),
            output=round(self._number("output", OUTPUT_CHARS, _MOST_CHARS)),
            sha256=sha256_of(canonical([self._entry, command, url])),
        )

    def _check_keys(self) -> None:
        for key in self._entry:
            if key in _OURS or key in _THEIRS:
                continue
            if meant := get_close_matches(key.lower(), _OURS, 1, _ALIKE):
                self._fail(key, f"is unknown: did you mean `{meant[0]}`?")

    def _check_way(self, command: str | None, url: str | None) -> None:
        kind = self._entry.get("type")
        if kind == "sse":
            self._fail("type", "is `sse`, which is no longer supported: use the server's `http`")
        if kind is not None and kind not in _TYPES:
            self._fail("type", f"has to be one of {', '.join(_TYPES)}")
        if (command is None) == (url is None):
            self._fail("", "needs either `command` (a process) or `url` (an address)")
        if kind is not None and self._entry.get(_TYPES[kind]) is None:
            self._fail("type", f"is `{kind}`, which needs `{_TYPES[kind]}`")
        if url is not None and not re.match(r"https?://[^/\s]", url):
            self._fail("url", "has to be like https://host/mcp")

    def _approve(self) -> Approve:
        value = self._entry.get("approve", "writes")
        if value not in get_args(Approve):
            self._fail("approve", "has to be `always`, `writes` or `never`")
        found: Approve = value
        return found

    def _flag(self, key: str) -> bool:
        value = self._entry.get(key, False)
        if not isinstance(value, bool):
            self._fail(key, "has to be true or false")
        return value

    def _number(self, key: str, default: float, most: float) -> float:
        value = self._entry.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= most:
            self._fail(key, f"has to be a number above 0, at most {most:g}")
        return float(value)

    def _optional(self, key: str) -> str | None:
        value = self._entry.get(key)
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip() or "\x00" in value:
            self._fail(key, "has to be a text")
        return self._fill(key, value)

    def _texts(self, key: str) -> tuple[str, ...]:
        value = self._entry.get(key, [])
        if not isinstance(value, list) or not all(
            isinstance(one, str) and "\x00" not in one for one in value
        ):
            self._fail(key, 'has to be a list of texts, like ["get_current_time"]')
        return tuple(value)

    def _filled_arg(self, value: str) -> str:
        return self._fill("args", value)

    def _filled(self, key: str) -> dict[str, str]:
        value = self._entry.get(key, {})
        if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
            self._fail(key, 'has to be an object of texts, like {"NAME": "value"}')
        return {name: self._fill(key, text) for name, text in value.items()}

    def _fill(self, key: str, text: str) -> str:
        """The text with `${NAME}`, `${NAME:-default}` and `${env:NAME}` filled in."""

        def value(found: re.Match[str]) -> str:
            name, default = found.groups()
            known = self._environ.get(name) or default
            if known is None:
                self._fail(
                    key, f"names ${{{name}}}, which is not set: set {name}, or write a value"
                )
            return known

        return _PLACEHOLDER.sub(value, text)

    def _fail(self, key: str, what: str) -> NoReturn:
        where = f"`{key}` of server {self.name!r}" if key else f"server {self.name!r}"
        _wrong(self._path, f"is wrong: {where} {what}")
