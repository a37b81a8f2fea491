"""The file of servers: what others write is read, and what is wrong is said with its cure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.settings import SettingsError
from bot.tools import ServerConfig, load_servers

FILE = "mcp.json"


def servers(folder: Path, entry: Any, environ: dict[str, str] | None = None) -> ServerConfig:
    """The server of a file with this entry."""
    path = folder / FILE
    path.write_text(json.dumps({"mcpServers": {"it": entry}}))
    return load_servers(path, environ or {})["it"]


def test_a_server_of_other_clients_is_read(tmp_path: Path) -> None:
    entry = {
        "command": "npx", "args": ["-y", "server", "${ROOT:-/srv}"], "type": "stdio",
        "env": {"TOKEN": "${env:MY_TOKEN}", "PLAIN": "$HOME"}, "autoApprove": ["everything"],
    }  # fmt: skip
    found = servers(tmp_path, entry, {"MY_TOKEN": "secret"})
    assert (found.command, found.args) == ("npx", ("-y", "server", "/srv"))
    assert found.env == {"TOKEN": "secret", "PLAIN": "$HOME"}
    assert (found.tools, found.approve, found.trust, found.remember) == ((), "writes", False, ())
    assert "secret" not in repr(found)


def test_our_own_keys_are_read(tmp_path: Path) -> None:
    entry = {
        "url": "https://x.example/mcp", "headers": {"Authorization": "Bearer ${T}"},
        "tools": ["a", "b"], "approve": "always", "trust": True, "remember": ["a"], "timeout": 5,
        "output": 100,
    }  # fmt: skip
    found = servers(tmp_path, entry, {"T": "t"})
    assert found.headers == {"Authorization": "Bearer t"}
    assert (found.tools, found.approve, found.trust) == (("a", "b"), "always", True)
    assert (found.remember, found.timeout, found.output) == (("a",), 5.0, 100)


def test_a_server_that_is_disabled_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_text('{"mcpServers": {"a": {"disabled": true}, "b": {"command": "b"}}}')
    assert list(load_servers(path, {})) == ["b"]


def test_another_configuration_has_another_hash_and_a_new_secret_has_not(tmp_path: Path) -> None:
    entry = {"command": "${WHICH:-a}", "env": {"TOKEN": "${T}"}}
    first = servers(tmp_path, entry, {"T": "1"}).sha256
    assert first == servers(tmp_path, entry, {"T": "2"}).sha256
    assert first != servers(tmp_path, entry, {"T": "1", "WHICH": "b"}).sha256
    assert first != servers(tmp_path, entry | {"trust": True}, {"T": "1"}).sha256


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("x", "server 'it' has to be an object"),
        ({}, "needs either `command` (a process) or `url` (an address)"),
        ({"command": "x", "url": "https://x"}, "needs either `command`"),
        ({"command": 3}, "`command` of server 'it' has to be a text"),
        ({"command": "x", "args": "y"}, "`args` of server 'it' has to be a list of texts"),
        ({"command": "x", "env": {"A": 1}}, "`env` of server 'it' has to be an object of texts"),
        ({"command": "x", "env": {"A": "${B}"}}, "names ${B}, which is not set: set B"),
        ({"url": "x.example/mcp"}, "`url` of server 'it' has to be like https://host/mcp"),
        ({"url": "https://x", "type": "sse"}, "`sse`, which is no longer supported"),
        ({"url": "https://x", "type": "stdio"}, "`stdio`, which needs `command`"),
        ({"url": "https://x", "type": "pigeon"}, "`type` of server 'it' has to be one of stdio"),
        ({"command": "x", "aprove": "never"}, "`aprove` of server 'it' is unknown: did you mean"),
        ({"command": "x", "approve": "sometimes"}, "has to be `always`, `writes` or `never`"),
        ({"command": "x", "trust": "yes"}, "`trust` of server 'it' has to be true or false"),
        ({"command": "x", "timeout": 0}, "`timeout` of server 'it' has to be a number above 0"),
        ({"command": "x", "output": True}, "`output` of server 'it' has to be a number"),
        ({"command": "x", "remember": ["a"]}, "names 'a', which is not among its `tools`"),
    ],
)
def test_a_wrong_entry_is_named_with_its_cure(tmp_path: Path, entry: Any, told: str) -> None:
    with pytest.raises(SettingsError) as error:
        servers(tmp_path, entry)
    assert told in str(error.value)
    assert str(error.value).startswith(f"MCP_CONFIG: {tmp_path / FILE} is wrong: ")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (
            b"{",
            "is no JSON: Expecting property name enclosed in double quotes, in line 1",
        ),
        (b"[]", "has to be an object"),
        (b'{"servers": {}}', "has no object `mcpServers`"),
        (b'{"mcpServers": {"a b": {}}}', "needs a name of letters, digits, - and _"),
        (b"\xff", "is not UTF-8"),
        (b" " * 1_000_001, "is larger than 1,000,000 bytes"),
    ],
)
def test_a_wrong_file_is_named_with_its_cure(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / FILE
    path.write_bytes(content)
    with pytest.raises(SettingsError) as error:
        load_servers(path, {})
    assert told in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="can't be read \\(No such file"):
        load_servers(tmp_path / "none.json", {})
