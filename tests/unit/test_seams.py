"""The bot finds nothing in a connector or provider that its seam doesn't declare."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from connectors.base import (
    CAPABILITIES,
    Connected,
    Connector,
    HasLineage,
    HasTranscripts,
    Linked,
    Routed,
    SendsFiles,
    SignsIn,
    StoresFiles,
    StoresMessages,
    TakesTranscripts,
    Whispers,
)
from connectors.discord import DiscordConnector, DiscordOptions
from connectors.memory import MemoryConnector
from connectors.slack import SlackConnector, SlackOptions
from connectors.terminal import TerminalConnector
from connectors.web import WebConnector

ROOT = Path(__file__).parents[2]
SEAMS = ("connectors.base", "connectors.markdown", "providers.base", "providers.registry")
LOOKS = {"getattr", "hasattr", "setattr", "vars"}
OURS = {"connector", "connectors", "provider", "providers", "model", "models"}
"""What connectors and providers are called in `bot`."""


def _named(node: ast.AST) -> str:
    """The last name of an expression: `self._connector` -> `connector`."""
    name = node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")
    return name.lstrip("_")


def _connectors_in(tree: ast.AST) -> set[str]:
    """The names that stand for a connector or provider: by annotation, or by what they go over."""
    found = set(OURS)
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.annotation is not None:
            if {"Connector", "Provider"} & {_named(each) for each in ast.walk(node.annotation)}:
                found.add(node.arg)
        elif isinstance(node, ast.For | ast.comprehension) and _named(node.iter) in OURS:
            found.add(_named(node.target))
    return found


def _foreign(tree: ast.AST) -> set[str]:
    """What is imported from a connector or provider that is no seam."""
    return {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        if node.module.startswith(("connectors.", "providers.")) and node.module not in SEAMS
        for alias in node.names
    }


def undeclared(source: str) -> Iterator[str]:
    """Where a module looks for something that a connector or provider need not have."""
    tree = ast.parse(source)
    ours, foreign = _connectors_in(tree), _foreign(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == "runtime_checkable":
            yield "declares what can be found, outside of the seam"
        if not isinstance(node, ast.Call) or not node.args:
            continue
        called, about = _named(node.func), _named(node.args[0])
        if called in LOOKS and about in ours:
            yield f"line {node.lineno}: {called} of {about}"
        elif called == "isinstance":
            kinds = {_named(each) for each in ast.walk(node.args[1])} & foreign
            yield from (f"line {node.lineno}: whether it is {kind}" for kind in kinds)


def _bot() -> list[Path]:
    return sorted((ROOT / "bot").rglob("*.py"))


@pytest.mark.parametrize("path", _bot(), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_bot_looks_for_nothing_that_a_seam_does_not_declare(path: Path) -> None:
    assert list(undeclared(path.read_text())) == []


@pytest.mark.parametrize(
    "source",
    [
        "if hasattr(connector, 'link'): pass",
        "def f(c: Connector) -> str: return getattr(c, 'link')",
        "def f(some: Sequence[Connector]) -> str: return getattr(some, 'x')",
        "[getattr(c, 'routes', None) for c in self._connectors]",
        "from connectors.web import WebConnector\nisinstance(x, (int, WebConnector))",
        "def f() -> None:\n    from providers.local import LocalProvider\n"
        "    assert isinstance(model, LocalProvider)",
        "@runtime_checkable\nclass Keeper(Protocol): ...",
    ],
)
def test_a_planted_look_is_found(source: str) -> None:
    assert list(undeclared(source))


@pytest.mark.parametrize(
    "source",
    [
        "from connectors.base import Linked\nisinstance(connector, Linked)",
        "getattr(handler, 'reads_chunks', True)",
        "from connectors.web import WebConnector\nWebConnector(engine)",
    ],
)
def test_what_is_declared_is_no_such_look(source: str) -> None:
    assert not list(undeclared(source))


# Who claims what: so that none of the contract's tests is skipped unnoticed.


def _page(
    web: WebConnector,
) -> tuple[Routed, Linked, Whispers, StoresMessages, StoresFiles, SignsIn, SendsFiles]:
    """For mypy: the members have the types that the seam declares."""
    return web, web, web, web, web, web, web


def _slack(
    slack: SlackConnector,
) -> tuple[Routed, Connected, Linked, HasLineage, Whispers, SendsFiles]:
    return slack, slack, slack, slack, slack, slack


def _discord(
    discord: DiscordConnector,
) -> tuple[Connected, Linked, HasLineage, Whispers, SendsFiles]:
    return discord, discord, discord, discord, discord


CLAIMS: dict[str, set[type]] = {
    "web": {
        *(Routed, Linked, Whispers, StoresMessages, StoresFiles, SignsIn, TakesTranscripts),
        SendsFiles,
    },
    "slack": {Routed, Connected, Linked, HasLineage, Whispers, HasTranscripts, SendsFiles},
    "discord": {Connected, Linked, HasLineage, Whispers, SendsFiles},
    "memory": {HasLineage, Whispers, SendsFiles},
    "terminal": {SendsFiles},
}


async def test_each_connector_claims_what_it_can_do() -> None:
    engine = create_async_engine("sqlite+aiosqlite://")
    connectors: list[Connector] = [
        WebConnector(engine, about="a script"),
        SlackConnector(SlackOptions(bot_token="xoxb-1", app_token="xapp-1")),
        DiscordConnector(DiscordOptions(token="token")),
        MemoryConnector(),
        TerminalConnector(),
    ]
    found = {
        connector.name: {each for each in CAPABILITIES if isinstance(connector, each)}
        for connector in connectors
    }
    for connector in connectors:
        await connector.aclose()
    await engine.dispose()
    assert found == CLAIMS
    assert set().union(*CLAIMS.values()) == set(CAPABILITIES)
