"""Pacing: who may edit next, against a proven bound and beside what others do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from statistics import mean

from benchmarks.figures import Figure, percentile
from benchmarks.pacing.bound import Rules, bound, good_prices, proves
from benchmarks.pacing.load import STEADY, Answer, load, steady
from benchmarks.pacing.others import Every, NoReserve, RoundRobin
from benchmarks.pacing.reachable import reachable
from benchmarks.pacing.scene import DISCORD, SLACK, Ours, Scope, Seen, Way, play
from benchmarks.pacing.spent import most_edits

SEEDS = 20
LONG_SEEDS = 2
"""So many of the seeds of the largest load are shown in the other ways too, and get a bound."""
_AIMS = {
    "pacing_429s_slack_200": 0.0,
    "pacing_429s_discord_200": 0.0,
    "pacing_429s_slack_steady": 0.0,
    "pacing_staleness_vs_bound_slack_1": 1.6,
    "pacing_staleness_vs_bound_slack_3": 1.4,
    "pacing_staleness_vs_bound_slack_steady": 1.6,
    "pacing_staleness_vs_bound_slack_10": 1.54,
    "pacing_staleness_vs_bound_slack_50": 1.54,
    "pacing_staleness_vs_bound_discord_1": 1.3,
    "pacing_staleness_vs_bound_discord_3": 1.3,
    "pacing_last_edit_p99_s_slack_10": 2.0,
    "pacing_first_text_p99_s_slack_10": 0.3,
}
_ON_SLACK = Rules(50, 3000)
_IN_ONE_CHANNEL = Rules(5, 250, post=None, slot=10)
_CROWD = 10
"""So many answers have text that waits from the first second to the last."""
_OTHERS: dict[str, Callable[[], Way]] = {
    "each_1_s": partial(Every, 1.0),
    "each_half_s": partial(Every, 0.5),
    "round_robin": RoundRobin,
    "no_reserve": lambda: Ours(NoReserve()),
}


@dataclass(frozen=True)
class Job:
    """One load, with one seed."""

    scope: Scope
    name: str
    seed: int

    @property
    def answers(self) -> list[Answer]:
        """What is to be shown."""
        return steady(self.seed) if self.name == STEADY else load(int(self.name), self.seed)


@dataclass(frozen=True)
class Limits:
    """Staleness that no way can come below; see `benchmarks.pacing.bound`."""

    bound: float
    prompt: float | None = None
    """The same, if no last edit may wait."""
    reachable: float | None = None
    """A schedule that knows the future."""


@dataclass(frozen=True)
class Outcome:
    """What came of a load with each way, and what no way can come below."""

    ways: dict[str, Seen]
    limits: Limits | None
    most_edits: int = 0
    """What an eager schedule would spend; 0 where it was not asked for."""


def measure(*, short: bool = False) -> list[Figure]:
    """All loads on Slack's limits, some on Discord's; the seeds are spread over cores."""
    sizes = ("1", "3", "10") if short else ("1", "3", STEADY, "10", "50", "200")
    crowds = ("1", "3", "10") if short else ("1", "3", "10", "200")
    seeds = 1 if short else SEEDS
    groups = [(SLACK, name) for name in sizes] + [(DISCORD, name) for name in crowds]
    jobs = [Job(scope, name, seed) for scope, name in groups for seed in range(seeds)]
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        # The longest first, so that no core is left with them at the end.
        outcomes = dict(zip(reversed(jobs), pool.map(look, reversed(jobs)), strict=True))
    figures = []
    for scope, name in groups:
        found = [outcomes[Job(scope, name, seed)] for seed in range(seeds)]
        figures += _told(scope, name, found)
    return figures + _spent(outcomes)


def look(job: Job) -> Outcome:
    """Shows one load in every way, and proves what can't be undercut."""
    answers = job.answers
    ours = play(answers, job.scope, Ours)
    if job.scope.name != SLACK.name:
        few = len(answers) <= job.scope.in_channel
        least = Limits(bound(answers, _IN_ONE_CHANNEL, ours.staleness, grain=5)) if few else None
        return Outcome({"": ours}, least)
    if len(answers) > 50 and job.seed >= LONG_SEEDS:
        return Outcome({"": ours}, None)
    if job.name == STEADY:
        return Outcome({"": ours}, Limits(bound(answers, _ON_SLACK, ours.staleness)))
    others = {name: play(answers, job.scope, way) for name, way in _OTHERS.items()}
    most = most_edits(answers, _ON_SLACK.calls, _ON_SLACK.window)
    return Outcome({"": ours, **others}, limits(answers, ours.staleness), most)


def _spent(outcomes: Mapping[Job, Outcome]) -> list[Figure]:
    """Whether the budget is used while text waits, and not wasted, over all loads on Slack."""
    full = [(each.ways[""].edits, each.most_edits) for each in outcomes.values() if each.most_edits]
    ours = [each.ways[""] for job, each in outcomes.items() if job.scope.name == SLACK.name]
    crowded = [
        (each.ways[""].edits, each.most_edits)
        for job, each in outcomes.items()
        if each.most_edits and len(job.answers) >= _CROWD
    ]
    wasted = sum(each.unnoticed for each in ours) / sum(each.edits for each in ours)
    return [
        Figure("wasted_edits", round(100 * wasted, 1), "%", 2),
        Figure("budget_spent_while_waiting", _share(crowded), "%", 90, more=True),
        Figure("budget_spent_while_waiting_all_loads", _share(full), "%"),
    ]


def _share(spent: Sequence[tuple[int, int]]) -> float:
    return round(100 * sum(edits for edits, _ in spent) / sum(most for _, most in spent), 1)


def limits(answers: Sequence[Answer], reached: float) -> Limits:
    """What can't be undercut on Slack; `reached` is what some schedule leaves."""
    rules = _ON_SLACK
    if len(answers) > rules.calls:  # not every end can be prompt, and the prices are too rough
        return Limits(bound(answers, rules, reached, rounds=80))
    prices = good_prices(answers, rules, reached)
    return Limits(
        proves(answers, rules, prices),
        bound(answers, replace(rules, prompt=True), reached),
        reachable(answers, rules, prices),
    )


def _told(scope: Scope, load_name: str, found: Sequence[Outcome]) -> list[Figure]:
    figures = []
    for name in found[0].ways:
        with_it = [each for each in found if name in each.ways]
        seen = [each.ways[name] for each in with_it]
        bounds = [each.limits.bound if each.limits else None for each in with_it]
        figures += _way(name, f"{scope.name}_{load_name}", seen, bounds)
    figures += _limits(f"{scope.name}_{load_name}", [each.limits for each in found if each.limits])
    return [Figure(each.name, each.value, each.unit, _AIMS.get(each.name)) for each in figures]


def _limits(load_name: str, found: Sequence[Limits]) -> list[Figure]:
    """How far from the bound the best is that can be: at all, and if no last edit waits."""
    ratios = {
        "reachable": [
            each.reachable / each.bound for each in found if each.reachable and each.bound
        ],
        "prompt_bound": [each.prompt / each.bound for each in found if each.prompt and each.bound],
    }
    return [
        Figure(f"pacing_{name}_vs_bound_{load_name}", round(mean(values), 3), "x")
        for name, values in ratios.items()
        if values
    ]


def _way(
    name: str, load_name: str, seen: Sequence[Seen], bounds: Sequence[float | None]
) -> list[Figure]:
    prefix = f"pacing_{name}" if not name else f"pacing_{name}_"
    first = [seconds for each in seen for seconds in each.first_text]
    last = [seconds for each in seen for seconds in each.last_edit]
    figures = [Figure(f"{prefix}429s_{load_name}", sum(each.refused for each in seen), "calls")]
    ratios = [
        each.staleness / least
        for each, least in zip(seen, bounds, strict=True)
        if least and least >= 1
    ]
    if ratios:
        figures.append(
            Figure(f"{prefix}staleness_vs_bound_{load_name}", round(mean(ratios), 3), "x")
        )
    for what, values in (("last_edit", last), ("first_text", first)):
        for part in (50, 99):
            value = round(percentile(values, part / 100), 2)
            figures.append(Figure(f"{prefix}{what}_p{part}_s_{load_name}", value, "s"))
    return figures
