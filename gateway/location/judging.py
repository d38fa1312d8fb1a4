"""Would a place be accepted, and by which rules: for people who look, by the same code that decides. Pure.

It judges a point alone, of nobody: no packet, no receipt, no record.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from gateway.location.atlas import Atlas
from gateway.location.lifetime import lifetime_s
from gateway.location.placing import inside
from gateway.location.policy import Policy
from gateway.location.refusals import GeoRefused
from gateway.location.rules import Matrix


class Spot(NamedTuple):
    """Degrees, metres, and whether who is there moves."""

    lat: float
    lon: float
    accuracy_m: float
    moving: bool


class Judged(NamedTuple):
    """An accepted one: state, metres to the border, seconds that a receipt would live."""

    state: str
    border_m: float
    lifetime_s: int


def judge(spot: Spot, atlas: Atlas, matrix: Matrix, policy: Policy) -> Judged:
    """Raises GeoRefused."""
    if spot.accuracy_m > policy.accuracy_m_max:
        raise GeoRefused("geo_inaccurate")
    state, border_m = inside(atlas, spot.lat, spot.lon, accuracy_m=spot.accuracy_m, buffer_m=policy.border_buffer_m)
    life_s = lifetime_s(border_m, moving=spot.moving)
    if not matrix.offers(state):
        raise GeoRefused("geo_state_not_offered")
    return Judged(state, border_m, life_s)


def conditions(when: msgspec.Struct) -> Iterator[tuple[str, str]]:
    """What a rule is about, as words."""
    for name, value in msgspec.structs.asdict(when).items():
        if value is not None:
            yield name, ",".join(value) if isinstance(value, tuple) else str(value).lower()
