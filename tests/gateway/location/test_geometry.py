"""Borders: known pairs of places, and that an accepted disc lies inside, by other means than those that accepted it.

The other means: bearings walked on the ellipsoid by geographiclib, in Python, and a ray cast through the corners.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Sequence
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import pytest
import shapely
from geographiclib.geodesic import Geodesic
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from feeds.contract.errors import Refused
from gateway.commands import parser
from gateway.location import command
from gateway.location.atlas import Atlas, read_atlas
from gateway.location.geometry import FAR_M, Region, geodesic_m
from gateway.location.lifetime import lifetime_s
from gateway.location.placing import inside
from gateway.location.policy import GENERALISED_M, MILE_M
from gateway.location.refusals import GeoRefused
from gateway.location.settings import LocationSettings
from gateway.location.zones import read_zones
from tests.gateway.location.vendor import atlas

Corners = Sequence[tuple[float, float]]

PAIRS = (
    ("Hoboken", "US-NJ", 40.7440, -74.0324, "Manhattan", "US-NY", 40.7589, -73.9851),
    ("Camden", "US-NJ", 39.9259, -75.1196, "Philadelphia", "US-PA", 39.9526, -75.1652),
    ("Trenton", "US-NJ", 40.2206, -74.7597, "Morrisville", "US-PA", 40.2115, -74.7880),
    ("Kansas City", "US-MO", 39.0500, -94.6019, "500 m west", "US-KS", 39.0500, -94.6135),
    ("Stateline", "US-NV", 38.9624, -119.9399, "South Lake Tahoe", "US-CA", 38.9332, -119.9844),
    ("Bristol", "US-TN", 36.5868, -82.1887, "Bristol", "US-VA", 36.6060, -82.1887),
    ("Texarkana", "US-TX", 33.4251, -94.0530, "Texarkana", "US-AR", 33.4251, -94.0330),
    ("St. Louis", "US-MO", 38.6270, -90.1994, "East St. Louis", "US-IL", 38.6245, -90.1509),
    ("Cincinnati", "US-OH", 39.1031, -84.5120, "Covington", "US-KY", 39.0700, -84.5086),
    ("Louisville", "US-KY", 38.2527, -85.7585, "Jeffersonville", "US-IN", 38.2900, -85.7372),
    ("Portland", "US-OR", 45.5152, -122.6784, "Vancouver", "US-WA", 45.6387, -122.6615),
    ("Omaha", "US-NE", 41.2565, -95.9345, "Council Bluffs", "US-IA", 41.2619, -95.8608),
    ("Memphis", "US-TN", 35.1495, -90.0490, "West Memphis", "US-AR", 35.1465, -90.1845),
    ("Arlington", "US-VA", 38.8816, -77.0910, "Washington", "US-DC", 38.9072, -77.0369),
    ("West Wendover", "US-NV", 40.7391, -114.0733, "Wendover", "US-UT", 40.7372, -114.0375),
    ("Fargo", "US-ND", 46.8772, -96.7898, "Moorhead", "US-MN", 46.8738, -96.7678),
    ("Davenport", "US-IA", 41.5236, -90.5776, "Rock Island", "US-IL", 41.4995, -90.5787),
)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair[0]} and {pair[4]}")
def test_both_sides_of_a_border_are_told_apart(pair: tuple[str, str, float, float, str, str, float, float]) -> None:
    _, state, lat, lon, _, other, other_lat, other_lon = pair
    assert (atlas().state_at(lat, lon), atlas().state_at(other_lat, other_lon)) == (state, other)
    for right, point in ((state, (lat, lon)), (other, (other_lat, other_lon))):
        assert verdict(*point) in (right, "geo_undetermined", "geo_too_close_to_border")


def verdict(lat: float, lon: float) -> str:
    """The state of an exact fix, or the code of its refusal."""
    try:
        return inside(atlas(), lat, lon, accuracy_m=10, buffer_m=GENERALISED_M)[0]
    except GeoRefused as refusal:
        return refusal.code


def walked(lat: float, lon: float, bearing: float, metres: float) -> tuple[float, float]:
    there = Geodesic.WGS84.Direct(lat, lon, bearing, metres)
    return there["lat2"], there["lon2"]


def cast(lat: float, lon: float, rings: Sequence[Corners]) -> bool:
    """Whether a ray to the east crosses the rings an odd number of times."""
    crossed = False
    for ring in rings:
        for (lon_a, lat_a), (lon_b, lat_b) in pairwise(ring):
            if (lat_a > lat) != (lat_b > lat) and lon < (lon_b - lon_a) * (lat - lat_a) / (lat_b - lat_a) + lon_a:
                crossed = not crossed
    return crossed


@st.composite
def stars(draw: st.DrawFn) -> tuple[float, float, list[tuple[float, float]]]:
    """Corners at rising bearings from a centre, as a polygon that mostly has no crossings; and a point that is mostly
    inside it: latitude, longitude."""
    lat, lon = draw(st.floats(-68, 68)), draw(st.floats(-178, 178))
    count = draw(st.integers(3, 14))
    dice = random.Random(draw(st.integers(0, 2**32)))
    far_m = draw(st.floats(900, 60_000))
    corners = []
    for number in range(count):
        bearing = 360 * (number + 0.9 * dice.random()) / count
        there = walked(lat, lon, bearing, far_m * (0.15 + 0.85 * dice.random()))
        corners.append((there[1], there[0]))
    point = walked(lat, lon, 360 * dice.random(), far_m * 0.8 * dice.random() ** 2)
    return *point, [*corners, corners[0]]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(star=stars(), accuracy_m=st.floats(1, 5_000), buffer_m=st.floats(0, 600))
@example((0.0, 0.0, [(-1.0, -1.0), (1.0, -1.0), (0.0, 1.0), (-1.0, -1.0)]), 1, 0)
def test_accepted_means_that_the_whole_disc_is_inside(
    star: tuple[float, float, list[tuple[float, float]]], accuracy_m: float, buffer_m: float
) -> None:
    lat, lon, ring = star
    if not shapely.Polygon(ring).is_valid:
        return  # of a wide gap between bearings
    where = Atlas({"US-XX": Region([[ring]])}, version="made up")
    try:
        _, border_m = inside(where, lat, lon, accuracy_m=accuracy_m, buffer_m=buffer_m)
    except GeoRefused:
        return
    for rim_m in (accuracy_m, accuracy_m + buffer_m, border_m * 0.9999 - 0.01):
        for step in range(0, 360, 15):
            assert cast(*walked(lat, lon, step, rim_m), [ring])


@settings(max_examples=60, deadline=None)
@given(star=stars())
def test_the_distance_to_the_border_is_that_of_its_nearest_point(
    star: tuple[float, float, list[tuple[float, float]]],
) -> None:
    lat, lon, ring = star
    if not shapely.Polygon(ring).is_valid:
        return
    told_m = Region([[ring]]).border_m(lat, lon)
    sampled_m, step_m = math.inf, 0.0
    for (lon_a, lat_a), (lon_b, lat_b) in pairwise(ring):
        steps = 24
        step_m = max(step_m, geodesic_m(lat_a, lon_a, lat_b, lon_b) / steps)
        for number in range(steps + 1):
            share_ = number / steps
            there = lat_a + (lat_b - lat_a) * share_, lon_a + (lon_b - lon_a) * share_
            sampled_m = min(sampled_m, Geodesic.WGS84.Inverse(lat, lon, *there, Geodesic.DISTANCE)["s12"])
    assert told_m <= sampled_m * 1.0001 + 0.01 or told_m == FAR_M <= sampled_m
    assert told_m >= min(FAR_M, (sampled_m - step_m) * 0.9999)


def test_points_of_real_states_are_accepted_only_with_their_disc_inside() -> None:
    dice, accepted = random.Random(7), 0
    for name in ("US-NJ", "US-PA", "US-TN", "US-VA", "US-AK"):
        shape = atlas().states[name].shape
        rings = [shapely.get_coordinates(ring).tolist() for ring in shapely.get_rings(shapely.get_parts(shape))]
        west, south, east, north = shape.bounds
        for _ in range(30):
            lat, lon = dice.uniform(south, north), dice.uniform(west, east)
            try:
                state, _ = inside(atlas(), lat, lon, accuracy_m=150, buffer_m=GENERALISED_M)
            except GeoRefused:
                continue
            if state == name:
                accepted += 1
                assert all(cast(*walked(lat, lon, step, 650), rings) for step in range(0, 360, 30))
    assert accepted > 40


def test_a_border_across_the_antimeridian_is_seen() -> None:
    east = Region([[[(179.0, 51.0), (180.0, 51.0), (180.0, 52.0), (179.0, 52.0), (179.0, 51.0)]]])
    assert east.border_m(51.5, -179.99) == pytest.approx(geodesic_m(51.5, -179.99, 51.5, 180), rel=1e-6)
    assert east.border_m(51.5, 0.0) == FAR_M
    assert east.border_m(90.0, 0.0) == FAR_M


@pytest.mark.parametrize(
    ("border_m", "moving", "life_s"),
    [
        (FAR_M, False, 1_200),
        (MILE_M + 1, False, 1_200),
        (MILE_M, False, 300),
        (MILE_M, True, 55),
        (10 * MILE_M, True, 553),
        (FAR_M, True, 1_200),
        (436.0, True, 15),
    ],
)
def test_a_place_lasts_by_distance_and_motion(border_m: float, *, moving: bool, life_s: int) -> None:
    assert lifetime_s(border_m, moving=moving) == life_s


def test_less_than_15_seconds_are_too_few() -> None:
    with pytest.raises(GeoRefused) as refusal:
        lifetime_s(435.0, moving=True)
    assert refusal.value.code == "geo_too_close_to_border"


def documented() -> str:
    """The zone of data/README.md."""
    page = (files("gateway.location") / "data" / "README.md").read_text(encoding="utf-8")
    return page.split("```json")[1].split("```")[0]


def test_a_zone_is_a_file_that_cuts_a_piece_out_of_its_state(tmp_path: Path) -> None:
    (tmp_path / "example.geojson").write_text(documented())
    (tmp_path / "notes.txt").write_text("no zone")
    zones = read_zones(tmp_path)
    assert [zone.id for zone in zones.zones] == ["example-lands"]
    assert zones.digest != read_zones(None).digest
    with_zone, without = read_atlas(tmp_path), read_atlas()
    assert with_zone.version == f"{without.version}+zones/{zones.digest[:12]}"
    for lat, lon, code in (
        (40.305, -74.795, "geo_excluded_zone"),
        (40.305, -74.786, "geo_excluded_zone"),  # so near to it that the buffer reaches in
        (40.305, -74.770, None),
    ):
        assert inside(without, lat, lon, accuracy_m=20, buffer_m=GENERALISED_M)[0] == "US-NJ"
        if code is None:
            _, border_m = inside(with_zone, lat, lon, accuracy_m=20, buffer_m=GENERALISED_M)
            assert border_m == pytest.approx(geodesic_m(lat, lon, lat, -74.79), rel=1e-3)
            continue
        with pytest.raises(GeoRefused) as refusal:
            inside(with_zone, lat, lon, accuracy_m=20, buffer_m=GENERALISED_M)
        assert refusal.value.code == code
    said: list[str] = []
    options = parser(defaultdict(lambda: lambda _: 0)).parse_args(
        ["geo", "check", "--lat", "40.305", "--lon", "-74.795"]
    )
    assert command.check(options, LocationSettings(zones=tmp_path), said.append) == command.EXIT_REFUSED
    assert "geo_excluded_zone" in said[0]


@pytest.mark.parametrize(
    ("was", "is_"),
    [
        ('"Feature"', '"FeatureCollection"'),
        ('"Polygon"', '"Point"'),
        ("US-NJ", "NJ"),
        ("US-NJ", "US-XX"),
        ("example-lands", "Example Lands"),
        ('"source": "The text that says so: title, section",', ""),
        ('"source": "The text that says so: title, section"', '"source": ""'),
        ('"dated": "2026-11-26"', '"dated": "lately"'),
        ('"dated": "2026-11-26"', '"dated": "2026-11-26", "until": "2027"'),
        ("[-74.79, 40.31], [-74.80, 40.31]", "[-74.80, 40.31], [-74.79, 40.31]"),  # it crosses itself
        ("[-74.80, 40.30]]]", "[-74.80, 40.30], [-74.79, 95.0]]]"),
        ("[[[-74.80, 40.30], ", "[[["),  # not closed, and of no area by then
        ("[[-74.80, 40.30], [-74.79, 40.30], [-74.79, 40.31], [-74.80, 40.31], [-74.80, 40.30]]", ""),
        ('"example-lands"', '"square"'),
    ],
)
def test_a_zone_that_is_not_one_ends_the_start(tmp_path: Path, was: str, is_: str) -> None:
    (tmp_path / "a.geojson").write_text(documented().replace("example-lands", "square"))
    assert was in documented()
    (tmp_path / "b.geojson").write_text(documented().replace(was, is_, 1))
    with pytest.raises(Refused) as refusal:
        read_atlas(tmp_path)
    assert refusal.value.code == "bad_zone"
