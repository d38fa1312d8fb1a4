"""The expressions of alerts, dashboards and scalers, and what they ask for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import yaml

from tests.helm.chart import ROOT

CHART = ROOT / "helm/oddswire"
RULES = sorted((CHART / "rules").glob("*.yaml"))
DASHBOARDS = sorted((CHART / "dashboards").glob("*.json"))

_SELECTOR = re.compile(r"\b((?:oddswire|process|python)[a-z0-9_:]*|up|ALERTS)\b(?:\{([^}]*)\})?")
_LABEL = re.compile(r"([a-z_]+)\s*(?:=~|!~|!=|=)")


def of_rules() -> Iterator[tuple[str, str]]:
    """Name and expression of each rule."""
    for path in RULES:
        for group in yaml.safe_load(path.read_text())["groups"]:
            yield from ((rule.get("alert") or rule["record"], rule["expr"]) for rule in group["rules"])


def of_dashboards() -> Iterator[tuple[str, str]]:
    """Title and expression of each query, with Grafana's variables set."""
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", ()):
                yield f"{path.name}: {panel['title']}", re.sub(r"\$__(rate_interval|range)", "5m", target["expr"])


def of_the_adapter() -> Iterator[tuple[str, str]]:
    """The series that HPAs scale by."""
    for rule in yaml.safe_load((CHART / "files/prometheus-adapter.yaml").read_text())["rules"]["custom"]:
        for name in re.findall(r"oddswire_[a-z_]+", rule["seriesQuery"]):
            yield name, name


def selected(expression: str) -> Iterator[tuple[str, frozenset[str]]]:
    """Each series that an expression asks for, with the labels by which it chooses."""
    for name, labels in _SELECTOR.findall(expression):
        yield name, frozenset(_LABEL.findall(labels))
