"""What every manifest has to keep to, as functions that tell what does not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.helm.chart import Manifest, of_kind, workloads

SELECTED = ("app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component")


def violations(manifests: list[Manifest]) -> list[str]:
    """One line each; empty is good."""
    found = [f"{_where(one)}: {text}" for one in workloads(manifests) for text in _of_workload(one)]
    found += [f"{_where(one)}: {text}" for one in manifests for text in _of_metadata(one)]
    found += list(_of_names(manifests))
    found += list(_of_references(manifests))
    found += list(_of_selectors(manifests))
    return found


def _where(manifest: Manifest) -> str:
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def _of_workload(workload: Manifest) -> Iterator[str]:
    pod = workload["spec"]["template"]["spec"]
    security = pod.get("securityContext", {})
    if not security.get("runAsNonRoot") or not security.get("runAsUser"):
        yield "may be root"
    if security.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "has no seccomp profile"
    if pod.get("automountServiceAccountToken") is not False:
        yield "has a token of Kubernetes that it does not use"
    if not pod.get("serviceAccountName"):
        yield "has no account of its own"
    for shared in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(shared):
            yield f"shares {shared}"
    for volume in pod.get("volumes", ()):
        if "hostPath" in volume:
            yield "mounts a path of the node"
        if "emptyDir" in volume and not volume["emptyDir"].get("sizeLimit"):
            yield f"volume {volume['name']} has no limit"
    for container in pod["containers"]:
        yield from _of_container(container, runs=workload["kind"] != "Job")


def _of_container(container: dict[str, Any], *, runs: bool) -> Iterator[str]:
    security = container.get("securityContext", {})
    if security.get("allowPrivilegeEscalation") is not False or security.get("privileged"):
        yield "may gain privileges"
    if not security.get("readOnlyRootFilesystem"):
        yield "may write to its image"
    if security.get("capabilities", {}).get("drop") != ["ALL"] or security.get("capabilities", {}).get("add"):
        yield "has capabilities"
    if not re.search(r"(:(?!latest$)[A-Za-z0-9_][A-Za-z0-9_.-]*|@sha256:[0-9a-f]{64})$", container["image"]):
        yield f"image {container['image']} is no version"
    resources = container.get("resources", {})
    if set(resources.get("requests", ())) < {"cpu", "memory"} or "memory" not in resources.get("limits", ()):
        yield "has no requests, or no limit of memory"
    if runs:
        ports = {port["name"] for port in container["ports"]}
        for probe, path in (("startupProbe", "/live"), ("livenessProbe", "/live"), ("readinessProbe", "/ready")):
            asked = container.get(probe, {}).get("httpGet", {})
            if asked.get("path") != path or asked.get("port") not in ports:
                yield f"{probe} does not ask {path}"
        if container["livenessProbe"] == container["readinessProbe"]:
            yield "asks the same twice"
    for variable in container.get("env", ()):
        if re.search("PASSWORD|KEYS|TOKEN|SECRET", variable["name"]) and "value" in variable:
            yield f"{variable['name']} stands in the manifest"


def _of_metadata(manifest: Manifest) -> Iterator[str]:
    labels = manifest["metadata"].get("labels", {})
    wanted = ("app.kubernetes.io/version", "app.kubernetes.io/managed-by", "helm.sh/chart", *SELECTED)
    if missing := [label for label in wanted if label not in labels]:
        yield f"has no labels {missing}"
    if "namespace" in manifest["metadata"]:
        yield "names a namespace: that is the release's"
    if len(manifest["metadata"]["name"]) > 63:
        yield "has too long a name"


def _of_names(manifests: list[Manifest]) -> Iterator[str]:
    seen = set()
    for manifest in manifests:
        key = (manifest["kind"], manifest["metadata"]["name"])
        if key in seen:
            yield f"{_where(manifest)} is there twice"
        seen.add(key)


def _of_references(manifests: list[Manifest]) -> Iterator[str]:
    there = {(one["kind"], one["metadata"]["name"]) for one in manifests}
    accounts = of_kind(manifests, "ServiceAccount")
    for workload in workloads(manifests):
        pod = workload["spec"]["template"]["spec"]
        if accounts and ("ServiceAccount", pod["serviceAccountName"]) not in there:
            yield f"{_where(workload)}: no account {pod['serviceAccountName']}"
        for container in pod["containers"]:
            for source in container.get("envFrom", ()):
                name = source.get("configMapRef", {}).get("name")
                if name and ("ConfigMap", name) not in there:
                    yield f"{_where(workload)}: no ConfigMap {name}"
            mounted = {mount["name"] for mount in container["volumeMounts"]}
            if mounted != {volume["name"] for volume in pod["volumes"]}:
                yield f"{_where(workload)}: volumes and mounts differ"
    for scaler in of_kind(manifests, "HorizontalPodAutoscaler", "ScaledObject"):
        target = scaler["spec"]["scaleTargetRef"]
        [scaled] = [one for one in workloads(manifests) if _where(one) == f"{target['kind']}/{target['name']}"]
        if "replicas" in scaled["spec"]:
            yield f"{_where(scaled)}: replicas are its scaler's"
    for service in _backends(manifests):
        if ("Service", service) not in there:
            yield f"no Service {service}"


def _backends(manifests: list[Manifest]) -> Iterator[str]:
    for ingress in of_kind(manifests, "Ingress"):
        for rule in ingress["spec"]["rules"]:
            yield from (path["backend"]["service"]["name"] for path in rule["http"]["paths"])
    for route in of_kind(manifests, "HTTPRoute"):
        for rule in route["spec"]["rules"]:
            yield from (backend["name"] for backend in rule["backendRefs"])


def _of_selectors(manifests: list[Manifest]) -> Iterator[str]:
    pods = [one["spec"]["template"]["metadata"]["labels"] for one in workloads(manifests)]
    for manifest in manifests:
        spec = manifest.get("spec", {})
        match manifest["kind"]:
            case "Service":
                selector = {k: v for k, v in spec["selector"].items() if k in SELECTED}
            case "PodDisruptionBudget":
                selector = spec["selector"]["matchLabels"]
            case "NetworkPolicy":
                selector = spec["podSelector"]["matchLabels"]
            case _:
                continue
        if not any(selector.items() <= labels.items() for labels in pods):
            yield f"{_where(manifest)} selects no pod"
