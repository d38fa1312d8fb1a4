"""What a packet has to be, as two tables of small checks, in DOMAIN.md's order: the first one missed refuses. Pure.

BEFORE_CLAIM needs nothing but the packet and who brings it; then the shell claims its id once; AFTER_CLAIM goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import NamedTuple

from gateway.location.claims import Packet, Signed
from gateway.location.geometry import geodesic_m
from gateway.location.policy import Policy
from gateway.location.refusals import GeoRefused

_PREFIX_V4, _PREFIX_V6 = 24, 48


def network_of(address: IPv4Address | IPv6Address) -> str:
    """The network somebody is bound to: /24 of IPv4, /48 of IPv6."""
    prefix = _PREFIX_V4 if address.version == 4 else _PREFIX_V6
    return str(ip_network(f"{address}/{prefix}", strict=False))


class Claimant(NamedTuple):
    """Who brings a packet or a receipt: account of the token, device and session as they say, network as we see it."""

    account: str
    device: str
    session: str
    network: str


class Fix(NamedTuple):
    """Where an account was last: degrees, metres, Unix seconds of the fix."""

    lat: float
    lon: float
    accuracy_m: float
    at_s: int


class Asked(NamedTuple):
    """A packet, and what it is compared with. `last`: the account's fix before it, known only after the claim."""

    packet: Packet
    issuer: str
    claimant: Claimant
    policy: Policy
    now_s: float
    last: Fix | None = None


class Check(NamedTuple):
    """One check: what it refuses with, and whether it holds."""

    code: str
    holds: Callable[[Asked], bool]


def speed_mps(packet: Packet, last: Fix | None) -> float:
    """The least speed between two fixes, both discs granted; 0 without a fix before."""
    if last is None:
        return 0.0
    apart_m = geodesic_m(packet.lat, packet.lon, last.lat, last.lon) - packet.accuracy_m - last.accuracy_m
    return max(0.0, apart_m) / max(1, packet.iat - last.at_s)


BEFORE_CLAIM = (
    Check("geo_bad_packet", lambda asked: asked.packet.iss == asked.issuer),
    Check("geo_bad_packet", lambda asked: asked.packet.aud == asked.policy.audience),
    Check("geo_expired", lambda asked: asked.packet.iat <= asked.now_s + asked.policy.skew_s),
    Check("geo_expired", lambda asked: asked.packet.exp > asked.now_s),
    Check("geo_expired", lambda asked: asked.packet.exp > asked.packet.iat),
    Check("geo_expired", lambda asked: asked.packet.iat >= asked.now_s - asked.policy.age_s_max),
    Check("geo_not_yours", lambda asked: asked.packet.sub == asked.claimant.account),
    Check("geo_not_yours", lambda asked: asked.packet.device == asked.claimant.device),
    Check("geo_not_yours", lambda asked: asked.packet.session == asked.claimant.session),
    Check("geo_network_changed", lambda asked: asked.packet.net == asked.claimant.network),
)
"""1 and 2 of DOMAIN.md section 2; size, algorithm, key and signature are read_packet's."""

AFTER_CLAIM = (
    Check("geo_mocked", lambda asked: not asked.packet.flags.mocked),
    Check("geo_rooted", lambda asked: not asked.packet.flags.rooted),
    Check("geo_proxy", lambda asked: not asked.packet.flags.proxy),
    Check("geo_remote_desktop", lambda asked: not asked.packet.flags.remote_desktop),
    Check("geo_jumped", lambda asked: not asked.packet.flags.jumped),
    Check("geo_inaccurate", lambda asked: asked.packet.accuracy_m <= asked.policy.accuracy_m_max),
    Check("geo_superseded", lambda asked: asked.last is None or asked.packet.iat >= asked.last.at_s),
    Check("geo_jumped", lambda asked: asked.packet.speed_mps <= asked.policy.speed_mps_max),
    Check("geo_jumped", lambda asked: speed_mps(asked.packet, asked.last) <= asked.policy.speed_mps_max),
)
"""4 of it."""


def held_against(checks: Iterable[Check], asked: Asked) -> None:
    """Raises GeoRefused with the code of the first check that does not hold."""
    for check in checks:
        if not check.holds(asked):
            raise GeoRefused(check.code)


def asked_of(signed: Signed, claimant: Claimant, policy: Policy, now_s: float) -> Asked:
    """What BEFORE_CLAIM looks at."""
    return Asked(signed.packet, signed.key.issuer, claimant, policy, now_s)
