"""What is rendered and judged: every values file, and options that change which objects there are."""

from __future__ import annotations

from pathlib import Path

from tests.helm.chart import MINIMUM, VALUES, Manifest, merged

PROXIES = {"settings": {"fanout": {"trusted_proxies": "10.0.0.0/8"}, "gateway": {"trusted_proxies": "10.0.0.0/8"}}}
WATCHED = {
    "metrics": {
        "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "rules": {"enabled": True},
        "dashboards": {"enabled": True},
        "prometheusUrl": "http://prometheus.monitoring:9090",
    }
}

OPTIONS: dict[str, Manifest] = {
    "least": {},
    "nothing but shards": {"external": {"databaseUrl": ""}, "feeds": {}, "gateway": {"enabled": False}},
    "without shards": {"fanout": {"enabled": False}},
    "one of each": {
        name: {"replicas": 1} for name in ("fanout", "gateway", "settler", "news", "archive", "feedDefaults")
    },
    "no workers": {name: {"enabled": False} for name in ("settler", "news", "archive", "migrate")},
    "hpa": {"fanout": {"autoscaling": {"kind": "hpa"}}, "gateway": {"autoscaling": {"kind": "hpa"}}},
    "keda": merged(
        WATCHED, {"fanout": {"autoscaling": {"kind": "keda"}}, "gateway": {"autoscaling": {"kind": "keda"}}}
    ),
    "watched": WATCHED,
    "nginx": merged(PROXIES, {"ingress": {"enabled": True, "apiTlsSecret": "api", "streamTlsSecret": "stream"}}),
    "alb": merged(PROXIES, {"ingress": {"enabled": True, "controller": "alb", "className": "alb"}}),
    "own ingress": merged(
        PROXIES, {"ingress": {"enabled": True, "controller": "none", "annotations": {"example.com/a": "b"}}}
    ),
    "gateway of our own": merged(PROXIES, {"gatewayApi": {"enabled": True, "className": "eg"}}),
    "gateway of others": merged(
        PROXIES, {"gatewayApi": {"enabled": True, "parentRefs": [{"name": "edge", "namespace": "edge"}]}}
    ),
    "own nats": {"nats": {"enabled": True}, "external": {"natsUrl": "", "natsMonitor": "http://oddswire-nats:8222"}},
    "own aerospike": {"aerospike": {"enabled": True}},
    "aerospike elsewhere": {"external": {"coordination": "aerospike://a:3000,b:3000/oddswire/live"}},
    "secret log": {"external": {"natsUrl": ""}, "secrets": {"natsUrl": "nats-url", "revision": "7"}},
    "a desk": {
        "settings": {"desk": {"url": "https://desk.example", "issuer": "https://id.example", "client_id": "desk"}},
        "secrets": {"deskSessionKeys": "desk-session-keys", "deskClientSecret": "desk-client-secret"},
        "gateway": {"paths": ["/v1", "/desk", "/sdk"]},
    },
    "no secrets": {
        "secrets": dict.fromkeys(("databasePassword", "ticketKeys", "offerKeys", "receiptKeys"), ""),
    },
    "reader": {
        "external": {
            "databaseReaderUrl": "postgresql://oddswire@reader:5432/oddswire?sslmode=verify-full",
            "databaseCaConfigMap": "database-ca",
        }
    },
    "closed network": {
        "networkPolicy": {
            name: [{"ipBlock": {"cidr": "10.0.0.0/8"}}]
            for name in ("ingressFrom", "metricsFrom", "natsTo", "databaseTo", "aerospikeTo")
        }
    },
    "open network": {"networkPolicy": {"enabled": False}},
    "shared account": {"serviceAccount": {"create": False, "name": "odds"}},
    "placed": {
        name: {"nodeSelector": {"pool": "odds"}, "tolerations": [{"key": "odds", "operator": "Exists"}]}
        for name in ("fanout", "gateway", "settler", "news", "archive")
    },
    "a canary": {"fanout": {"updatePartition": 2, "updateMaxUnavailable": 2}},
    "by digest": {
        "image": {"digest": f"sha256:{'0' * 64}", "pullSecrets": ["registry"]},
        "commonLabels": {"team": "a"},
    },
    "mapped feeds": {
        "feeds": {
            "betfair": {
                "provider": "betfair",
                "secret": "oddswire-betfair",
                "mapping": "[events]\n",
                "betfair": {"event_types": "1,2", "cert_file": "/certs/tls.crt"},
                "extraVolumes": [{"name": "certs", "secret": {"secretName": "betfair-certificate"}}],
                "extraVolumeMounts": [{"name": "certs", "mountPath": "/certs", "readOnly": True}],
            },
            "odds-api": {"provider": "theoddsapi", "theoddsapi": {"sports": "soccer_epl", "bookmaker": "pinnacle"}},
        }
    },
    "vendor keys": {"gateway": {"vendorKeysConfigMap": "vendors"}},
}
"""Over MINIMUM."""

CASES: dict[str, tuple[Manifest, tuple[Path, ...]]] = {
    **{f"values/{path.name}": ({}, (path,)) for path in sorted(VALUES.glob("*.yaml"))},
    **{name: (merged(MINIMUM, values), ()) for name, values in OPTIONS.items()},
}
