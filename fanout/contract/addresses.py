"""Whose connection it is: the socket's peer, or who stands behind the proxies that are trusted. Pure.

`X-Forwarded-For` is read from the right: each proxy appends the peer it saw, so what a device wrote itself stands to
the left of the first hop that is not trusted, and is never believed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

HOPS_MAX = 16
"""Trusted hops that are walked back, at most; then the last one counts."""

HOP_CHARS_MAX = 64
"""`[`, an IPv6 address with its zone, `]:` and a port."""

Address = IPv4Address | IPv6Address


class Networks:
    """A list of networks, as settings write them. Raises ValueError."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._networks: Sequence[IPv4Network | IPv6Network] = tuple(ip_network(text) for text in texts)

    def __bool__(self) -> bool:
        return bool(self._networks)

    def __contains__(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def client_address(peer: str, forwarded_for: Sequence[str], trusted: Networks) -> Address | None:
    """The right-most hop that is not trusted, the peer first; None for a peer without an address (a Unix socket).

    `forwarded_for`: the header's values, in order. Behind a hop that is not an address the last trusted one counts.
    """
    address = _address(peer)
    if address is None or not forwarded_for or address not in trusted:
        return address
    hops = ",".join(forwarded_for).rsplit(",", HOPS_MAX)
    for hop in reversed(hops[-HOPS_MAX:]):
        behind = _address(_without_port(hop.strip()))
        if behind is None:
            return address
        address = behind
        if address not in trusted:
            return address
    return address


def _address(text: str) -> Address | None:
    """An address; the IPv4 one that is mapped into IPv6 is the same host (RFC 4291 section 2.5.5.2)."""
    try:
        address = ip_address(text) if len(text) <= HOP_CHARS_MAX else None
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or address
    return address


def _without_port(hop: str) -> str:
    """Some proxies write `192.0.2.1:4711` and `[2001:db8::1]:4711`."""
    if hop.startswith("["):
        inside, bracket, port = hop[1:].partition("]")
        return inside if bracket and (not port or (port[0] == ":" and port[1:].isdecimal())) else ""
    host, colon, port = hop.partition(":")
    return host if colon and port.isdecimal() and "." in host else hop
