"""The inspector's benchmark measures the same log each time, and what it says of it is so."""

from __future__ import annotations

from itertools import chain

from benchmarks.inspector import SPAN_US, made

NOW_US = 1_763_800_000_000_000


def test_the_same_sizes_make_the_same_runs() -> None:
    first, second = (list(chain(*made(500, 25_000, NOW_US))) for _ in range(2))
    assert first == second
    assert len({run["run_id"] for run in first}) == 500


def test_runs_lie_within_a_month_and_have_about_as_many_tokens_as_asked() -> None:
    runs = list(chain(*made(20_000, 1_000_000, NOW_US)))
    times = [run["started_us"] for run in runs]
    assert times == sorted(times)
    assert NOW_US - SPAN_US <= times[0] <= times[-1] <= NOW_US
    assert 0.9 < sum(run["tokens"] for run in runs) / 1_000_000 < 1.1


def test_no_connector_has_anothers_model() -> None:
    runs = list(chain(*made(2_000, 100_000, NOW_US)))
    assert {run["model"] for run in runs if run["connector"] == "discord"} == {"azure:gpt-5-mini"}
    assert {run["verdict"] for run in runs if run["connector"] == "terminal"} <= {"unproven", None}
