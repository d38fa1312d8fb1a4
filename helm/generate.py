#!/usr/bin/env python3
"""Writes what follows from the chart and the product: values.schema.json, the dashboards, and the table of values in
helm/README.md.

The schema is helm/schema.json with the settings of the product in it, types and limits as their classes have them, so
that `helm install` refuses what a process would refuse. `--check` writes nothing, and fails where something is old.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from dashboards import DASHBOARDS
from grafana import rendered
from pydantic_settings import BaseSettings

from fanout.settings import FanoutSettings
from feeds.contract.settings import BusSettings
from feeds.providers.betfair.settings import BetfairSettings
from feeds.providers.sportradar.settings import SportradarSettings
from feeds.providers.theoddsapi.settings import TheOddsApiSettings
from feeds.settings import FeedsSettings
from gateway.access.settings import AccessSettings
from gateway.api.settings import ApiSettings
from gateway.bets.settings import BetsSettings
from gateway.desk.settings import PageSettings
from gateway.history.settings import HistorySettings
from gateway.location.settings import LocationSettings
from gateway.money.settings import MoneySettings
from gateway.news.settings import NewsSettings
from gateway.protection.settings import ProtectionSettings
from gateway.settlement.corrections.settings import CorrectionSettings
from gateway.settlement.settings import SettlementSettings
from gateway.store.settings import DatabaseSettings

HERE = Path(__file__).parent
CHART = HERE / "oddswire"

SECTIONS: dict[str, type[BaseSettings]] = {
    "bus": BusSettings,
    "database": DatabaseSettings,
    "fanout": FanoutSettings,
    "gateway": ApiSettings,
    "access": AccessSettings,
    "location": LocationSettings,
    "bets": BetsSettings,
    "money": MoneySettings,
    "protection": ProtectionSettings,
    "correction": CorrectionSettings,
    "desk": PageSettings,
    "settler": SettlementSettings,
    "news": NewsSettings,
    "history": HistorySettings,
}
"""Sections of `settings` in values.yaml."""

OF_FEEDS: dict[str, type[BaseSettings]] = {
    "feed": FeedsSettings,
    "betfair": BetfairSettings,
    "sportradar": SportradarSettings,
    "theoddsapi": TheOddsApiSettings,
}
"""Sections of a feed."""

OF_THE_CHART = {
    "bus": {"nats_url", "coordination"},
    "feed": {"provider", "name", "mapping", "nats_monitor", "metrics_host", "metrics_port"},
    "fanout": {"name", "host", "port", "url"},
    "gateway": {"host", "port"},
    "location": {"vendor_keys", "development_dir"},
    "settler": {"metrics_host", "metrics_port"},
    "news": {"metrics_host", "metrics_port"},
    "history": {"metrics_host", "metrics_port"},
    "access": {"development_dir"},
}
"""Settings that the chart has from elsewhere. Secrets are none either: they never stand in values."""

_LIMITS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "enum", "pattern", "minLength")
_BEGIN, _END = "<!-- values: written by helm/generate.py -->", "<!-- end of values -->"


def setting_schema(found: dict[str, Any]) -> dict[str, Any] | None:
    """A setting as a value: a list is a string with commas, as in the environment. None for a secret."""
    one = next((kind for kind in found.get("anyOf", ()) if kind.get("type") != "null"), found)
    if one.get("writeOnly"):
        return None
    kind = "string" if one.get("type", "string") == "array" else one.get("type", "string")
    limits = {} if one.get("type") == "array" else {name: one[name] for name in _LIMITS if name in one}
    return {"description": found.get("description", ""), "type": kind, **limits}


def section_schema(name: str, settings: type[BaseSettings]) -> dict[str, Any]:
    """A section: every setting of a class but for secrets and what the chart sets."""
    whole = settings.model_json_schema()
    properties = {}
    for field, found in whole["properties"].items():
        reference = found.get("$ref", "").rpartition("/")[2]
        schema = setting_schema({**whole.get("$defs", {}).get(reference, {}), **found})
        if schema is not None and field not in OF_THE_CHART.get(name, ()):
            properties[field] = schema
    return {"type": "object", "additionalProperties": False, "properties": properties}


def values_schema() -> str:
    """The text of values.schema.json."""
    schema = json.loads((HERE / "schema.json").read_text())
    schema["properties"]["settings"]["properties"] = {
        name: section_schema(name, settings) for name, settings in SECTIONS.items()
    }
    for name, settings in OF_FEEDS.items():
        schema["definitions"][f"settings-{name}"] = section_schema(name, settings)
    return json.dumps(schema, indent=1) + "\n"


def values_table(text: str) -> list[str]:
    """Rows of Markdown: each value with its default and the comment that begins with `--` above it."""
    rows = ["| value | default | what it is for |", "|---|---|---|"]
    path: list[str] = []
    comment = ""
    for line in text.splitlines():
        said = re.match(r"\s*# (-- )?(.*)", line)
        if said:
            comment = said[2] if said[1] else f"{comment} {said[2]}" if comment else ""
            continue
        found = re.match(r"( *)([A-Za-z0-9_-]+):(?: (.*))?$", line)
        if found:
            path = [*path[: len(found[1]) // 2], found[2]]
            default = f"`{found[3]}`" if found[3] else ""
            if comment:
                rows.append(f"| `{'.'.join(path)}` | {default.replace('|', chr(92) + '|')} | {comment} |")
        comment = ""
    return rows


def readme(text: str, table: list[str]) -> str:
    """helm/README.md with the table in it."""
    before, _, rest = text.partition(_BEGIN)
    _, found, after = rest.partition(_END)
    if not found:
        raise SystemExit("helm/README.md has no place for the values")
    return "\n".join([before + _BEGIN, *table, _END]) + after


def main() -> int:
    """Gives the exit status: 1 where `--check` finds something old."""
    wanted = {
        CHART / "values.schema.json": values_schema(),
        HERE / "README.md": readme((HERE / "README.md").read_text(), values_table((CHART / "values.yaml").read_text())),
    }
    wanted |= {CHART / f"dashboards/{name}.json": rendered(name, one) for name, one in DASHBOARDS.items()}
    old = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv[1:]:
        for path in old:
            print(f"{path.relative_to(HERE.parent)} is old: run `make chart`", file=sys.stderr)
        return 1 if old else 0
    for path in old:
        path.write_text(wanted[path])
        print(f"wrote {path.relative_to(HERE.parent)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
