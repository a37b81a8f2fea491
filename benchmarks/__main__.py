"""What Everytoken costs and how it paces: `make bench`, or `make bench ONLY=pacing`."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import click

from benchmarks import page
from benchmarks.figures import Figure, keep

RESULTS = Path(__file__).parent / "results.json"
PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
PARTS = {
    "tokens": "benchmarks.token_cost",
    "masking": "benchmarks.masking",
    "endings": "benchmarks.endings",
    "pacing": "benchmarks.pacing.part",
    "few": "benchmarks.few",
    "sharing": "benchmarks.sharing",
    "platforms": "benchmarks.platforms",
    "log": "benchmarks.log",
    "process": "benchmarks.process",
    "procfile": "benchmarks.procfile",
    "rendering": "benchmarks.rendering",
    "drawing": "benchmarks.drawing",
}
"""Each part by its module, whose `measure(short=…)` gives its figures."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--only", default="", metavar="PARTS", help=f"some of: {', '.join(PARTS)}")
@click.option("--short", is_flag=True, help="runs through quickly; its figures mean nothing")
@click.option("--results", default=RESULTS, type=click.Path(path_type=Path), show_default=True)
def bench(only: str, *, short: bool, results: Path) -> None:
    """Measure, print the tables, and write the figures into a file and docs/performance.md."""
    figures: list[Figure] = []
    for name in _chosen(only):
        began = time.monotonic()
        measure: Callable[..., list[Figure]] = import_module(PARTS[name]).measure
        found = measure(short=short)
        click.echo(f"\n{name} ({time.monotonic() - began:.0f} s)")
        for figure in found:
            click.echo(f"  {figure.as_line()}")
        figures += found
    kept = keep(figures, results)
    if results == RESULTS and not short:
        page.write(PAGE, kept)
    missed = [figure.name for figure in figures if figure.met is False]
    click.echo(f"\nWritten to {results}. Aims missed: {', '.join(missed) or 'none'}.")


def _chosen(only: str) -> list[str]:
    names = [name.strip() for name in only.split(",") if name.strip()]
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        raise click.UsageError(f"no part is named {unknown[0]}: there are {', '.join(PARTS)}")
    return names or list(PARTS)


if __name__ == "__main__":
    bench(prog_name="python -m benchmarks")
