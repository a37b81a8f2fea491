"""The import direction of the house, and a planted breach that shows that this test can fail."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("bot", "connectors", "providers")
SEAMS = (
    "connectors.base", "connectors.markdown", "connectors.words", "providers.base",
    "providers.registry",
)  # fmt: skip

# From the bottom up: a module of `bot` imports only from itself and from the layers above it here.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("bot.pacing", "bot.render", "bot.identity", "bot.imports"),
    ("bot.words", "bot.settings", "bot.logs"),
    ("bot.store",),
    ("bot.reply", "bot.attachments"),
    ("bot.callbacks", "bot.telemetry", "bot.tools", "bot.scopes"),
    ("bot.runs",),
    ("bot.cluster",),
    ("bot.intake",),
    ("bot.http", "bot.inspector"),
    ("bot.app",),
    ("bot.cli",),
    ("bot.__main__",),
)


def _imports(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _unit(module: str) -> str:
    """The layer's unit that a module (or a name in it) belongs to: `bot.runs.run` -> `bot.runs`."""
    return ".".join(module.split(".")[:2])


def _layer(unit: str) -> int:
    return next(number for number, layer in enumerate(LAYERS) if unit in layer)


def _bot_may(module: str, imported: str) -> bool:
    if not imported.startswith("bot."):
        return imported.startswith(SEAMS) or _unit(module) == "bot.app"
    mine, theirs = _unit(module), _unit(imported)
    return mine == theirs or _layer(theirs) < _layer(mine)


def breaches(module: str, source: str) -> list[str]:
    """What a module imports of this project and may not."""
    ours = [name for name in _imports(source) if name.split(".")[0] in FOLDERS]
    folder = module.split(".")[0]
    if folder != "bot":
        return [name for name in ours if name.split(".")[0] != folder]
    return [name for name in ours if not _bot_may(module, name)]


def _modules() -> list[tuple[str, Path]]:
    paths = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths]
    return [(n.removesuffix(".__init__"), p) for n, p in zip(names, paths, strict=True)]


@pytest.mark.parametrize(("module", "path"), _modules(), ids=lambda value: str(value)[-40:])
def test_a_module_imports_only_what_it_may(module: str, path: Path) -> None:
    assert breaches(module, path.read_text()) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("bot.runs.run", "from connectors.web import WebConnector"),
        ("bot.runs.run", "import providers.openai"),
        ("bot.pacing", "from bot.reply import Reply"),
        ("bot.render.layout", "from bot.words import english"),
        ("bot.words", "from bot.settings import Settings"),
        ("bot.store.runs", "from bot.runs import Outcome"),
        ("bot.store.store", "from bot.cluster import Leases"),
        ("bot.attachments.files", "from bot.reply import Reply"),
        ("bot.runs.registry", "from bot.cluster import Cluster"),
        ("bot.cluster.recovery", "from bot.intake import Intake"),
        ("bot.intake.intake", "from bot.inspector import Inspector"),
        ("bot.inspector.pages", "from bot.http import serve"),
        ("bot.reply", "def late() -> None:\n    from bot import app"),
        ("connectors.web.connector", "from bot.settings import Settings"),
        ("connectors.memory", "from providers.base import Turn"),
        ("providers.local", "from bot import settings"),
    ],
)
def test_a_planted_breach_is_found(module: str, source: str) -> None:
    assert breaches(module, source) != []


def test_every_unit_of_the_bot_has_its_layer() -> None:
    units = {_unit(module) for module, _ in _modules() if module.startswith("bot.")}
    known = {unit for layer in LAYERS for unit in layer}
    assert units <= known


def test_langchain_is_imported_only_when_a_model_needs_it() -> None:
    """`bot` itself stands on langchain_core's callbacks alone."""
    for module, path in _modules():
        if module.startswith("bot"):
            foreign = [name for name in _imports(path.read_text()) if name.startswith("langchain")]
            assert all(name.startswith("langchain_core.callbacks") for name in foreign), module


def test_the_sdk_of_the_tools_is_imported_in_one_place_and_only_when_a_server_is_needed() -> None:
    """It takes most of a second."""
    session, process = (
        "bot.tools.session",
        "bot.app.notes_server",
    )  # of the second nothing is imported
    for module, path in _modules():
        tree = ast.parse(path.read_text())
        at_once = ast.unparse(ast.Module([node for node in tree.body if _is_import(node)], []))
        sdk = [name for name in _imports(path.read_text()) if name.split(".")[0] in SDK_OF_TOOLS]
        assert not sdk or module in (session, process), module
        assert not [name for name in _imports(at_once) if name.startswith((session, process))]


SDK_OF_TOOLS = ("mcp", "mcp_types")


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)
