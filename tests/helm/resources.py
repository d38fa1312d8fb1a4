"""Schemas of what operators add to Kubernetes, as far as the chart uses it: a field that is not named here is refused.

Written by hand from the operators' documents; Kubernetes' own kinds are checked against Kubernetes' own schemas.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string", "minLength": 1}
NUMBER: Schema = {"type": "integer", "minimum": 0}


def objects(required: tuple[str, ...] = (), /, **properties: Schema) -> Schema:
    return {"type": "object", "additionalProperties": False, "properties": properties, "required": list(required)}


def lists(items: Schema) -> Schema:
    return {"type": "array", "minItems": 1, "items": items}


def resource(version: str, spec: Schema) -> Schema:
    metadata = objects(("name", "labels"), name=TEXT, labels={"type": "object"}, annotations={"type": "object"})
    return objects(
        ("apiVersion", "kind", "metadata", "spec"),
        apiVersion={"const": version},
        kind=TEXT,
        metadata=metadata,
        spec=spec,
    )


LABELS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
PARENTS = lists(objects(("name",), name=TEXT, namespace=TEXT, sectionName=TEXT))
TARGET = objects(("apiVersion", "kind", "name"), apiVersion=TEXT, kind=TEXT, name=TEXT)
POLICY = objects(
    ("type", "value", "periodSeconds"), type={"enum": ["Pods", "Percent"]}, value=NUMBER, periodSeconds=NUMBER
)
DIRECTION = objects(
    stabilizationWindowSeconds=NUMBER, selectPolicy={"enum": ["Max", "Min", "Disabled"]}, policies=lists(POLICY)
)
BEHAVIOR = objects(scaleUp=DIRECTION, scaleDown=DIRECTION)
LIMIT: Schema = {"type": "string", "pattern": "^([0-9]{1,5}(h|m|s|ms)){1,4}$"}

SCHEMAS: dict[str, Schema] = {
    "ServiceMonitor": resource(
        "monitoring.coreos.com/v1",
        objects(
            ("selector", "endpoints"),
            selector=objects(("matchLabels",), matchLabels=LABELS),
            targetLabels=lists(TEXT),
            endpoints=lists(objects(("port", "path", "interval"), port=TEXT, path=TEXT, interval=TEXT)),
        ),
    ),
    "PrometheusRule": resource(
        "monitoring.coreos.com/v1",
        objects(
            ("groups",),
            groups=lists(
                objects(
                    ("name", "rules"),
                    name=TEXT,
                    interval=TEXT,
                    rules=lists(
                        {
                            **objects(
                                ("expr",),
                                record=TEXT,
                                alert=TEXT,
                                expr=TEXT,
                                labels=LABELS,
                                annotations=LABELS,
                                **{"for": TEXT},
                            ),
                            "oneOf": [{"required": ["record"]}, {"required": ["alert"]}],
                        }
                    ),
                )
            ),
        ),
    ),
    "ScaledObject": resource(
        "keda.sh/v1alpha1",
        objects(
            ("scaleTargetRef", "minReplicaCount", "maxReplicaCount", "triggers"),
            scaleTargetRef=TARGET,
            minReplicaCount=NUMBER,
            maxReplicaCount=NUMBER,
            fallback=objects(
                ("failureThreshold", "replicas"),
                failureThreshold=NUMBER,
                replicas=NUMBER,
                behavior={"enum": ["static", "currentReplicas", "currentReplicasIfHigher", "currentReplicasIfLower"]},
            ),
            advanced=objects(horizontalPodAutoscalerConfig=objects(behavior=BEHAVIOR)),
            triggers=lists(
                objects(
                    ("type", "metadata"),
                    type={"enum": ["prometheus", "cpu"]},
                    metricType={"enum": ["AverageValue", "Value", "Utilization"]},
                    metadata=LABELS,
                )
            ),
        ),
    ),
    "Gateway": resource(
        "gateway.networking.k8s.io/v1",
        objects(
            ("gatewayClassName", "listeners"),
            gatewayClassName=TEXT,
            listeners=lists(
                objects(
                    ("name", "protocol", "port"),
                    name=TEXT,
                    hostname=TEXT,
                    protocol={"enum": ["HTTPS", "HTTP"]},
                    port=NUMBER,
                    tls=objects(("certificateRefs",), certificateRefs=lists(objects(("name",), name=TEXT))),
                )
            ),
        ),
    ),
    "HTTPRoute": resource(
        "gateway.networking.k8s.io/v1",
        objects(
            ("parentRefs", "hostnames", "rules"),
            parentRefs=PARENTS,
            hostnames=lists(TEXT),
            rules=lists(
                objects(
                    ("matches", "backendRefs"),
                    matches=lists(
                        objects(path=objects(("type", "value"), type={"enum": ["PathPrefix", "Exact"]}, value=TEXT))
                    ),
                    timeouts=objects(request=LIMIT, backendRequest=LIMIT),
                    backendRefs=lists(objects(("name", "port"), name=TEXT, port=NUMBER)),
                )
            ),
        ),
    ),
}
