"""Where a packet places somebody, and for how long: what comes after all checks of it. Pure.

DOMAIN.md section 2, 5 and 6. The state is found by our own boundaries; the vendor's must agree.
"""

from __future__ import annotations

from typing import NamedTuple

from gateway.location.atlas import Atlas
from gateway.location.checks import Asked, Fix, speed_mps
from gateway.location.lifetime import lifetime_s
from gateway.location.policy import GENERALISED_M
from gateway.location.refusals import GeoRefused


class Placement(NamedTuple):
    """An accepted place. `fix_s`, `expires_s`: Unix seconds; the life counts from the fix, not from now."""

    jurisdiction: str
    fix_s: int
    expires_s: int
    border_m: float


def place(asked: Asked, atlas: Atlas) -> Placement:
    """The placement. Raises GeoRefused."""
    packet, policy = asked.packet, asked.policy
    state, border_m = inside(
        atlas, packet.lat, packet.lon, accuracy_m=packet.accuracy_m, buffer_m=policy.border_buffer_m
    )
    if state != packet.state:
        raise GeoRefused("geo_outside")
    moving = max(packet.speed_mps, speed_mps(packet, asked.last)) > policy.static_mps_max
    fix_s = min(packet.iat, int(asked.now_s))
    expires_s = fix_s + lifetime_s(border_m, moving=moving)
    if expires_s <= asked.now_s:
        raise GeoRefused("geo_expired")
    return Placement(state, fix_s, expires_s, border_m)


def inside(atlas: Atlas, lat: float, lon: float, *, accuracy_m: float, buffer_m: float) -> tuple[str, float]:
    """The state that holds the whole disc, with the buffer around it, and how far its border is. Raises GeoRefused.

    Nearer to a border than the boundaries can be trusted is on neither side, however exact the fix.
    """
    place = atlas.place(lat, lon, margin_m=accuracy_m + buffer_m)
    if place is None:
        raise GeoRefused("geo_outside")
    if place.zone is not None:
        raise GeoRefused("geo_excluded_zone")
    if place.border_m < max(accuracy_m, GENERALISED_M):
        raise GeoRefused("geo_undetermined")
    if place.border_m < accuracy_m + buffer_m:
        raise GeoRefused("geo_too_close_to_border")
    return place.state, place.border_m


def fix_of(asked: Asked) -> Fix:
    """What is remembered of a packet until the next."""
    packet = asked.packet
    return Fix(packet.lat, packet.lon, packet.accuracy_m, packet.iat)
