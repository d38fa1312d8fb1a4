"""What the chart and the compose file give to processes is what processes take."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
import yaml

import fanout.commands
import feeds.commands
import gateway.commands
from tests.helm.chart import MINIMUM, ROOT, Chart, environment, merged, named, needs_helm, workloads
from tests.helm.processes import TAKEN, taken


@needs_helm
def test_a_setting_reaches_its_process_digit_for_digit(chart: Chart) -> None:
    settings = {
        "bets": {"house_liability_max": 50_000_000_000, "in_play_delay_s": 0.25, "development": True},
        "access": {"audience": "a & <b>"},
        "fanout": {"sockets": 1_000_000, "tiers_ms": "0,100,250"},
    }
    manifests = chart.render(merged(MINIMUM, {"settings": settings}))
    gateway = environment(manifests, named(manifests, "Deployment", "oddswire-gateway"))
    fanout = environment(manifests, named(manifests, "StatefulSet", "oddswire-fanout"))
    assert gateway["ODDSWIRE_BETS_HOUSE_LIABILITY_MAX"] == "50000000000"
    assert (gateway["ODDSWIRE_BETS_IN_PLAY_DELAY_S"], gateway["ODDSWIRE_BETS_DEVELOPMENT"]) == ("0.25", "true")
    assert gateway["ODDSWIRE_ACCESS_AUDIENCE"] == "a & <b>"
    assert (fanout["ODDSWIRE_FANOUT_SOCKETS"], fanout["ODDSWIRE_FANOUT_TIERS_MS"]) == ("1000000", "0,100,250")


@needs_helm
def test_a_process_has_the_secrets_it_needs_and_no_others(chart: Chart) -> None:
    manifests = chart.render(MINIMUM)
    secrets = {
        workload["metadata"]["name"]: {
            one["name"]
            for one in workload["spec"]["template"]["spec"]["containers"][0].get("env", ())
            if "secretKeyRef" in one.get("valueFrom", {})
        }
        for workload in workloads(manifests)
    }
    password, tickets = "ODDSWIRE_DATABASE_PASSWORD", "ODDSWIRE_FANOUT_TICKET_KEYS"
    assert secrets == {
        "oddswire-feed-simulator": set(),
        "oddswire-fanout": {tickets},
        "oddswire-gateway": {password, tickets, "ODDSWIRE_BETS_OFFER_KEYS", "ODDSWIRE_LOCATION_RECEIPT_KEYS"},
        **{f"oddswire-{name}": {password} for name in ("settler", "news", "archive", "migrate")},
    }


def compose() -> dict[str, Any]:
    services: dict[str, Any] = yaml.safe_load((ROOT / "helm/compose/compose.yaml").read_text())["services"]
    return services


def test_every_process_of_the_compose_file_takes_what_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = {name: one for name, one in compose().items() if "build" in one}
    assert {tuple(one["command"]) for one in ours.values()} == set(TAKEN)
    for name, one in ours.items():
        assert taken(tuple(one["command"]), one["environment"], monkeypatch) == [], name
        assert (one["read_only"], one["cap_drop"], "mem_limit" in one) == (True, ["ALL"], True), name


def test_servers_of_the_compose_file_have_versions_limits_and_what_they_hold_is_kept() -> None:
    servers = {name: one for name, one in compose().items() if "build" not in one}
    assert set(servers) == {"nats", "aerospike", "postgres"}
    for one in servers.values():
        assert ":" in one["image"]
        assert not one["image"].endswith(":latest")
        assert one["mem_limit"]
    assert "sync_interval: always" in (ROOT / "helm/compose/nats.conf").read_text()
    assert "nsup-period 1\n" in (ROOT / "helm/compose/aerospike.conf").read_text()


@pytest.mark.parametrize("arguments", TAKEN, ids=" ".join)
def test_what_processes_are_started_with_is_a_command(arguments: tuple[str, ...]) -> None:
    parsers = {"feeds": feeds.commands.parser, "fanout": fanout.commands.parser}
    package = arguments[0] if len(arguments) > 1 else "gateway"
    commands: dict[str, Any] = defaultdict(lambda: print)
    words = arguments[1:] if len(arguments) > 1 else arguments
    parsed = parsers.get(package, gateway.commands.parser)(commands).parse_args(words)
    assert print in vars(parsed).values()
