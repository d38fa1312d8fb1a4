"""Every values file and every option renders to what Kubernetes takes and what the policies ask."""

from __future__ import annotations

import pytest

from tests.helm.cases import CASES
from tests.helm.chart import MINIMUM, Chart, Manifest, environment, merged, named, needs_helm, of_kind, workloads
from tests.helm.kubernetes import OLDEST, refusals
from tests.helm.policies import violations
from tests.helm.processes import taken

pytestmark = needs_helm


def test_kubernetes_the_policies_and_the_processes_take_every_case(
    chart: Chart, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one test: what the schemas are read and compiled for takes longer than all that is asked of them."""
    wrong = {}
    for case, (values, files) in CASES.items():
        manifests = chart.render(values, *files)
        assert workloads(manifests), case
        found = [*violations(manifests), *(why for one in manifests for why in refusals(one))]
        for workload in workloads(manifests):
            [container] = workload["spec"]["template"]["spec"]["containers"]
            unread = taken(tuple(container["args"]), environment(manifests, workload), monkeypatch)
            found += [f"{workload['metadata']['name']}: nothing reads {name}" for name in unread]
        if found:
            wrong[case] = found
    assert wrong == {}


def test_the_oldest_kubernetes_takes_production(chart: Chart) -> None:
    values, files = CASES["values/production.yaml"]
    manifests = chart.render(values, *files)
    assert [why for one in manifests for why in refusals(one, OLDEST)] == []


def test_the_schemas_are_strict(chart: Chart) -> None:
    manifests = chart.render(MINIMUM)
    wrong = named(manifests, "StatefulSet", "oddswire-fanout")
    wrong["spec"]["replicass"] = 3
    assert "replicass" in str(refusals(wrong))


def test_the_policies_find_what_they_are_for(chart: Chart) -> None:
    manifests = chart.render(MINIMUM)
    fanout = named(manifests, "StatefulSet", "oddswire-fanout")
    pod = fanout["spec"]["template"]["spec"]
    [container] = pod["containers"]
    container["image"] = "oddswire/oddswire:latest"
    container["livenessProbe"] = container["readinessProbe"]
    del container["resources"]["limits"], container["securityContext"]["readOnlyRootFilesystem"]
    del pod["securityContext"]["runAsUser"]
    pod["serviceAccountName"] = "nobody"
    container["env"].append({"name": "ODDSWIRE_FANOUT_TICKET_KEYS", "value": "a:b"})
    said = "\n".join(violations(manifests))
    for word in ("latest", "livenessProbe", "limit of memory", "write to its image", "root", "nobody", "TICKET_KEYS"):
        assert word in said


def test_a_release_of_any_name_has_shards_of_its_own_names(chart: Chart) -> None:
    manifests = chart.render(MINIMUM, release="blue")
    assert named(manifests, "StatefulSet", "blue-fanout")["spec"]["serviceName"] == "blue-fanout-pods"
    assert violations(manifests) == []


def test_what_a_pod_is_told_changes_with_its_settings_and_only_then(chart: Chart) -> None:
    def checksums(values: Manifest) -> dict[str, str]:
        return {
            one["metadata"]["name"]: one["spec"]["template"]["metadata"]["annotations"]["checksum/settings"]
            for one in of_kind(chart.render(values), "Deployment", "StatefulSet")
        }

    before, after = checksums(MINIMUM), checksums(merged(MINIMUM, {"settings": {"news": {"page": 400}}}))
    assert {name for name in before if before[name] != after[name]} == {"oddswire-news"}
