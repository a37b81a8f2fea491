"""Each part of the benchmark runs through and says what it says it measures; no time is judged."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from benchmarks.__main__ import PARTS, bench
from benchmarks.figures import Figure, keep
from tests.doubles.preloaded import Preloaded

NAMES = {
    "tokens": {"cpu_per_token_vs_sdk"},
    "pacing": {"pacing_429s_slack_10", "pacing_staleness_vs_bound_slack_10"},
    "masking": {"masking_off_ratio", "masking_on_ratio"},
    "sharing": {"shares_one_busy_of_4_redis", "cluster_stop_reaches_ms"},
    "few": {"slack_1_stale_s", "slack_3_stale_s", "discord_10_one_channel_whole_s"},
    "platforms": {"slack_cpu_per_event_us", "discord_cpu_per_edit_us", "slack_20_429s"},
    "endings": {
        "cut_answers_that_look_whole_lean_way",
        "cut_answers_that_look_whole_langchain_way",
    },
    "log": {"log_tokens_per_s_sqlite", "log_bytes_per_token_sqlite"},
    "process": {"ready_s", "idle_rss_mb", "hour_rss_growth_mb"},
    "procfile": set(),  # nothing where no PostgreSQL server is
    "rendering": {"render_200k_vs_20k_ratio"},
    "drawing": set(),  # nothing where no Chromium is
}


@pytest.fixture(autouse=True)
def _started_with_all_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part starts up to fifteen processes, each of which would import a second's worth."""
    if sys.platform == "linux":
        names = {name: getattr(subprocess, name) for name in ("PIPE", "TimeoutExpired")}
        made = SimpleNamespace(Popen=partial(Preloaded, others=True), **names)
        monkeypatch.setattr("benchmarks.processes.subprocess", made)


@pytest.mark.real_time
@pytest.mark.timeout(900)  # processes by the dozen, on a machine that may do much else
@pytest.mark.parametrize("part", PARTS)
def test_a_short_run_gives_a_parts_figures(part: str, tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    done = CliRunner().invoke(bench, ["--only", part, "--short", "--results", str(results)])
    assert done.exit_code == 0, done.output + str(done.exception)
    found = json.loads(results.read_text())
    assert NAMES[part] <= {each["name"] for each in found}
    assert all(set(each) == {"name", "value", "unit", "aim", "met"} for each in found)
    assert all(each["name"] in done.output for each in found)


def test_an_unknown_part_is_refused_with_the_ones_there_are() -> None:
    done = CliRunner().invoke(bench, ["--only", "pacing,nothing"])
    assert done.exit_code == 2
    assert "rendering" in done.output


def test_a_part_that_is_run_alone_leaves_the_others_figures_in_place(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    keep([Figure("a", 1.0, "s"), Figure("b", 2.0, "s", aim=1.0)], file)
    keep([Figure("b", 0.5, "s", aim=1.0), Figure("c", 9.0, "s", aim=3.0, more=True)], file)
    found = {each["name"]: (each["value"], each["met"]) for each in json.loads(file.read_text())}
    assert found == {"a": (1.0, None), "b": (0.5, True), "c": (9.0, True)}
