"""The states and their borders, and what is cut out of them. Pure but for `read_atlas`, which reads the files.

Boundaries come from the npm package us-atlas 3.0.1: the Census Bureau's cartographic boundary files of 2017 as
TopoJSON (github.com/topojson/topojson-specification), generalised. Exclusion zones are GeoJSON files of their own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from feeds.contract.errors import Refused
from gateway.location.geometry import Region, Ring
from gateway.location.zones import Zone, read_zones

SOURCE = "us-atlas-3.0.1"
SHA256 = "d76b391ccfa8bff601d51e3e3da5d43a89fa46cd5caca72ce731b383be5596d0"
"""Of the file as the package has it: another one is refused at the start."""

_FILE = files("gateway.location") / "data" / "boundaries" / "us-states.json"

_FIPS = (
    "01:AL 02:AK 04:AZ 05:AR 06:CA 08:CO 09:CT 10:DE 11:DC 12:FL 13:GA 15:HI 16:ID 17:IL 18:IN 19:IA 20:KS 21:KY "
    "22:LA 23:ME 24:MD 25:MA 26:MI 27:MN 28:MS 29:MO 30:MT 31:NE 32:NV 33:NH 34:NJ 35:NM 36:NY 37:NC 38:ND 39:OH "
    "40:OK 41:OR 42:PA 44:RI 45:SC 46:SD 47:TN 48:TX 49:UT 50:VT 51:VA 53:WA 54:WV 55:WI 56:WY 60:AS 66:GU 69:MP "
    "72:PR 78:VI"
)
CODES = dict(pair.split(":") for pair in _FIPS.split())
"""FIPS codes of the boundaries, and ISO 3166-2:US as jurisdictions are named."""


_POSITIONS_MIN = 4
"""Of a ring, the first again at the end."""


class Place(NamedTuple):
    """Where a point lies. `border_m`: to the border of the state or of a zone in it, whichever is nearer."""

    state: str
    border_m: float
    zone: str | None
    """The zone that it lies in, or so near to that the generalised boundary does not tell."""


class Atlas:
    """Regions of all states. `version` names what they were made from, zones included."""

    def __init__(self, states: Mapping[str, Region], zones: Sequence[Zone] = (), *, version: str) -> None:
        self.version = version
        self._states = dict(states)
        self._zones = {state: tuple(zone for zone in zones if zone.state == state) for state in states}
        unknown = {zone.state for zone in zones} - states.keys()
        if unknown:
            raise Refused("bad_zone", f"zones of states without a boundary: {', '.join(sorted(unknown))}")

    @property
    def states(self) -> Mapping[str, Region]:
        """By name, `US-NJ`."""
        return self._states

    def state_at(self, lat: float, lon: float) -> str | None:
        """The state that holds the point; None on a border, at sea, abroad."""
        return next((name for name, region in self._states.items() if region.holds(lat, lon)), None)

    def place(self, lat: float, lon: float, *, margin_m: float) -> Place | None:
        """The place of a point, or None where no state holds it. `margin_m`: what counts as in a zone."""
        state = self.state_at(lat, lon)
        if state is None:
            return None
        border_m, inside = self._states[state].border_m(lat, lon), None
        for zone in self._zones[state]:
            zone_m = 0.0 if zone.region.holds(lat, lon) else zone.region.border_m(lat, lon)
            border_m = min(border_m, zone_m)
            if zone_m < margin_m:
                inside = inside or zone.id
        return Place(state, border_m, inside)


def read_atlas(zones: Path | None = None) -> Atlas:
    """The shipped boundaries, and the zones of a folder. Raises Refused("bad_boundaries" | "bad_zone"), OSError."""
    text = _FILE.read_bytes()
    digest = hashlib.sha256(text).hexdigest()
    if digest != SHA256:
        raise Refused("bad_boundaries", f"{_FILE} is not that of {SOURCE}")
    found = read_zones(zones)
    version = f"{SOURCE}/{digest[:12]}" + (f"+zones/{found.digest[:12]}" if found.zones else "")
    return Atlas(dict(decode_states(msgspec.json.decode(text))), found.zones, version=version)


def decode_states(topology: Mapping[str, Any]) -> Iterator[tuple[str, Region]]:
    """Name and region of each state of a quantised TopoJSON topology."""
    (scale_x, scale_y), (move_x, move_y) = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs: list[list[tuple[float, float]]] = []
    for arc in topology["arcs"]:
        x = y = 0
        points = []
        for step in arc:  # each relative to the one before
            x, y = x + step[0], y + step[1]
            points.append((x * scale_x + move_x, y * scale_y + move_y))
        arcs.append(points)
    for geometry in topology["objects"]["states"]["geometries"]:
        polygons = geometry["arcs"] if geometry["type"] == "MultiPolygon" else [geometry["arcs"]]
        joined = [[_ring(arcs, indices) for indices in polygon] for polygon in polygons]
        # The simplification has left islands and ponds without an area: nobody is in them.
        regions = [[ring for ring in rings if _has_area(ring)] for rings in joined if _has_area(rings[0])]
        yield f"US-{CODES[geometry['id']]}", Region(regions, repair=True)


def _has_area(ring: Ring) -> bool:
    return len(ring) >= _POSITIONS_MIN


def _ring(arcs: Sequence[Sequence[tuple[float, float]]], indices: Sequence[int]) -> Ring:
    """Arcs joined end to end; one of a negative index runs backwards."""
    ring: list[tuple[float, float]] = []
    for index in indices:
        points = arcs[index] if index >= 0 else arcs[~index][::-1]
        ring.extend(points[1:] if ring else points)
    return ring
