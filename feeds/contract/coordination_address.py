"""Where an installation coordinates, as every setting and option writes it: the one parser of such addresses. Pure.

memory:     nowhere: this process alone
nats:       on the nats-server that holds the log
aerospike://HOST:PORT,HOST:PORT/NAMESPACE/INSTALLATION
            an Aerospike cluster, by some of its nodes; port and namespace have defaults, and the name of the
            installation is only needed where several share a namespace
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from feeds.contract.errors import Refused

AEROSPIKE_PORT = 3000
AEROSPIKE_NAMESPACE = "oddswire"
HOSTS_MAX = 32

_HOST = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::(?P<port>[0-9]{1,5}))?\Z")
_INSTALLATION = re.compile(r"[A-Za-z0-9_-]{0,31}\Z")
_NAMESPACE = re.compile(r"[A-Za-z0-9_-]{1,31}\Z")
_PORT_MAX = 65_535


class CoordinationAddress(NamedTuple):
    """Which backend; for Aerospike the hosts that are asked first, the namespace, and what keeps installations in it
    apart."""

    backend: Literal["memory", "nats", "aerospike"]
    hosts: tuple[tuple[str, int], ...] = ()
    namespace: str = ""
    installation: str = ""


def parse_coordination(text: str) -> CoordinationAddress:
    """Raises Refused("bad_address")."""
    match text:
        case "memory" | "memory:":
            return CoordinationAddress("memory")
        case "nats" | "nats:":
            return CoordinationAddress("nats")
    scheme, found, rest = text.partition("://")
    if scheme != "aerospike" or not found:
        raise Refused("bad_address", _refusal(text))
    hosts, _, path = rest.partition("/")
    namespace, _, installation = path.partition("/")
    parsed = tuple(_host(host) for host in hosts.split(","))
    namespace = namespace or AEROSPIKE_NAMESPACE
    well_named = _NAMESPACE.match(namespace) and _INSTALLATION.match(installation)
    if not well_named or len(parsed) > HOSTS_MAX:
        raise Refused("bad_address", _refusal(text))
    return CoordinationAddress("aerospike", parsed, namespace, installation)


def _host(text: str) -> tuple[str, int]:
    match = _HOST.match(text)
    port = AEROSPIKE_PORT if match is None or match["port"] is None else int(match["port"])
    if match is None or not 1 <= port <= _PORT_MAX:
        raise Refused("bad_address", _refusal(f"aerospike://{text}"))
    return match["v6"] or match["name"], port


def _refusal(text: str) -> str:
    shown = text if "@" not in text else "what was given"  # whoever writes a password there does not find it in a log
    return (
        f"coordination is memory:, nats: or aerospike://HOST:PORT,HOST:PORT/NAMESPACE/INSTALLATION, not {shown[:200]!r}"
    )
