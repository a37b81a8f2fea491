"""What masking costs a token: `python -m benchmarks.masking`.

The whole way of a token as in `benchmarks.token_cost`, without masking, with it off, and with a
value in each question: the ways take turns in fresh processes, and the figures are ratios to the
first, taken within each round.
"""

from __future__ import annotations

from statistics import median

from benchmarks.figures import Figure, show
from benchmarks.token_cost import measured

ON_AIM, OFF_AIM = 1.05, 1.02
_WAYS = ("lean_way", "unmasked_way", "masked_way")


def measure(*, short: bool = False) -> list[Figure]:
    """The part of `make bench`."""
    if short:
        return _figures(rounds=1, streams=2, tokens=25)
    return _figures(rounds=7, streams=40, tokens=200)


def _figures(rounds: int, streams: int, tokens: int) -> list[Figure]:
    found = measured(_WAYS, rounds, streams, tokens)
    ratios = {
        name: [way / plain for way, plain in zip(found[name], found["lean_way"], strict=True)]
        for name in _WAYS
    }
    return [
        Figure("masking_off_ratio", round(median(ratios["unmasked_way"]), 3), "x", OFF_AIM),
        Figure("masking_on_ratio", round(median(ratios["masked_way"]), 3), "x", ON_AIM),
        Figure(
            "masking_spread", round(max(ratios["masked_way"]) - min(ratios["masked_way"]), 3), "x"
        ),
        Figure("masking_us_per_token", round(median(found["masked_way"]), 1), "us"),
    ]


if __name__ == "__main__":
    show(measure(), as_json=False)
