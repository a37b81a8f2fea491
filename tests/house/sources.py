"""What can be counted in the source files, without importing them. Migrations are left out."""

from __future__ import annotations

import ast
import io
import json
import re
import subprocess
import sys
import tokenize
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("bot", "connectors", "providers")

STUB_LINES = 5
"""A file with no more lines than this is a marker of a package, not a module to read."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Sized:
    """A module or function by name, such as `bot/words.py::said`, and its size.

    The size is in lines, or the cyclomatic complexity where that is asked for.
    """

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Source:
    """One file, parsed. `path` is relative to the root, with slashes."""

    path: str
    text: str
    tree: ast.Module

    @property
    def lines(self) -> int:
        """Its lines, all of them."""
        return self.text.count("\n")

    @property
    def module(self) -> str:
        """Its name for an import; a package has the name of its folder."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def is_face(self) -> bool:
        """Whether this is a package's `__init__`."""
        return self.path.endswith("/__init__.py")

    def comments(self) -> int:
        """The lines that have a comment."""
        tokens = tokenize.generate_tokens(io.StringIO(self.text).readline)
        return sum(token.type == tokenize.COMMENT for token in tokens)


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    part: int
    whole: int

    def __str__(self) -> str:
        return f"{100 * self.part / max(1, self.whole):.1f} %"


def read_sources(root: Path = ROOT, packages: Sequence[str] = PACKAGES) -> list[Source]:
    """Every Python file of the packages but the migrations, by path."""
    paths = [path for package in packages for path in sorted((root / package).rglob("*.py"))]
    return [
        Source(path.relative_to(root).as_posix(), text, ast.parse(text))
        for path in paths
        if "versions" not in path.parts
        for text in [path.read_text(encoding="utf-8")]
    ]


def modules(sources: Iterable[Source]) -> list[Sized]:
    """The modules, longest first."""
    found = [Sized(source.path, source.lines) for source in sources if source.lines > STUB_LINES]
    return sorted(found, key=lambda module: -module.size)


def functions(sources: Iterable[Source]) -> list[Sized]:
    """Functions, methods and functions within functions, longest first."""
    found = [
        Sized(f"{source.path}::{name}", (node.end_lineno or 0) - node.lineno + 1)
        for source in sources
        for name, node in _definitions(source.tree)
        if isinstance(node, _Function)
    ]
    return sorted(found, key=lambda function: -function.size)


def over(sized: Iterable[Sized], size: int) -> list[Sized]:
    """Those that are larger than that."""
    return [one for one in sized if one.size > size]


def median_size(sized: Sequence[Sized]) -> float:
    """The median of their sizes; 0 where there are none."""
    return median(one.size for one in sized) if sized else 0


def repeated_classes(sources: Iterable[Source]) -> dict[str, list[str]]:
    """The class names that are defined more than once, each with its files."""
    files = defaultdict(list)
    for source in sources:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ClassDef):
                files[node.name].append(source.path)
    return {name: paths for name, paths in sorted(files.items()) if len(paths) > 1}


def annotated(sources: Iterable[Source]) -> Share:
    """The functions with a type for every parameter and for what they return."""
    nodes = [
        node
        for source in sources
        for _, node in _definitions(source.tree)
        if isinstance(node, _Function)
    ]
    return Share(sum(map(_is_annotated, nodes)), len(nodes))


def documented(sources: Iterable[Source]) -> Share:
    """The public classes, functions and methods that have a docstring."""
    nodes = [node for source in sources for node in _public(source.tree.body)]
    return Share(sum(ast.get_docstring(node) is not None for node in nodes), len(nodes))


def commented(sources: Sequence[Source]) -> Share:
    """The comments among all lines."""
    return Share(sum(source.comments() for source in sources), sum(s.lines for s in sources))


def complex_functions(sources: Iterable[Source], root: Path = ROOT) -> list[Sized]:
    """The functions that ruff finds too complex, by `C901` and the limit of pyproject.toml.

    A `noqa` hides none of them. Raises `CalledProcessError` where ruff doesn't run.
    """
    paths = [source.path for source in sources]
    config = ROOT / "pyproject.toml"
    command = [sys.executable, "-m", "ruff", "check", "--select", "C901", "--ignore-noqa"]
    options = ["--config", str(config), "--no-cache", "--exit-zero", "--output-format", "json"]
    run = subprocess.run([*command, *options, *paths], cwd=root, check=True, capture_output=True)
    return [_complexity(found, root.resolve()) for found in json.loads(run.stdout)]


def lonely_modules(sources: Sequence[Source], lines: int) -> dict[str, str]:
    """Modules with fewer lines than that and only one importer, which is the value.

    Whoever takes a name from a package's face imports the module that the name comes from; the
    face that only passes it on is no importer.
    """
    by_name = {source.module: source for source in sources}
    importers = defaultdict(set)
    for source in sources:
        for module, name in _imports(source):
            if not (source.is_face and name in _passed_on(source)):
                importers[_origin(module, name, by_name)].add(source.path)
    return {
        source.path: importer
        for source in sources
        if not source.is_face and STUB_LINES < source.lines < lines
        for importer in importers[source.module] - {source.path}
        if len(importers[source.module] - {source.path}) == 1
    }


def _complexity(found: dict[str, Any], root: Path) -> Sized:
    path = Path(found["filename"]).relative_to(root).as_posix()
    match = re.match(r"`(.+)` is too complex \((\d+) > \d+\)", found["message"])
    if match is None:
        raise ValueError(f"ruff said something else: {found['message']}")
    return Sized(f"{path}::{match[1]}", int(match[2]))


def _imports(source: Source) -> Iterator[tuple[str, str]]:
    """Each import as a module and a name in it; the name is empty for `import module`."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)


def _origin(module: str, name: str, by_name: dict[str, Source]) -> str:
    """The module that an import really takes: a submodule, or the one behind a package's face."""
    if f"{module}.{name}" in by_name:
        return f"{module}.{name}"
    source = by_name.get(module)
    if source is not None and source.is_face:
        for behind, passed in _imports(source):
            if passed == name and behind != module:
                return _origin(behind, passed, by_name)
    return module


def _passed_on(face: Source) -> set[str]:
    """The names of `__all__`."""
    return {
        str(name)
        for node in face.tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        for name in ast.literal_eval(node.value)
    }


def _definitions(node: ast.AST, within: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Classes and functions at any depth, with their qualified names."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _Function | ast.ClassDef):
            yield within + child.name, child
            yield from _definitions(child, f"{within}{child.name}.")
        else:
            yield from _definitions(child, within)


def _public(body: Iterable[ast.stmt]) -> Iterator[_Function | ast.ClassDef]:
    for node in body:
        if isinstance(node, _Function | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from _public(node.body)


def _is_annotated(node: _Function) -> bool:
    spec = node.args
    named = (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)
    needing = [arg for arg in named if arg.arg not in ("self", "cls")]
    return node.returns is not None and all(arg.annotation for arg in needing)
