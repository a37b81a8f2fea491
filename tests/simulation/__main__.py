"""Plays one seed again: `python -m tests.simulation SEED [--trace]`."""

from __future__ import annotations

import sys

from tests.simulation.course import simulate


def main(arguments: list[str]) -> int:
    """Prints what a seed does; exit code 1 where an invariant does not hold."""
    verdict = simulate(int(arguments[0]))
    if "--trace" in arguments:
        print("\n".join(verdict.trace))  # noqa: T201 - what it is for
    print(verdict.plan)  # noqa: T201
    print(verdict.digest)  # noqa: T201
    print("\n".join(verdict.broken) or "every invariant holds")  # noqa: T201
    return 1 if verdict.broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
