"""The limits of a location, each with its source, in one place. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

MILE_M: Final = 1_609.344
TRAVEL_MPS: Final = 65 * MILE_M / 3_600
"""65 miles an hour: the velocity that is assumed of who moves (C.M.R. 16-633 ch. 62, 3.B(2)(b))."""

STATIC_S: Final = 20 * 60
STATIC_NEAR_S: Final = 5 * 60
NEAR_M: Final = MILE_M
"""Static: every 20 minutes, every 5 within a mile of the border (same chapter, 3.B(2)(a))."""

LIFE_S_MIN: Final = 15
"""Shorter than this nobody can place a bet in: refused (DOMAIN.md 2.6)."""

GENERALISED_M: Final = 500.0
"""How far the boundaries may be off: they are generalised (LIBRARIES.md section 5)."""


class Policy(NamedTuple):
    """What is asked of a packet. `audience`: the claim that says it is for us."""

    audience: str
    skew_s: int = 5
    age_s_max: int = 120
    accuracy_m_max: float = 200.0
    speed_mps_max: float = 300.0
    static_mps_max: float = 1.0
    border_buffer_m: float = GENERALISED_M
    """Between the disc of the accuracy and the border."""
