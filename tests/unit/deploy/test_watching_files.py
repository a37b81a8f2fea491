"""Alerts and the dashboard ask for metrics that exist, by labels that these have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from bot.app.monitoring import Health
from bot.telemetry import Metrics
from connectors.memory import MemoryConnector
from tests.doubles.way import a_way
from tests.unit.deploy.files import ROOT

TARGET = {"instance", "job", "le"}
"""Labels that Prometheus adds, and that of a histogram's buckets."""
_METRIC = re.compile(r"\b((?:everytoken|process)_\w+)(?:\{([^}]*)\})?")
_BY = re.compile(r"\bby \(([^)]*)\)")


async def _exported() -> dict[str, set[str]]:
    """Each metric that a bot exports, and its labels."""
    metrics = Metrics("1.2.3")
    async with a_way() as way:
        Health(metrics, way.store, way.runs, way.intake, [MemoryConnector()])
        found: dict[str, set[str]] = {}
        for collector, names in metrics.registry._collector_to_names.items():
            labels = set(getattr(collector, "_labelnames", ()))
            found |= dict.fromkeys(names, labels)
        return found


def alerts() -> list[dict[str, Any]]:
    rules = yaml.safe_load((ROOT / "deploy" / "alerts.yml").read_text())
    return [rule for group in rules["groups"] for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "deploy" / "dashboard.json").read_text())
    return found


def queries() -> Iterator[str]:
    """Every query of both files."""
    for rule in alerts():
        yield rule["expr"]
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"]
    for variable in dashboard()["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["query"]


def wrong(query: str, exported: dict[str, set[str]]) -> list[str]:
    """What a query names that does not exist."""
    metrics = _METRIC.findall(query)
    found = [name for name, _ in metrics if name not in exported]
    known: set[str] = set(TARGET).union(*(exported.get(name, set()) for name, _ in metrics))
    for _, selectors in metrics:
        found += [label for label in re.findall(r"(\w+)\s*[=!]", selectors) if label not in known]
    for labels in _BY.findall(query):
        found += [label for label in re.split(r",\s*", labels) if label not in known]
    return found


async def test_every_query_names_metrics_and_labels_that_exist() -> None:
    exported = await _exported()
    asked = list(queries())
    assert len(asked) > 30
    assert [(query, wrong(query, exported)) for query in asked if wrong(query, exported)] == []


async def test_a_slip_of_the_pen_is_found() -> None:
    exported = await _exported()
    assert wrong("sum(everytoken_run_total)", exported) == ["everytoken_run_total"]
    assert wrong('everytoken_runs_total{outcom="x"}', exported) == ["outcom"]
    assert wrong("sum by (person) (everytoken_runs_total)", exported) == ["person"]


async def test_every_metric_of_ours_is_on_the_dashboard() -> None:
    """What nobody looks at need not be counted."""
    text = " ".join(queries())
    ours = {name for name in await _exported() if name.startswith("everytoken_")}
    families = {re.sub(r"_(total|created|bucket|sum|count)$", "", name) for name in ours}
    assert {name for name in families if name not in text} == set()


async def test_every_metric_and_every_alert_is_in_the_docs() -> None:
    page = (ROOT / "docs" / "operating.md").read_text()
    ours = {name for name in await _exported() if name.startswith("everytoken_")}
    families = {re.sub(r"_(total|created|bucket|sum|count)$", "", name) for name in ours}
    assert {name for name in families if name not in page} == set()
    assert {rule["alert"] for rule in alerts() if rule["alert"] not in page} == set()


def test_an_alert_says_how_urgent_it_is_and_what_it_means() -> None:
    for rule in alerts():
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"].strip()


def test_panels_do_not_lie_on_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not taken & cells, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
