"""How much a benchmark of whole answers asks for."""

from __future__ import annotations

import argparse
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """So many answers of so many tokens, `rate` of them a second."""

    answers: int = 20
    tokens: int = 1500
    rate: float = 50.0
    as_json: bool = False

    @property
    def for_model(self) -> tuple[str, ...]:
        """The arguments of the model's process."""
        return "--tokens", str(self.tokens), "--rate", str(self.rate)


def load(description: str | None) -> Load:
    """The load that the command line asks for."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--answers", type=int, default=20)
    parser.add_argument("--tokens", type=int, default=1500, help="of each answer")
    parser.add_argument("--rate", type=float, default=50.0, help="tokens a second")
    parser.add_argument("--json", action="store_true", dest="as_json")
    return Load(**vars(parser.parse_args()))
