"""Regions of the earth: is a point inside, and how far is the border, on the WGS 84 ellipsoid. Pure.

Edges are straight in longitude and latitude (RFC 7946 section 3.1.1), which is how the boundaries were made and what
"inside" is exact for (shapely). The nearest points of edges are sought in the plane that touches the ellipsoid at the
point, again with the metric half way to them, and measured as geodesics (PROJ): the error of the second search enters
the distance only squared: a centimetre in 20 km, and less nearer by.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Geod
from shapely.geometry.base import BaseGeometry

FAR_M = 100_000.0
"""Distances are told up to here; what is farther is this far."""

_WGS84 = Geod(ellps="WGS84")
_SLACK = 1.15
"""How much farther than the nearest an edge may look in the touching plane, and be sought again; within FAR_M the
plane is wrong by less than a twentieth up to 72 degrees of latitude."""

_SLACK_M = 50.0
_LAT_MAX, _LON_MAX = 75.0, 180.0
_NEAR_ANTIMERIDIAN = 170.0

Ring = Sequence[tuple[float, float]]
"""Longitude and latitude of each corner, the first again at the end."""

_Numbers = npt.NDArray[np.float64]


def geodesic_m(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Between two points, metres."""
    distance: float = _WGS84.inv(lon, lat, other_lon, other_lat)[2]
    return distance


class Region:
    """One or more polygons with holes; each polygon a list of rings, the outer one first. Raises ValueError.

    A polygon must not cross the antimeridian (RFC 7946 section 3.1.9: it is cut there). An edge along it counts as
    border, so nobody is taken for farther inside than he is. `repair`: rings that cross or touch themselves, as
    simplified ones do, are taken apart; else they are refused.
    """

    def __init__(self, polygons: Sequence[Sequence[Ring]], *, repair: bool = False) -> None:
        shape: BaseGeometry = shapely.MultiPolygon([(rings[0], list(rings[1:])) for rings in polygons])
        if repair and not shape.is_valid:
            shape = shapely.make_valid(shape, method="structure", keep_collapsed=False)
        if not shape.is_valid or shape.is_empty:
            raise ValueError(f"not a region: {shapely.is_valid_reason(shape)}")
        west, south, east, north = self._bounds = shape.bounds
        if max(-west, east) > _LON_MAX or max(-south, north) > _LAT_MAX:
            raise ValueError(f"a region lies between {-_LAT_MAX} and {_LAT_MAX} degrees of latitude")
        shapely.prepare(shape)
        self.shape = shape
        rings = shapely.get_rings(shapely.get_parts(shape))
        self._edges = np.ascontiguousarray(np.hstack([_edges(shapely.get_coordinates(ring)) for ring in rings]))
        self._wide = east - west > _LON_MAX

    def holds(self, lat: float, lon: float) -> bool:
        """Whether the point is inside. On the border it is not."""
        west, south, east, north = self._bounds
        if not (west < lon < east and south < lat < north):
            return False
        return bool(shapely.contains_xy(self.shape, lon, lat))

    def border_m(self, lat: float, lon: float) -> float:
        """How far the border is, inside or outside, up to FAR_M; poleward of 75 degrees FAR_M."""
        if abs(lat) > _LAT_MAX:
            return FAR_M
        lon_a, lat_a, lon_d, lat_d = self._edges
        x, y = lon_a - lon, lat_a - lat
        if self._wide or abs(lon) > _NEAR_ANTIMERIDIAN:
            x -= 360.0 * np.round(x / 360.0)  # the short way round
        here = _metric(lat)
        apart_m = _apart(x, y, lon_d, lat_d, here)
        nearest_m = float(apart_m.min())
        if nearest_m > FAR_M * _SLACK:
            return FAR_M
        close = np.flatnonzero(apart_m <= nearest_m * _SLACK + _SLACK_M)
        edges = zip(x[close].tolist(), y[close].tolist(), lon_d[close].tolist(), lat_d[close].tolist())
        return min(FAR_M, *(_edge_m(lat, lon, edge, here) for edge in edges))


def _edges(corners: _Numbers) -> _Numbers:
    """Columns: longitude and latitude where an edge begins, and how far it goes in each."""
    edges = np.hstack([corners[:-1], corners[1:] - corners[:-1]])
    return edges[np.any(edges[:, 2:] != 0.0, axis=1)].T


def _metric(lat: float) -> tuple[float, float]:
    """Metres in a degree of longitude and of latitude there (WGS 84: radii of curvature)."""
    angle = math.radians(lat)
    bent = 1.0 - _WGS84.es * math.sin(angle) ** 2
    normal = _WGS84.a / math.sqrt(bent)
    meridian = normal * (1.0 - _WGS84.es) / bent
    return math.radians(normal) * math.cos(angle), math.radians(meridian)


def _apart(x: _Numbers, y: _Numbers, dx: _Numbers, dy: _Numbers, metric: tuple[float, float]) -> _Numbers:
    """How far edges are from a point that they are given relative to in degrees, in the plane of the metric: metres."""
    east, north = metric
    x, y, dx, dy = x * east, y * north, dx * east, dy * north
    along = -(x * dx + y * dy) / (dx * dx + dy * dy)
    np.maximum(along, 0.0, out=along)
    np.minimum(along, 1.0, out=along)
    return np.hypot(x + along * dx, y + along * dy)


def _edge_m(lat: float, lon: float, edge: tuple[float, float, float, float], here: tuple[float, float]) -> float:
    """How far one edge is, by the metric half way to its nearest point. `here`: the metric of the point itself."""
    x, y, dx, dy = edge
    along = _along(edge, here)
    along = _along(edge, _metric(lat + (y + along * dy) / 2))
    return geodesic_m(lat, lon, lat + y + along * dy, lon + x + along * dx)


def _along(edge: tuple[float, float, float, float], metric: tuple[float, float]) -> float:
    """The share of an edge at which it is nearest."""
    east, north = metric
    x, y, dx, dy = edge[0] * east, edge[1] * north, edge[2] * east, edge[3] * north
    return min(1.0, max(0.0, -(x * dx + y * dy) / (dx * dx + dy * dy)))
