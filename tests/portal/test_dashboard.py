"""What is shown and judged of the explorer is what it exports."""

from __future__ import annotations

import json
import re
from pathlib import Path

from portal.server.metrics import Metrics

MONITORING = Path(__file__).resolve().parents[2] / "monitoring"
NAMES = re.compile(r"\bexplorer_[a-z_]+")
SUFFIXES = re.compile(r"_(total|bucket|count|sum)$")


def exported() -> set[str]:
    """Names of metrics, without what Prometheus hangs on them."""
    return {family.name for family in Metrics().registry.collect() if family.name.startswith("explorer_")}


def named(text: str) -> set[str]:
    return {SUFFIXES.sub("", name) for name in NAMES.findall(text)}


def test_the_dashboard_shows_all_metrics_and_no_others():
    panels = json.loads((MONITORING / "grafana-explorer.json").read_text(encoding="utf-8"))["panels"]
    shown = " ".join(target["expr"] for panel in panels for target in panel["targets"])
    assert named(shown) == exported()
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_alerts_judge_what_is_exported():
    assert named((MONITORING / "alerts.yml").read_text(encoding="utf-8")) <= exported()
