"""Alerts fire when they should, and all that is asked of Prometheus is told by processes that really run."""

from __future__ import annotations

import re
import shutil
import subprocess
import urllib.error
import urllib.request
from collections import defaultdict
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from feeds.adapters.server import free_port
from tests.helm import queries
from tests.helm.cases import OPTIONS
from tests.helm.chart import MINIMUM, Chart, merged, needs_helm, of_kind
from tests.journeys.stack_process import free_port_base, stack

needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool: Debian's prometheus has it")

OF_PROMETHEUS = {"up", "ALERTS"}
PUT_ON_BY_SCRAPING = {"namespace", "pod", "app_kubernetes_io_component"}

PROBED = {
    "feed": "ODDSWIRE_FEED_METRICS_PORT",
    "settler": "ODDSWIRE_SETTLER_METRICS_PORT",
    "news": "ODDSWIRE_NEWS_METRICS_PORT",
    "archive": "ODDSWIRE_HISTORY_METRICS_PORT",
}

Told = dict[str, set[str]]
"""Labels of every series that somebody tells."""


def promtool(*words: str | Path) -> str:
    done = subprocess.run(["promtool", *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_promtool
def test_rules_are_rules_and_fire_when_they_should() -> None:
    promtool("check", "rules", *queries.RULES)
    assert "SUCCESS" in promtool("test", "rules", Path(__file__).with_name("rules_test.yaml"))


@needs_promtool
def test_queries_of_dashboards_are_expressions(tmp_path: Path) -> None:
    rules = [{"record": f"query:{number}", "expr": one} for number, (_, one) in enumerate(queries.of_dashboards())]
    assert len(rules) > 50
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    promtool("check", "rules", file)


def test_alerts_say_how_bad_it_is_and_where_it_is_written_what_to_do() -> None:
    seen = set()
    for path in queries.RULES:
        for group in yaml.safe_load(path.read_text())["groups"]:
            for rule in group["rules"]:
                if "alert" in rule:
                    assert rule["labels"]["severity"] in ("page", "ticket"), rule
                    assert re.fullmatch(r"helm/README\.md#[a-z-]+", rule["annotations"]["runbook"]), rule
                    assert rule["annotations"]["summary"], rule
                    assert rule["alert"] not in seen
                    seen.add(rule["alert"])
    assert len(seen) > 30


@needs_helm
def test_rules_reach_the_cluster_as_they_are_tested(chart: Chart) -> None:
    manifests = chart.render(merged(MINIMUM, OPTIONS["watched"]))
    shipped = [group for one in of_kind(manifests, "PrometheusRule") for group in one["spec"]["groups"]]
    tested = [group for path in queries.RULES for group in yaml.safe_load(path.read_text())["groups"]]
    assert sorted(shipped, key=str) == sorted(tested, key=str)


@needs_helm
def test_prometheus_scrapes_each_process_once(chart: Chart) -> None:
    manifests = chart.render(merged(MINIMUM, OPTIONS["watched"]))
    [monitor] = of_kind(manifests, "ServiceMonitor")
    wanted = monitor["spec"]["selector"]["matchLabels"].items()
    ports = {endpoint["port"] for endpoint in monitor["spec"]["endpoints"]}
    scraped = [one for one in of_kind(manifests, "Service") if wanted <= one["metadata"]["labels"].items()]
    components = [one["spec"]["selector"]["app.kubernetes.io/component"] for one in scraped]
    assert sorted(components) == ["archive", "fanout", "feed-simulator", "gateway", "news", "settler"]
    assert all({port["name"] for port in one["spec"]["ports"]} & ports for one in scraped)


@pytest.mark.journey
def test_what_is_asked_for_is_told_by_processes_that_run(
    chart: Chart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = free_port_base()
    ports = {name: free_port() for name in PROBED}
    for name, variable in PROBED.items():
        monkeypatch.setenv(variable, str(ports[name]))
    ports |= {"gateway": base, "fanout": base + 100}
    with stack("--events", "6", "--rate", "50", "--shards", "1", "--port", str(base), cwd=tmp_path) as up:
        up.until("ready in")
        up.until_true(lambda: all(page(port, "/ready") for port in ports.values()))
        up.until_true(lambda: b"oddswire_gateway_money_wait_seconds" in page(base, "/metrics"))
        assert all(page(port, "/live") for port in ports.values())
        told = series(*(page(port, "/metrics").decode() for port in ports.values()))
    recorded = {name for name, _ in queries.of_rules() if ":" in name}
    asked = [*queries.of_rules(), *queries.of_dashboards(), *queries.of_the_adapter(), *scalers(chart)]
    assert len({name for _, expression in asked for name, _ in queries.selected(expression)}) > 80
    unknown = [
        f"{where}: {name}{sorted(labels - told.get(name, set()) - PUT_ON_BY_SCRAPING)}"
        for where, expression in asked
        for name, labels in queries.selected(expression)
        if name not in OF_PROMETHEUS | recorded
        and (name not in told or (told[name] and not labels <= told[name] | PUT_ON_BY_SCRAPING))
    ]
    assert unknown == []


def page(port: int, path: str) -> bytes:
    """What a process answers; nothing where it is not there or not ready."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            body: bytes = answer.read()
            return body
    except (urllib.error.URLError, ConnectionError):
        return b""


def series(*pages: str) -> Told:
    """Of a family that has no sample yet only the name is known."""
    told: Told = defaultdict(set)
    for text in pages:
        for family in text_string_to_metric_families(text):
            suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
            for suffix in suffixes:
                told[family.name + suffix] |= set()
            for sample in family.samples:
                told[sample.name] |= set(sample.labels)
    return dict(told)


def scalers(chart: Chart) -> list[tuple[str, str]]:
    """What the chart's scalers ask for, where helm is there to render them."""
    found = []
    for option in ("hpa", "keda") if needs_helm.args[0] is False else ():
        for one in of_kind(chart.render(merged(MINIMUM, OPTIONS[option])), "HorizontalPodAutoscaler", "ScaledObject"):
            spec = one["spec"]
            asked = [metric["pods"]["metric"]["name"] for metric in spec.get("metrics", ()) if "pods" in metric]
            asked += [one["metadata"]["query"] for one in spec.get("triggers", ()) if "query" in one["metadata"]]
            found += [(option, expression) for expression in asked]
    return found
