"""Characters generated and shown over time, before and now: `python -m benchmarks.pacing.pictures`.

Writes docs/images/pacing.svg: one, three and ten answers of 1,500 tokens at once on Slack's limits.
Before is the plan with edits of an answer no closer than the even spacing of the budget.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.pacing.load import CHARS, TICK_S, Answer
from benchmarks.pacing.scene import SLACK, Ours, Seen, Way, play
from bot.pacing import Pacing

FILE = Path(__file__).parents[2] / "docs" / "images" / "pacing.svg"
_EVEN_S = 60 / (50 - 49 / 6)
_WAYS: dict[str, Callable[[], Way]] = {
    "before": lambda: Ours(Pacing(fastest_s=_EVEN_S)),
    "now": Ours,
}
_COLOURS = {"generated": "#9a9a9a", "before": "#d1603d", "now": "#2a7f62"}
_WIDTH, _HEIGHT, _MARGIN, _GAP = 300, 200, 46, 34
_TOKENS = 1500

Line = Sequence[tuple[float, float]]


def draw(tokens: int = _TOKENS, counts: Sequence[int] = (1, 3, 10)) -> str:
    """The picture, as SVG."""
    panels = [_panel(at, count, tokens) for at, count in enumerate(counts)]
    width = len(counts) * (_WIDTH + _GAP) + _MARGIN
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {_HEIGHT + 90}" '
            'font-family="sans-serif" font-size="12" fill="none">',
            f'<rect width="{width}" height="{_HEIGHT + 90}" fill="#ffffff"/>',
            *panels,
            _legend(),
            "</svg>\n",
        ]
    )


def _panel(at: int, count: int, tokens: int) -> str:
    answers = [Answer(0, tokens) for _ in range(count)]
    seconds, characters = tokens * TICK_S * 1.05, tokens * CHARS * count
    left = _MARGIN + at * (_WIDTH + _GAP)

    def place(line: Line) -> str:
        return " ".join(
            f"{left + _WIDTH * at_s / seconds:.1f},{30 + _HEIGHT * (1 - shown / characters):.1f}"
            for at_s, shown in line
        )

    lines: dict[str, Line] = {"generated": [(0, 0), (tokens * TICK_S, characters)]}
    said = []
    for name, way in _WAYS.items():
        seen = play(answers, SLACK, way)
        lines[name] = _steps(seen)
        said.append(f"{name} {seen.staleness / characters:.2f} s, {seen.edits} edits")
    title = "one answer" if count == 1 else f"{count} answers"
    return "\n".join(
        [
            f'<text x="{left}" y="18" fill="#222222">{title}: {"; ".join(said)}</text>',
            f'<path d="M{left} 30V{30 + _HEIGHT}H{left + _WIDTH}" stroke="#555555"/>',
            *(
                f'<text x="{left + _WIDTH * tick / seconds:.1f}" y="{_HEIGHT + 46}" '
                f'text-anchor="middle" fill="#555555">{tick} s</text>'
                for tick in range(0, round(seconds) + 1, 10)
            ),
            *(
                f'<polyline points="{place(line)}" stroke="{_COLOURS[name]}" stroke-width="1.4"/>'
                for name, line in lines.items()
            ),
        ]
    )


def _steps(seen: Seen) -> Line:
    """What is shown jumps with each call."""
    line: list[tuple[float, float]] = [(0.0, 0.0)]
    for at, new in sorted(seen.shown):
        line += [(at, line[-1][1]), (at, line[-1][1] + new)]
    return line


def _legend() -> str:
    names = {"generated": "generated", "before": "shown before", "now": "shown now"}
    return "\n".join(
        f'<path d="M{_MARGIN + 150 * at} {_HEIGHT + 70}h24" stroke="{_COLOURS[name]}" '
        f'stroke-width="2"/><text x="{_MARGIN + 150 * at + 30}" y="{_HEIGHT + 74}" '
        f'fill="#222222">{said}</text>'
        for at, (name, said) in enumerate(names.items())
    )


if __name__ == "__main__":
    FILE.write_text(draw())
