"""Values that mean something are taken, and the others refused with a word that says what is wrong."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from fanout.settings import FanoutSettings
from gateway.api.settings import ApiSettings
from gateway.bets.settings import BetsSettings
from tests.helm.cases import PROXIES
from tests.helm.chart import MINIMUM, Chart, Manifest, Refused, environment, merged, named, needs_helm

pytestmark = needs_helm

LONG = "x" * 23

BAD: dict[str, tuple[Manifest, str]] = {
    "no log": ({"external": {"natsUrl": ""}}, "no log: give external.natsUrl"),
    "two logs": ({"nats": {"enabled": True}}, "two logs"),
    "two places to agree": (
        {"aerospike": {"enabled": True}, "external": {"coordination": "aerospike://a:3000/oddswire"}},
        "two places to agree in",
    ),
    "memory for many": ({"external": {"coordination": "memory:"}}, "is for one process alone"),
    "reader without writer": (
        {"external": {"databaseUrl": "", "databaseReaderUrl": "postgresql://o@reader/o"}},
        "a reader has a writer",
    ),
    "a password in values": ({"external": {"databaseUrl": "postgresql://o:secret@db/o"}}, "databaseUrl"),
    "a log's password in values": ({"external": {"natsUrl": "nats://o:secret@nats:4222"}}, "natsUrl"),
    "not an address": ({"external": {"natsUrl": "nats:4222"}}, "natsUrl"),
    "not a coordination": ({"external": {"coordination": "redis://a"}}, "coordination"),
    "latest": ({"image": {"tag": "latest"}}, "image/tag"),
    "latest of a variant": ({"image": {"tag": "slim-latest"}}, "latest is no version"),
    "not a digest": ({"image": {"digest": "sha256:12"}}, "image/digest"),
    "no shards": ({"fanout": {"replicas": 0}}, "fanout/replicas"),
    "a long shard's name": ({"fullnameOverride": LONG, "fanout": {"replicas": 100}}, "32 characters at most"),
    "min over max": (
        {"fanout": {"autoscaling": {"kind": "hpa", "min": 5, "max": 4}}},
        "fanout.autoscaling: min 5 is more than max 4",
    ),
    "keda without Prometheus": ({"gateway": {"autoscaling": {"kind": "keda"}}}, "metrics.prometheusUrl"),
    "an unknown scaler": ({"fanout": {"autoscaling": {"kind": "vpa"}}}, "autoscaling/kind"),
    "a drain that ends before it began": (
        {"settings": {"fanout": {"drain_window_s": 60, "drain_deadline_s": 30}}},
        "drain_window_s 60 ends after drain_deadline_s 30",
    ),
    "proxies that nobody trusts": ({"ingress": {"enabled": True}}, "settings.fanout.trusted_proxies"),
    "two ways in": (merged(PROXIES, {"ingress": {"enabled": True}, "gatewayApi": {"enabled": True}}), "choose one"),
    "a gateway of nobody": (merged(PROXIES, {"gatewayApi": {"enabled": True}}), "give className"),
    "metrics for everybody": ({"gateway": {"paths": ["/metrics"]}}, "gateway/paths"),
    "a feed of nothing": ({"feeds": {"other": {}}}, "provider"),
    "an unknown provider": ({"feeds": {"other": {"provider": "bet365"}}}, "provider"),
    "a feed of no name": ({"feeds": {"A B": {"provider": "simulator"}}}, "A B"),
    "no limit of memory": ({"news": {"resources": {"limits": {"memory": None}}}}, "memory"),
    "a misspelt value": ({"fanout": {"replica": 3}}, "replica"),
    "a misspelt setting": ({"settings": {"fanout": {"socket": 3}}}, "socket"),
    "a setting of the chart": ({"settings": {"fanout": {"name": "fanout-1"}}}, "name"),
    "a secret setting": ({"settings": {"fanout": {"ticket_keys": "a:b"}}}, "ticket_keys"),
    "a setting beyond its limit": ({"settings": {"fanout": {"sockets": 0}}}, "sockets"),
    "a setting of another type": ({"settings": {"gateway": {"workers": "two"}}}, "workers"),
    "a port of the system": ({"metrics": {"port": 80}}, "metrics/port"),
}
"""What is wrong, and a word that is said of it."""


@pytest.mark.parametrize("case", BAD)
def test_bad_values_are_refused_with_a_word(chart: Chart, case: str) -> None:
    values, word = BAD[case]
    with pytest.raises(Refused) as refusal:
        chart.render(merged(MINIMUM, values))
    assert word in str(refusal.value)
    assert "nil pointer" not in str(refusal.value)


def test_a_long_release_is_refused_for_its_shards_names(chart: Chart) -> None:
    with pytest.raises(Refused, match="set fullnameOverride"):
        chart.render(MINIMUM, release="a-release-with-quite-a-long-name")


@given(
    window_s=st.floats(0, 600).map(lambda s: round(s, 1)),
    after_s=st.floats(0, 100).map(lambda s: round(s, 1)),
    close_s=st.floats(0.1, 60).map(lambda s: round(s, 1)),
    pre_stop_s=st.integers(1, 300),
)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_pod_may_take_as_long_to_end_as_its_drain_does(
    chart: Chart, window_s: float, after_s: float, close_s: float, pre_stop_s: int
) -> None:
    deadline_s = min(window_s + after_s, 600)
    fanout = {"drain_window_s": window_s, "drain_deadline_s": deadline_s, "close_grace_s": close_s}
    values = merged(MINIMUM, {"settings": {"fanout": fanout}, "fanout": {"preStopSeconds": pre_stop_s}})
    pod = named(chart.render(values), "StatefulSet", "oddswire-fanout")["spec"]["template"]["spec"]
    needed_s = pre_stop_s + deadline_s + close_s + 1
    assert needed_s < pod["terminationGracePeriodSeconds"] <= math.ceil(needed_s) + 7
    assert pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"] == pre_stop_s


NUMBERS: dict[tuple[str, str], Any] = {
    ("fanout", "sockets"): FanoutSettings,
    ("fanout", "hb_ms"): FanoutSettings,
    ("fanout", "ping_s"): FanoutSettings,
    ("gateway", "workers"): ApiSettings,
    ("gateway", "trace_hot_share"): ApiSettings,
    ("bets", "stake_max"): BetsSettings,
    ("bets", "cash_out_s"): BetsSettings,
}


@given(
    which=st.sampled_from(sorted(NUMBERS)),
    value=st.integers(-2, 2_000_000) | st.floats(-2, 100).map(lambda s: round(s, 3)),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_schema_takes_a_setting_where_its_process_does(chart: Chart, which: tuple[str, str], value: float) -> None:
    section, name = which
    try:
        NUMBERS[which](**{name: value})
        takes = True
    except ValidationError:
        takes = False
    try:
        manifests = chart.render(merged(MINIMUM, {"settings": {section: {name: value}}}))
    except Refused:
        assert not takes
        return
    assert takes
    kind, component = ("StatefulSet", "fanout") if section == "fanout" else ("Deployment", "gateway")
    told = environment(manifests, named(manifests, kind, f"oddswire-{component}"))
    assert float(told[f"ODDSWIRE_{section}_{name}".upper()]) == value


@given(
    shards=st.integers(1, 40),
    kind=st.sampled_from(["none", "hpa"]),
    spread=st.integers(0, 20),
    database=st.booleans(),
)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_shard_that_there_may_be_is_reached_by_its_own_name(
    chart: Chart, shards: int, kind: str, spread: int, database: bool
) -> None:
    scaling = {"kind": kind, "min": shards, "max": shards + spread}
    values = merged(
        MINIMUM, PROXIES, {"ingress": {"enabled": True}, "fanout": {"replicas": shards, "autoscaling": scaling}}
    )
    if not database:
        values = merged(values, {"external": {"databaseUrl": ""}})
    manifests = chart.render(values)
    most = shards + spread if kind == "hpa" else shards
    hosts = {rule["host"] for rule in named(manifests, "Ingress", "oddswire-fanout")["spec"]["rules"]}
    names = {f"oddswire-fanout-{number}" for number in range(most)}
    assert hosts == {"stream.example.com", *(f"{name}.stream.example.com" for name in names)}
    services = {one["metadata"]["name"] for one in manifests if one["kind"] == "Service"}
    assert names <= services
    assert {f"oddswire-{name}" for name in ("settler", "news", "archive")} <= services or not database
    url = environment(manifests, named(manifests, "StatefulSet", "oddswire-fanout"))["ODDSWIRE_FANOUT_URL"]
    assert url == "wss://$(ODDSWIRE_FANOUT_NAME).stream.example.com/v1/stream"


def test_who_shares_a_plans_rate_is_counted(chart: Chart) -> None:
    values = {"settings": {"gateway": {"workers": 2}}, "gateway": {"autoscaling": {"kind": "hpa", "max": 9}}}
    manifests = chart.render(merged(MINIMUM, values))
    assert environment(manifests, named(manifests, "Deployment", "oddswire-gateway"))["ODDSWIRE_ACCESS_WORKERS"] == "18"
