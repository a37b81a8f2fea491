"""Prints the sizes of the code and the way of one short answer; `--full` lists the whole way."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import structlog

from tests.house import limits, sources
from tests.house.answer import TOKENS, Passed, trace
from tests.house.limits import Limit, files_of, functions_of
from tests.house.sources import Sized, Source

SMALL_LINES = 80
"""A module with fewer lines and only one importer may belong into its importer."""

_Row = tuple[str, object, Limit | None]


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints it all. The trace comes first: in a process that has called nothing before."""
    parser = argparse.ArgumentParser(prog="python -m tests.house", description=__doc__)
    parser.add_argument("--full", action="store_true", help="list the way of the answer in order")
    full = parser.parse_args(arguments).full
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    passed = trace()
    for line in (*_of_sources(sources.read_sources()), *_of_answer(passed)):
        print(line)  # noqa: T201 - that is what it is for
    for line in _way(passed) if full else ():
        print(line)  # noqa: T201


def _of_sources(found: Sequence[Source]) -> Iterator[str]:
    modules, functions = sources.modules(found), sources.functions(found)
    long_modules = sources.over(modules, limits.MODULE_LINES.aim)
    long_functions = sources.over(functions, limits.FUNCTION_LINES.aim)
    too_complex = sources.complex_functions(found)
    repeated = sources.repeated_classes(found)
    lonely = sources.lonely_modules(found, SMALL_LINES)
    yield from _table(
        ("modules without migrations", len(modules), None),
        ("  median, lines", f"{sources.median_size(modules):.0f}", limits.MODULE_MEDIAN_AT_LEAST),
        ("  longest, lines", modules[0].size, limits.MODULE_LINES),
        (f"  over {limits.MODULE_LINES.aim} lines", len(long_modules), None),
        (f"  under {SMALL_LINES} lines with one importer", len(lonely), None),
        ("functions", len(functions), None),
        ("  median, lines", f"{sources.median_size(functions):.0f}", None),
        ("  longest, lines", functions[0].size, limits.FUNCTION_LINES),
        (f"  over {limits.FUNCTION_LINES.aim} lines", len(long_functions), None),
        (f"  of complexity above {limits.COMPLEXITY.aim}", len(too_complex), None),
        ("class names that exist twice", len(repeated), None),
        ("comments, of all lines", sources.commented(found), None),
        ("annotated functions", sources.annotated(found), None),
        ("public docstrings", sources.documented(found), None),
    )
    yield from _list("Long modules", map(_sized, long_modules))
    yield from _list("Long functions", map(_sized, long_functions))
    yield from _list("Complex functions", map(_sized, too_complex))
    yield from _list("Repeated classes", (f"{n}: {', '.join(p)}" for n, p in repeated.items()))
    yield from _list("Small modules, importer", (f"{m} < {i}" for m, i in lonely.items()))


def _of_answer(passed: Sequence[Passed]) -> Iterator[str]:
    functions, files = functions_of(passed), files_of(passed)
    yield ""
    yield from _table(
        (f"one short answer on Slack, tokens: {len(TOKENS)}", "", None),
        ("  distinct functions", len(functions), limits.ANSWER_FUNCTIONS),
        ("  closures and lambdas besides", len(passed) - len(functions), None),
        ("  files", len(files), limits.ANSWER_FILES),
        ("  calls", sum(one.calls for one in passed), None),
    )
    in_files = {one.file: one.package for one in functions}
    by_function = Counter(one.package for one in functions)
    by_file = Counter(in_files.values())
    yield ""
    yield f"{'package':<34}{'functions':>12}{'files':>8}"
    for package, count in by_function.most_common():
        yield f"{package:<34}{count:>12}{by_file[package]:>8}"


def _way(passed: Iterable[Passed]) -> Iterator[str]:
    yield ""
    yield f"{'calls':>6}  the way in order of first calls"
    for one in passed:
        yield f"{one.calls:>6}  {one.file}  {one.function}"


def _table(*rows: _Row) -> Iterator[str]:
    yield f"{'':<38}{'now':>8}{'limit':>8}{'aim':>8}"
    for name, value, limit in rows:
        allowed, aim = (limit.now, limit.aim) if limit else ("", "")
        yield f"{name:<38}{value!s:>8}{allowed:>8}{aim:>8}".rstrip()


def _list(title: str, lines: Iterable[str]) -> Iterator[str]:
    listed = list(lines)
    if listed:
        yield ""
        yield f"{title}:"
        yield from (f"  {line}" for line in listed)


def _sized(one: Sized) -> str:
    return f"{one.size:>4}  {one.name}"


if __name__ == "__main__":
    main()
