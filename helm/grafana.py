"""Dashboards as Grafana reads them: panels in rows, written as JSON. What they show is in dashboards.py. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

WIDTH, HEIGHT = 8, 8
"""Of a panel, in Grafana's grid, which is 24 wide."""

_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


class Panel(NamedTuple):
    """One picture. `queries`: expressions by what stands in the legend; NS stands for the chosen namespace."""

    title: str
    unit: str
    queries: dict[str, str]
    limit: float | None = None


class Dashboard(NamedTuple):
    """One page. `rows`: panels by what they answer."""

    title: str
    rows: dict[str, Sequence[Panel]]


def rendered(name: str, dashboard: Dashboard) -> str:
    """The JSON that Grafana reads."""
    panels: list[dict[str, Any]] = []
    top = 0
    for title, row in dashboard.rows.items():
        panels.append(
            {
                "id": len(panels) + 1,
                "type": "row",
                "title": title,
                "collapsed": False,
                "panels": [],
                "gridPos": {"h": 1, "w": 24, "x": 0, "y": top},
            }
        )
        width = 24 // len(row) if len(row) <= 24 // 6 else WIDTH
        for place, panel in enumerate(row):
            where = {"h": HEIGHT, "w": width, "x": place * width % 24, "y": top + 1}
            panels.append({"id": len(panels) + 1, "gridPos": where, **_panel(panel)})
        top += 1 + HEIGHT
    whole = {
        "uid": f"oddswire-{name}",
        "title": dashboard.title,
        "tags": ["oddswire"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": _variables()},
        "panels": panels,
    }
    return json.dumps(whole, indent=1) + "\n"


def _panel(panel: Panel) -> dict[str, Any]:
    queries = [
        {
            "refId": chr(ord("A") + number),
            "datasource": _SOURCE,
            "expr": query.replace("{NS", '{namespace="$namespace"'),
            "legendFormat": legend,
        }
        for number, (legend, query) in enumerate(panel.queries.items())
    ]
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.limit is not None:
        steps.append({"color": "red", "value": panel.limit})
    style = {
        "drawStyle": "line",
        "fillOpacity": 8,
        "thresholdsStyle": {"mode": "off" if panel.limit is None else "line"},
    }
    defaults = {"unit": panel.unit, "min": 0, "custom": style, "thresholds": {"mode": "absolute", "steps": steps}}
    return {
        "type": "timeseries",
        "title": panel.title,
        "datasource": _SOURCE,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom"},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "targets": queries,
    }


def _variables() -> list[dict[str, Any]]:
    query = "label_values(oddswire_fanout_sockets, namespace)"
    return [
        {"name": "datasource", "type": "datasource", "query": "prometheus"},
        {"name": "namespace", "type": "query", "datasource": _SOURCE, "query": query, "refresh": 2},
    ]
