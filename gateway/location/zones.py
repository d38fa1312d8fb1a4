"""Exclusion zones: parts of a state where betting is not allowed. One GeoJSON file a zone, in a folder. Reads files.

A file is a GeoJSON Feature (RFC 7946), Polygon or MultiPolygon, with the properties `id`, `state` (US-NJ), `title`,
`source` and `dated`: who cuts a piece out of a state says by what right.
"""

from __future__ import annotations

import datetime
import hashlib
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import msgspec

from feeds.contract.errors import Refused
from gateway.location.geometry import Region

ZONES_MAX = 500
ZONE_BYTES_MAX = 1_000_000

_Point = tuple[float, float]
_Rings = tuple[tuple[_Point, ...], ...]
_Words = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class Zone(NamedTuple):
    """One zone."""

    id: str
    state: str
    title: str
    region: Region


class Zones(NamedTuple):
    """All of a folder, and the hash of what they were read from."""

    zones: tuple[Zone, ...]
    digest: str


class _Polygon(msgspec.Struct, frozen=True, tag_field="type", tag="Polygon"):
    coordinates: _Rings


class _MultiPolygon(msgspec.Struct, frozen=True, tag_field="type", tag="MultiPolygon"):
    coordinates: tuple[_Rings, ...]


class _Properties(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9-]{1,64}\Z")]
    state: Annotated[str, msgspec.Meta(pattern=r"\AUS-[A-Z]{2}\Z")]
    title: _Words
    source: _Words
    dated: datetime.date


class _Feature(msgspec.Struct, frozen=True):
    type: Literal["Feature"]
    properties: _Properties
    geometry: _Polygon | _MultiPolygon


def read_zones(folder: Path | None) -> Zones:
    """Every `*.geojson` of a folder. Raises Refused("bad_zone"), OSError."""
    zones: dict[str, Zone] = {}
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.geojson")) if folder is not None else ():
        text = path.read_bytes()
        zone = _read(path, text)
        if zone.id in zones or len(zones) >= ZONES_MAX:
            raise Refused("bad_zone", f"{path}: the id is another zone's, or there are more than {ZONES_MAX}")
        zones[zone.id] = zone
        digest.update(text)
    return Zones(tuple(zones.values()), digest.hexdigest())


def _read(path: Path, text: bytes) -> Zone:
    if len(text) > ZONE_BYTES_MAX:
        raise Refused("bad_zone", f"{path}: larger than {ZONE_BYTES_MAX} bytes")
    try:
        feature = msgspec.json.decode(text, type=_Feature)
        shape = feature.geometry
        polygons = shape.coordinates if isinstance(shape, _MultiPolygon) else (shape.coordinates,)
        region = Region(polygons)
    except (msgspec.MsgspecError, ValueError, IndexError) as error:
        raise Refused("bad_zone", f"{path}: {error}") from error
    return Zone(feature.properties.id, feature.properties.state, feature.properties.title, region)
