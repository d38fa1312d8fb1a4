"""Kubernetes' own schemas of its kinds, as kubernetes-validate ships them: strict ones, which refuse unknown fields."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema_rs

from tests.helm.chart import Manifest
from tests.helm.resources import SCHEMAS

NEWEST, OLDEST = "v1.37.0", "v1.30.0"
"""Those that are asked; the oldest is what Chart.yaml says."""

_judged: dict[tuple[str, str], list[str]] = {}
"""Most manifests are the same in most cases."""


def refusals(manifest: Manifest, version: str = NEWEST) -> list[str]:
    """Why the schema of its kind refuses a manifest; empty where it does not. A kind without a schema is refused."""
    key = (version, json.dumps(manifest, sort_keys=True))
    if key not in _judged:
        where = f"{manifest['kind']}/{manifest['metadata']['name']}"
        errors = _validator(manifest["apiVersion"], manifest["kind"], version).iter_errors(manifest)
        _judged[key] = [f"{where}: {'.'.join(map(str, one.instance_path))}: {one.message}" for one in errors]
    return _judged[key]


@cache
def _validator(api: str, kind: str, version: str) -> Any:
    if kind in SCHEMAS:
        return jsonschema_rs.validator_for(SCHEMAS[kind])
    group, _, name = api.rpartition("/")
    parts = (kind, *([group.partition(".")[0]] if group else []), name)
    return jsonschema_rs.validator_for(
        _read(version, f"{'-'.join(parts).lower()}.json"),
        retriever=lambda address: _read(version, address.rpartition("/")[2]),
    )


@cache
def _read(version: str, file: str) -> Any:
    return json.loads(
        (files("kubernetes_validate") / f"kubernetes-json-schema/{version}-local-strict" / file).read_text()
    )
