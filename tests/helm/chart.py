"""The chart as tests render it: by helm itself, with charts of its dependencies that hold nothing.

Dependencies come from the network, so a test has none; what they render is theirs. What this chart makes of one that is
enabled is its own, and tested.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
HELM = Path(sys.executable).with_name("helm")
VALUES = ROOT / "helm/values"
RENDER_S = 60

Manifest = dict[str, Any]

needs_helm = pytest.mark.skipif(not HELM.exists(), reason="no helm: `make tools`")

MINIMUM = {
    "external": {"natsUrl": "nats://nats:4222", "databaseUrl": "postgresql://oddswire@db:5432/oddswire"},
    "feeds": {"simulator": {"provider": "simulator"}},
}
"""The least that is a whole installation."""


class Refused(Exception):
    """helm does not render it; its words."""


class Chart:
    """A copy in `place`."""

    def __init__(self, place: Path) -> None:
        self.path = place / "oddswire"
        shutil.copytree(ROOT / "helm/oddswire", self.path)
        for dependency in yaml.safe_load((self.path / "Chart.yaml").read_text())["dependencies"]:
            empty = self.path / "charts" / dependency["name"]
            empty.mkdir(parents=True)
            version = dependency["version"].lstrip("^")
            empty.joinpath("Chart.yaml").write_text(f"apiVersion: v2\nname: {dependency['name']}\nversion: {version}\n")
        self._values = place / "values.json"

    def render(self, values: Manifest | None = None, *files: Path, release: str = "oddswire") -> list[Manifest]:
        """Every manifest. Raises Refused."""
        self._values.write_text(json.dumps(values or {}))
        given = [word for file in (*files, self._values) for word in ("--values", str(file))]
        command = [str(HELM), "template", release, str(self.path), "--namespace", "odds", *given]
        done = subprocess.run(command, capture_output=True, text=True, timeout=RENDER_S, check=False)
        if done.returncode:
            raise Refused(done.stderr)
        return [manifest for manifest in yaml.load_all(done.stdout, yaml.CSafeLoader) if manifest]


def merged(*layers: Manifest) -> Manifest:
    """Values over values, as helm merges them."""
    whole: Manifest = {}
    for layer in layers:
        for name, value in layer.items():
            both = isinstance(value, dict) and isinstance(whole.get(name), dict)
            whole[name] = merged(whole[name], value) if both else value
    return whole


def of_kind(manifests: list[Manifest], *kinds: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] in kinds]


def named(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    [found] = [one for one in of_kind(manifests, kind) if one["metadata"]["name"] == name]
    return found


def workloads(manifests: list[Manifest]) -> list[Manifest]:
    return of_kind(manifests, "Deployment", "StatefulSet", "Job")


def environment(manifests: list[Manifest], workload: Manifest) -> dict[str, str]:
    """What its container is given; a secret's value is its key."""
    [container] = workload["spec"]["template"]["spec"]["containers"]
    variables: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        if "configMapRef" in source:
            variables |= named(manifests, "ConfigMap", source["configMapRef"]["name"])["data"]
    for one in container.get("env", ()):
        secret = one.get("valueFrom", {}).get("secretKeyRef", {}).get("key")
        variables[one["name"]] = one.get("value", secret or workload["metadata"]["name"] + "-0")
    return variables
