"""How long a place is worth something: by the distance to the border, and by whether its bearer moves. Pure."""

from __future__ import annotations

from gateway.location.policy import LIFE_S_MIN, NEAR_M, STATIC_NEAR_S, STATIC_S, TRAVEL_MPS
from gateway.location.refusals import GeoRefused


def lifetime_s(border_m: float, *, moving: bool) -> int:
    """Seconds from the fix. Raises GeoRefused("geo_too_close_to_border") where they would be too few."""
    limit_s: float = STATIC_NEAR_S if border_m <= NEAR_M else STATIC_S
    if moving:
        limit_s = min(STATIC_S, border_m / TRAVEL_MPS)
    if limit_s < LIFE_S_MIN:
        raise GeoRefused("geo_too_close_to_border")
    return int(limit_s)
